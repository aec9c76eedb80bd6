"""How methods are tested: cells, the engine, the measures, the pytest plugin and the tests.

`score(method, fixture)` scores one cell from Python; `check_method`, `parametrize_with_checks` and `MethodTestCase`
hold a method to the contract in the tests of its own project.
"""

from typing import TYPE_CHECKING, Any

from .api import score, score_all
from .errors import ContractError, InterpmarkWarning, UsageError
from .options import RunOptions

if TYPE_CHECKING:
    from .bench import Bench
    from .checks import MethodTestCase, check_method, parametrize_with_checks

__all__ = [
    "Bench",
    "ContractError",
    "InterpmarkWarning",
    "MethodTestCase",
    "RunOptions",
    "UsageError",
    "check_method",
    "parametrize_with_checks",
    "score",
    "score_all",
]


def __getattr__(name: str) -> Any:
    # The plugin imports this package in every pytest session: the checks, which need torch, come when asked for.
    if name in ("MethodTestCase", "check_method", "parametrize_with_checks"):
        from . import checks

        return getattr(checks, name)
    if name == "Bench":
        from .bench import Bench

        return Bench
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
