"""Steering effect: how far an edit moves the answers to each class's prompts towards the other class's.

With h = log p(class 1's answers) - log p(class 0's answers) at the last token, and G the mean of h over class 1's
prompts less that over class 0's, unedited:

    towards = 2 (mean h after - mean h before) / G     on class 0's prompts, edited to be like class 1's
    away    = 2 (mean h before - mean h after) / G     on class 1's prompts, edited to be like class 0's
    steering_effect = (towards + away) / 2

This is the scale of `behavior_effect`: 0 untouched, 1 even, 2 swapped. Each direction has an edit of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import Interval, clustered_of_sums

from .estimates import Scored, clusters, estimate
from .inputs import numbers

Floats = npt.NDArray[np.float64]
DIRECTIONS = ("towards", "away")


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to a concept's prompts before any edit.

    Attributes:
        h: Log-odds of class 1's answers, `[n]` nats.
        z: Classes, `[n]`, 0 and 1.
        groups: Entity of each prompt, `[n]`.

    """

    h: Floats
    z: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if not self.h.shape == self.z.shape == self.groups.shape or self.h.ndim != 1:
            raise ValueError(f"answers: h {self.h.shape}, z {self.z.shape} and groups {self.groups.shape} must be [n]")
        if set(np.unique(self.z)) != {0, 1}:
            raise ValueError(f"answers: the classes are 0 and 1, not {np.unique(self.z).tolist()}")

    @property
    def gap(self) -> float:
        """G, in nats."""
        return float(self.h[self.z == 1].mean() - self.h[self.z == 0].mean())

    def effect(self, after: Floats, direction: str) -> float:
        """The effect in one direction of an edit that leaves log-odds `after` `[n]`, without an interval."""
        own, sign = (self.z == 0, 1) if direction == "towards" else (self.z == 1, -1)
        return 2 * sign * float((after - self.h)[own].mean()) / self.gap

    def estimates(self, towards: Floats, away: Floats, seed: int) -> dict[str, Callable[[], Interval]]:
        """Intervals of `towards`, `away` and their mean, when asked for.

        Args:
            towards: Log-odds `[n]` after the edit that is to move class 0's prompts.
            away: Log-odds `[n]` after the edit that is to move class 1's.
            seed: Draws the bootstrap.

        """
        zero, one = (self.z == 0).astype(float), (self.z == 1).astype(float)
        columns = [(towards - self.h) * zero, (self.h - away) * one, self.h * one, self.h * zero, one, zero]

        def interval(of: Callable[[Floats, Floats], Floats]) -> Callable[[], Interval]:
            def statistic(sums: Floats) -> Floats:
                moved_zero, moved_one, h_one, h_zero, n_one, n_zero = sums
                with np.errstate(all="ignore"):  # a draw without one of the classes is refused by its infinity
                    gap = h_one / n_one - h_zero / n_zero
                    return of(2 * moved_zero / n_zero / gap, 2 * moved_one / n_one / gap)

            return lambda: clustered_of_sums(statistic, columns, self.groups, seed)

        return {
            "towards": interval(lambda t, _: t),
            "away": interval(lambda _, a: a),
            "both": interval(lambda t, a: (t + a) / 2),
        }

    def unmoved(self, seed: int) -> str:
        """Why no effect can be told: the gap is not clearly above 0. Empty when it is."""
        zero, one = (self.z == 0).astype(float), (self.z == 1).astype(float)

        def gap(sums: Floats) -> Floats:
            h_one, h_zero, n_one, n_zero = sums
            with np.errstate(all="ignore"):
                return np.asarray(h_one / n_one - h_zero / n_zero)

        try:
            found = clustered_of_sums(gap, [self.h * one, self.h * zero, one, zero], self.groups, seed)
        except ValueError as error:
            return str(error)
        ends = f"{found.value:.3g} [{found.low:.3g}, {found.high:.3g}]"
        return "" if found.low > 0 else f"before the edit the classes are {ends} nats apart, not clearly above 0"


def log_odds(log_probs: torch.Tensor, answers: Sequence[torch.Tensor]) -> Floats:
    """H of each prompt, `[n]` nats, from log-probabilities `[n, V]` and the token ids of two classes' answers.

    Raises:
        ValueError: There are not two classes, or a log-probability is NaN or infinite.

    """
    if len(answers) != 2:
        raise ValueError(f"log-odds are of two classes; there are answers of {len(answers)}")
    zero, one = (log_probs[:, ids.to(log_probs.device)].double().logsumexp(dim=1) for ids in answers)
    h = numbers(one - zero)
    if not np.isfinite(h).all():
        raise ValueError("steering: an answer's log-probability is NaN or infinite")
    return h


def steering_effect(before: Answers, towards: Floats, away: Floats, seed: int = 0) -> Scored:
    """Score the chosen edits on the test prompts.

    Returns:
        Estimates `steering_effect`, `steering_effect_towards`, `steering_effect_away`. Examples `[n]`, in nats:
        `steering_h_before` and `steering_h_after`, each prompt after the edit that is to move its class; and
        `steering_class` and `groups`.

    """
    after = np.where(before.z == 0, towards, away)
    examples = {
        "steering_h_before": before.h.tolist(),
        "steering_h_after": after.tolist(),
        "steering_class": before.z.tolist(),
        "groups": clusters(before.groups),
    }
    names = {"steering_effect": "both", "steering_effect_towards": "towards", "steering_effect_away": "away"}
    reason = before.unmoved(seed)
    if reason:
        return [Estimate.not_scored(name, reason) for name in names], examples
    intervals = before.estimates(towards, away, seed)
    sizes = {"both": len(before.h), "towards": int((before.z == 0).sum()), "away": int((before.z == 1).sum())}
    return [estimate(name, intervals[part], sizes[part]) for name, part in names.items()], examples
