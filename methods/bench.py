"""What a method that needs more than activations may ask of the bench that `fit_on(bench, *, seed)` is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from interpmark.methods.edits import Edit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor


class FitSplit(Protocol):
    """The `fit` split: activations at the fixture's site and slot, with labels and entities."""

    @property
    def x(self) -> Tensor:
        """`[n, d]` float64."""

    @property
    def z(self) -> Tensor:
        """`[n]` int64 classes or `[n, k]` float64 values."""

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """The entity of each row, `[n]`."""


class Walk(Protocol):
    """The prompts on their way through the subject, forward only."""

    def activations(self, site: str) -> Tensor:
        """What arrives at the slots at a site with the edits so far in place, `[n, d]` float64."""

    def edit(self, site: str, edit: Edit) -> None:
        """Place an edit at a site that the walk has reached, or further on."""


class AnswersFrom(Protocol):
    """Prompts that are run on from other activations at the fixture's site and slot."""

    @property
    def groups(self) -> Sequence[Tensor]:
        """The rows, in groups that run together: prompts of one length. A call for rows of one group is one pass."""

    def log_probs(self, rows: Tensor, x: Tensor) -> Tensor:
        """Log-probability of each class's answers after the prompts, `[m, k]`, differentiable in x `[m, d]`."""


class FitBench(Protocol):
    """The `fit` split of a concept on a subject."""

    @property
    def site(self) -> str:
        """Where the fixture is scored, and where a single edit acts."""

    @property
    def split(self) -> FitSplit:
        """Activations, labels and entities."""

    @property
    def subject(self) -> Any:
        """The subject: `sites()`, `name` and the language model itself."""

    @property
    def texts(self) -> Sequence[str]:
        """The prompts, one a row."""

    @property
    def instructions(self) -> Sequence[str]:
        """An instruction towards each class, in label order; none where the concept has none."""

    def states(self, tokens: Sequence[Sequence[int]]) -> Sequence[Tensor]:
        """The stream at the site of texts of one's own, `[T, d]` float64 each, the prefix left out."""

    def activations(self, site: str) -> Tensor:
        """The slot activations of the prompts at any site, `[n, d]` float64."""

    def pairs(self, rows: Tensor, seed: int) -> Tensor:
        """Pairs of rows `[m, 2]`: prompts of one template with entities of different classes, drawn among `rows`."""

    def continuation(self, rows: Tensor) -> AnswersFrom:
        """Run the prompts `rows` on from other activations at the site and slot."""

    def walk(self) -> Walk:
        """Start at the tokens, to edit site after site."""
