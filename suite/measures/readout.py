"""A trained linear adversary: scores that are affine in the activations, and what they predict."""

from __future__ import annotations

from dataclasses import dataclass

import torch

STRENGTHS = (10.0, 1.0, 0.1, 0.01, 0.001)
"""Penalties that validation chooses from, per row and on standardised features; 1 / (n C) in scikit-learn's terms."""


@dataclass(frozen=True, eq=False)
class Readout:
    """Scores `design @ weight` of the classes that occurred in training.

    Attributes:
        name: Which adversary: `logistic`, `lda`, `least-squares`.
        weight: `[r + 1, c]` float64 on `Coordinates` rows, the intercept in the last row.
        classes: `[c]` int64, ascending.
        strength: The penalty or shrinkage in force.

    """

    name: str
    weight: torch.Tensor
    classes: torch.Tensor
    strength: float

    def predict(self, design: torch.Tensor) -> torch.Tensor:
        """Predicted class of each row, `[n]` int64; the lowest class where scores tie."""
        predicted: torch.Tensor = self.classes[(design @ self.weight).argmax(dim=1)]
        return predicted


def two_columns(weight: torch.Tensor) -> torch.Tensor:
    """Log-odds weights `[r + 1, 1]` as scores of both classes, `[r + 1, 2]`; others unchanged."""
    return torch.cat([torch.zeros_like(weight), weight], dim=1) if weight.shape[1] == 1 else weight
