"""An instruction before the prompt, in the place of an edit: what a steerer that edits no activation returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import lazy_loader

from interpmark.methods.edits import check_input
from interpmark.methods.errors import EditError
from interpmark.methods.steering import Steering

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@dataclass(frozen=True, eq=False)
class PromptPrefix(Steering):
    """x' = x, but the prompt begins with an instruction: `towards` at strength 1, `away` at −1, none at 0.

    An instruction cannot be given by halves or twice over, so there are no other strengths.

    Attributes:
        size: The size of the subject's activations.
        towards: The instruction for class 1.
        away: The instruction for class 0.

    """

    size: int
    towards: str
    away: str
    tag: ClassVar[str] = "prompt-prefix"

    def _check(self) -> None:
        if self.strength not in (-1.0, 0.0, 1.0):
            raise EditError(f"an instruction is given or not: its strength is 1, -1 or 0, and not {self.strength:g}")
        if not self.towards.strip() or not self.away.strip():
            raise EditError("PromptPrefix: an instruction is empty; give a text towards each class")

    @property
    def d(self) -> int:
        """The size of the activations."""
        return self.size

    @property
    def rank(self) -> int:
        """Zero: no activation is edited."""
        return 0

    @property
    def text(self) -> str:
        """What stands before the prompt, on a line of its own; nothing at strength 0."""
        return {1.0: f"{self.towards}\n", -1.0: f"{self.away}\n"}.get(self.strength, "")

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return x as it is: the instruction acts through what the subject reads."""
        check_input(self, x)
        return x.clone()

    def parts(self) -> dict[str, Tensor]:
        """Return the size, and the texts in bytes."""
        texts = {name: list(text.encode()) for name, text in (("towards", self.towards), ("away", self.away))}
        return {"d": torch.tensor(self.size)} | {k: torch.tensor(v, dtype=torch.uint8) for k, v in texts.items()}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Tensor], **rest: Any) -> Self:
        """Undo `parts`."""
        texts = [bytes(parts[name].tolist()).decode() for name in ("towards", "away")]
        return cls(int(parts["d"]), *texts, **rest)
