"""Behavior change: what the edit does to the subject's next-token distribution at the end of a prompt.

With g = log p(own class's answers) - log p(another class's answers), the plain mean over the other classes:

    behavior_effect = 1 - mean g after / mean g before      0 untouched, 1 erased, 2 swapped

and the total variation, half the L1 distance, between the whole distributions before and after. With a mean over the
other classes g is 0 when the prompt no longer tells which class it is of, however many there are; with the sum of their
probabilities it would be -log(classes - 1). For a centred behavior log p is taken relative to `class_offsets`: what the
unedited subject gives to a class's answers on average.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import Interval, clustered_mean, clustered_ratio

from .estimates import Examples, Scored, clusters, estimate
from .inputs import numbers, row_chunks

Groups = npt.NDArray[np.int64]

_RIGHT_WRONG = (torch.tensor([0]), torch.tensor([1]))
"""Columns of the right and the wrong answer."""


def behavior_change(
    before: torch.Tensor, after: torch.Tensor, answers: Sequence[torch.Tensor], z: torch.Tensor, groups: Groups,
    seed: int = 0, offsets: torch.Tensor | None = None,
) -> Scored:  # fmt: skip
    """Score the concept's own prompts.

    Args:
        before: The unedited subject's log-probabilities of the next token, `[n, V]` float32.
        after: The edited subject's.
        answers: Token ids of each class's answers, int64.
        z: The prompts' classes, `[n]` int64, an index into `answers`.
        groups: Entity of each prompt, `[n]`.
        seed: Draws the bootstrap.
        offsets: Subtracted from the classes' log-probabilities, `[n, classes]`; see `class_offsets`.

    Returns:
        Estimates `behavior_effect`; `behavior_flip_rate`, the share that prefers another class's answers after the
        edit, among prompts that preferred their own class's before it; `behavior_unedited`, the mean g before the edit;
        `behavior_tv_on_target`. The effect is not
        scored unless the interval of mean g before lies above 0: a subject that does not use the concept has no
        behavior to change. Examples, `[n]`: `behavior_g_before`, `behavior_g_after` (nats), `behavior_own_before`,
        `behavior_own_after` (1 where the own class's answers are the likeliest), `behavior_tv`; and `groups`.

    Raises:
        ValueError: Shapes differ, a class has no answers, a label has no class, or a number is NaN.

    """
    estimates, examples = _answers_change("", before, after, answers, z, groups, seed, offsets)
    distance = total_variation(before, after)
    found = _mean_distance("behavior_tv_on_target", distance, groups, seed)
    return [*estimates, found], {**examples, "behavior_tv": distance.tolist(), "groups": clusters(groups)}


def behavior_change_transfer(
    before: torch.Tensor, after: torch.Tensor, answers: Sequence[torch.Tensor], z: torch.Tensor, groups: Groups,
    seed: int = 0, offsets: torch.Tensor | None = None,
) -> Scored:  # fmt: skip
    """Score the transfer prompts: `behavior_effect_transfer`, `behavior_flip_rate_transfer`; as `behavior_change`.

    Examples have the same names with `_transfer` added.
    """
    estimates, examples = _answers_change("_transfer", before, after, answers, z, groups, seed, offsets)
    return estimates, {**examples, "groups_transfer": clusters(groups)}


def facts_change(
    before: torch.Tensor, after: torch.Tensor, right: torch.Tensor, wrong: torch.Tensor, groups: Groups, seed: int = 0,
) -> Scored:  # fmt: skip
    """Score prompts that each have a right and a wrong answer, with g = log p(right) - log p(wrong).

    Args:
        before: The unedited subject's log-probabilities of the next token, `[n, V]` float32.
        after: The edited subject's.
        right: Token id of each prompt's right answer, `[n]` int64.
        wrong: Token id of its wrong answer, `[n]` int64.
        groups: Entity of each prompt, `[n]`.
        seed: Draws the bootstrap.

    Returns:
        As `behavior_change`; the own class is the right answer, and the entities are `groups_facts`.

    """
    columns = torch.stack([right, wrong], dim=1).to(before.device)  # [n, 2]
    pair_before, pair_after = before.gather(1, columns), after.gather(1, columns)
    z = torch.zeros(len(right), dtype=torch.int64)
    estimates, examples = _answers_change("", pair_before, pair_after, _RIGHT_WRONG, z, groups, seed, None)
    distance = total_variation(before, after)
    found = _mean_distance("behavior_tv_on_target", distance, groups, seed)
    return [*estimates, found], {**examples, "behavior_tv": distance.tolist(), "groups_facts": clusters(groups)}


def class_offsets(
    before: torch.Tensor, answers: Sequence[torch.Tensor], z: torch.Tensor, templates: Groups
) -> torch.Tensor:
    """Mean log p of each class's answers over the unedited subject's prompts, every class weighing alike.

    Within a template, because the words right before the answer have a liking of their own.

    Args:
        before: The unedited subject's log-probabilities, `[n, V]`.
        answers: Token ids of each class's answers.
        z: The prompts' classes, `[n]` int64.
        templates: Template of each prompt, `[n]`.

    Returns:
        The mean for each prompt's template, `[n, classes]` float64, in nats.

    """
    scores = class_scores(before, answers)
    z, where = z.to(scores.device), torch.as_tensor(templates, device=scores.device)
    offsets = torch.empty_like(scores)
    for template in torch.unique(where):
        here = where == template
        means = [scores[here & (z == k)].mean(dim=0) for k in torch.unique(z[here])]
        offsets[here] = torch.stack(means).mean(dim=0)
    return offsets


def behavior_off_target(before: torch.Tensor, after: torch.Tensor, groups: Groups, seed: int = 0) -> Scored:
    """Score neutral prompts: `behavior_tv_off_target`, the mean total variation, clustered by document.

    Args:
        before: Log-probabilities `[m, V]` float32.
        after: The edited subject's.
        groups: Document of each prompt, `[m]`.
        seed: Draws the bootstrap.

    Returns:
        The estimate, and the examples `behavior_tv_neutral` and `groups_neutral`, `[m]`.

    """
    distance = total_variation(before, after)
    found = _mean_distance("behavior_tv_off_target", distance, groups, seed)
    return [found], {"behavior_tv_neutral": distance.tolist(), "groups_neutral": clusters(groups)}


def own_log_odds(
    log_probs: torch.Tensor, answers: Sequence[torch.Tensor], z: torch.Tensor, offsets: torch.Tensor | None = None
) -> npt.NDArray[np.float64]:
    """G of each prompt, `[n]` nats, from log-probabilities `[n, V]`."""
    return _preference(log_probs, answers, z, offsets)[0]


def effect_estimate(
    measure: str, before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], groups: Groups, seed: int
) -> Estimate:
    """The effect 1 - mean g after / mean g before; not scored unless mean g before is clearly above 0."""
    return _effect(measure, before, after, groups, seed)


def total_variation(before: torch.Tensor, after: torch.Tensor) -> npt.NDArray[np.float64]:
    """Half the L1 distance between two distributions in each row, `[n]` in [0, 1], from log-probabilities `[n, V]`.

    Summed in float64 a few rows at a time: a float64 copy of `[n, V]` never exists.
    """
    if before.ndim != 2 or before.shape != after.shape:
        raise ValueError(f"log-probabilities: expected two of [n, V], got {tuple(before.shape)}, {tuple(after.shape)}")
    chunks = [
        0.5 * (after[rows].exp() - before[rows].exp()).abs().sum(dim=1, dtype=torch.float64)
        for rows in row_chunks(len(before), 8 * before.shape[1])
    ]
    distance = numbers(torch.cat(chunks)) if chunks else np.empty(0)
    if np.isnan(distance).any():
        raise ValueError(f"log-probabilities of {int(np.isnan(distance).sum())} of {len(distance)} prompts hold NaN")
    # float32 log-probabilities sum to one only to about 1e-6.
    return np.minimum(distance, 1.0)


def _answers_change(
    suffix: str,
    before: torch.Tensor,
    after: torch.Tensor,
    answers: Sequence[torch.Tensor],
    z: torch.Tensor,
    groups: Groups,
    seed: int,
    offsets: torch.Tensor | None,
) -> Scored:
    _check(before, after, answers, z, groups)
    g_before, own_before = _preference(before, answers, z, offsets)
    g_after, own_after = _preference(after, answers, z, offsets)
    estimates = [
        _effect(f"behavior_effect{suffix}", g_before, g_after, groups, seed),
        _flips(f"behavior_flip_rate{suffix}", own_before, own_after, groups, seed),
    ]
    if not suffix:
        estimates.append(estimate("behavior_unedited", lambda: clustered_mean(g_before, groups, seed), len(g_before)))
    examples: Examples = {
        f"behavior_g_before{suffix}": g_before.tolist(),
        f"behavior_g_after{suffix}": g_after.tolist(),
        f"behavior_own_before{suffix}": own_before.astype(int).tolist(),
        f"behavior_own_after{suffix}": own_after.astype(int).tolist(),
    }
    return estimates, examples


def _check(
    before: torch.Tensor, after: torch.Tensor, answers: Sequence[torch.Tensor], z: torch.Tensor, groups: Groups
) -> None:
    if before.ndim != 2 or before.shape != after.shape or len(before) != len(z) or len(z) != len(groups):
        shapes = f"{tuple(before.shape)}, {tuple(after.shape)}, {tuple(z.shape)}, [{len(groups)}]"
        raise ValueError(f"behavior: expected before and after [n, V], z [n] and groups [n], got {shapes}")
    if len(answers) < 2 or any(len(one) == 0 for one in answers):
        raise ValueError("behavior: at least two classes are needed, each with at least one answer token")
    if z.is_floating_point():
        raise ValueError("behavior: answers belong to classes, and the labels are continuous")
    if len(z) and not 0 <= int(z.min()) <= int(z.max()) < len(answers):
        raise ValueError(f"behavior: labels run to {int(z.max())}, answers are given for {len(answers)} classes")


def class_scores(log_probs: torch.Tensor, answers: Sequence[torch.Tensor]) -> torch.Tensor:
    """Log p of each class's answers at each prompt, `[n, classes]` float64."""
    picked = [log_probs[:, ids.to(log_probs.device)].double() for ids in answers]
    return torch.stack([one.logsumexp(dim=1) for one in picked], dim=1)


def _preference(
    log_probs: torch.Tensor, answers: Sequence[torch.Tensor], z: torch.Tensor, offsets: torch.Tensor | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """G of each prompt, `[n]` nats, and whether its own class's answers are the likeliest."""
    z = z.to(log_probs.device)
    classes = class_scores(log_probs, answers)  # [n, c]
    if offsets is not None:
        classes = classes - offsets
    own = torch.nn.functional.one_hot(z, len(answers)).bool()
    others = classes.masked_fill(own, 0.0).sum(dim=1) / (len(answers) - 1)
    g = numbers(classes[own] - others)
    if not np.isfinite(g).all():
        raise ValueError("behavior: an answer's log-probability is NaN or infinite")
    return g, (classes.argmax(dim=1) == z).cpu().numpy()


def _effect(
    measure: str, before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], groups: Groups, seed: int
) -> Estimate:
    try:
        reference = clustered_mean(before, groups, seed)
    except ValueError as error:
        return Estimate.not_scored(measure, str(error))
    if reference.low <= 0:
        ends = f"{reference.value:.3g} [{reference.low:.3g}, {reference.high:.3g}]"
        return Estimate.not_scored(measure, f"mean g before the edit is {ends} nats, not clearly above 0")

    def interval() -> Interval:
        kept = clustered_ratio(after, before, groups, seed)
        return Interval(1 - kept.value, 1 - kept.high, 1 - kept.low)

    return estimate(measure, interval, len(before))


def _flips(
    measure: str, before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_], groups: Groups, seed: int
) -> Estimate:
    if not before.any():
        return Estimate.not_scored(measure, "no prompt prefers its own class's answers before the edit")
    flipped = ~after[before]
    return estimate(measure, lambda: clustered_mean(flipped, groups[before], seed, bounds=(0, 1)), len(flipped))


def _mean_distance(measure: str, distance: npt.NDArray[np.float64], groups: Groups, seed: int) -> Estimate:
    if len(distance) != len(groups):
        raise ValueError(f"{measure}: {len(distance)} prompts and {len(groups)} groups")
    # A distance is not a proportion of trials: where nothing moved at all, 0 is exact, so no bounds are given.
    return estimate(measure, lambda: clustered_mean(distance, groups, seed), len(distance))
