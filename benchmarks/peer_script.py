"""Twelve erasers scored as a careful user would do it today: concept-erasure, scikit-learn and transformers hooks.

    python -m benchmarks.peer_script MODEL_FOLDER [FILE]

The concept is gender, the site is the output of block 26, read at the last token. The prompts, their splits, the
answers and the neutral corpus are interpmark's fixtures; nothing else is. Written to be quick: texts are sorted by
length and batched by tokens, the unembedding sees only the positions that count, activations are captured once and used
for all erasers, the unedited subject runs once, one loop gives INLP's three ranks, bootstraps are matrix products, no
gradients. For each eraser the whole subject runs again, on the 240 test prompts and on the corpus, with the edit in a
hook.

What it does not do, and interpmark does: the transfer prompts (nouns); fit each eraser twice to see that it is
deterministic; check claims and shapes; calibrate the adversary's log-loss; run from the edited block on, and common
beginnings of prompts once; keep activations on disk; provenance, or results that can be compared with another run's.
Its logistic regressions stop at scikit-learn's default tolerance, and its intervals are plain percentiles.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from concept_erasure import LeaceFitter
from numpy.typing import NDArray
from sklearn.covariance import OAS
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupShuffleSplit
from sklearn.preprocessing import StandardScaler
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

from interpmark.fixtures import get_behavior, get_concept, get_corpus

BLOCK = 26
BATCH_TOKENS = 1024
DRAWS = 2000
STRENGTHS = (10.0, 1.0, 0.1, 0.01, 0.001)  # per row: C = 1 / (n strength)
NEUTRAL_PROMPTS = 4  # positions of each document whose whole distribution is compared

Floats = NDArray[np.float64]
Measured = dict[str, tuple[float, float, float]]


@dataclass(frozen=True)
class LowRank:
    """An edit x' = x - (x - center) read writeᵀ, with `[d, k]` factors."""

    read: torch.Tensor
    write: torch.Tensor
    center: torch.Tensor

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Edit x `[..., d]`, in its own dtype."""
        read, write, center = (t.to(x.dtype) for t in (self.read, self.write, self.center))
        return x - ((x - center) @ read) @ write.T


def fit_erasers(x: torch.Tensor, z: torch.Tensor) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    """The erasers, fitted on x `[n, d]` float64 and z `[n]`."""
    mean = x.mean(0)
    generator = torch.Generator().manual_seed(0)
    random = torch.linalg.qr(torch.randn(x.shape[1], 1, generator=generator, dtype=x.dtype))[0]
    difference = x[z == 1].mean(0) - x[z == 0].mean(0)
    unit = (difference / difference.norm())[:, None]
    median = mean + unit[:, 0] * ((x - mean) @ unit).median()
    leace = _leace(x, z)
    size = (leace(x) - x).norm() / ((x - mean) @ random).norm()
    cross = (x - mean).T @ (z - z.double().mean())[:, None]
    attribute = torch.linalg.svd(cross, full_matrices=False)[0]
    basis = _inlp(x - mean, z, 16)
    return {
        "random-direction": LowRank(random, random, mean),
        "random-matched": LowRank(random, size * random, mean),
        "full-ablation": lambda x: mean.to(x.dtype).expand_as(x),
        "mean-projection": LowRank(unit, unit, mean),
        "median-projection": LowRank(unit, unit, median),
        "leace": leace,
        "leace(method=orth)": _leace(x, z, method="orth"),
        "leace(shrinkage=True)": _leace(x, z, shrinkage=True),
        "sal": LowRank(attribute, attribute, mean),
        # Each rank's directions are the first of the next one's: one loop serves all three.
        **{name: LowRank(basis[:, :k], basis[:, :k], mean) for name, k in _INLP_RANKS.items()},
    }


_INLP_RANKS = {"inlp": 1, "inlp(rank=4)": 4, "inlp(rank=16)": 16}


def _leace(x: torch.Tensor, z: torch.Tensor, shrinkage: bool = False, **options: Any) -> LowRank:
    fitter = LeaceFitter.fit(x, z.to(x.dtype), shrinkage=shrinkage, constrain_cov_trace=False, **options)
    eraser = fitter.eraser
    return LowRank(eraser.proj_right.T, eraser.proj_left, fitter.mean_x)


def _inlp(x: torch.Tensor, z: torch.Tensor, rank: int) -> torch.Tensor:
    left = x / x.square().mean().sqrt()
    basis = x.new_zeros(x.shape[1], 0)
    for _ in range(rank):
        model = _quiet(LogisticRegression(C=1.0, max_iter=1000), left.numpy(), z.numpy())
        direction = torch.from_numpy(model.coef_[0])
        direction = direction - basis @ (basis.T @ direction)
        direction = (direction / direction.norm())[:, None]
        basis = torch.cat([basis, direction], dim=1)
        left = left - (left @ direction) @ direction.T
    return basis


class Subject:
    """The model with a place for an edit after block 26."""

    def __init__(self, folder: str) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        self.model.requires_grad_(False).train(False)
        self.prefix: Any = self.tokenizer.convert_tokens_to_ids("<|endoftext|>")
        self.edit: Callable[[torch.Tensor], torch.Tensor] | None = None
        self.seen: torch.Tensor | None = None
        self._content: torch.Tensor | None = None
        self.model.model.layers[BLOCK].register_forward_hook(self._hook)

    def _hook(self, _: Any, inputs: Any, output: Any) -> Any:
        hidden = output[0] if isinstance(output, tuple) else output
        self.seen = hidden
        if self.edit is None or self._content is None:
            return output
        edited = torch.where(self._content[..., None], self.edit(hidden), hidden)
        return (edited, *output[1:]) if isinstance(output, tuple) else edited

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids, the prefix first: the attention sink goes there."""
        return [[self.prefix, *ids] for ids in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]]

    def final_states(self, tokens: Sequence[list[int]]) -> Iterator[tuple[list[int], torch.Tensor, torch.Tensor]]:
        """Rows of each batch, the final hidden states [B, T, d], and the mask [B, T] of their tokens."""
        for rows in _batches(tokens):
            longest = max(len(tokens[row]) for row in rows)
            ids = torch.tensor([tokens[row] + [0] * (longest - len(tokens[row])) for row in rows])
            mask = torch.arange(longest) < torch.tensor([len(tokens[row]) for row in rows])[:, None]
            self._content = mask.clone()
            self._content[:, 0] = False
            with torch.no_grad():
                # Padding on the right of a causal model needs no mask, and attention is faster without.
                yield rows, self.model.model(input_ids=ids, use_cache=False).last_hidden_state, mask

    def unembed(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits of chosen positions, [M, d] to [M, V]."""
        with torch.no_grad():
            logits: torch.Tensor = self.model.lm_head(hidden)
        return logits


def _batches(tokens: Sequence[list[int]]) -> Iterator[list[int]]:
    """Rows in batches of like length."""
    rows: list[int] = []
    for row in sorted(range(len(tokens)), key=lambda row: len(tokens[row])):
        if rows and (len(rows) + 1) * len(tokens[row]) > BATCH_TOKENS:
            yield rows
            rows = []
        rows.append(row)
    yield rows


def capture(subject: Subject, tokens: Sequence[list[int]], last: bool) -> list[torch.Tensor]:
    """For each text the activations at the site, float64: of the last token [1, d], or of all but the prefix."""
    found: list[torch.Tensor] = [torch.empty(0)] * len(tokens)
    subject.edit = None
    for rows, _, _ in subject.final_states(tokens):
        assert subject.seen is not None
        for place, row in enumerate(rows):
            own = subject.seen[place, : len(tokens[row])].double()
            found[row] = own[-1:] if last else own[1:]
    return found


@dataclass(frozen=True)
class Ran:
    """What the subject says: next-token log-probabilities at prompts' ends and at neutral positions, and losses."""

    prompts: torch.Tensor  # [240, V]
    neutral: torch.Tensor  # [documents * NEUTRAL_PROMPTS, V]
    nll: Floats  # [documents], sums in nats


def run(subject: Subject, prompts: Sequence[list[int]], documents: Sequence[list[int]], edit: Any = None) -> Ran:
    """Run the whole subject with an edit on the prompts and on the corpus."""
    subject.edit = edit
    ends: list[torch.Tensor] = [torch.empty(0)] * len(prompts)
    for rows, hidden, mask in subject.final_states(prompts):
        last = hidden[torch.arange(len(rows)), mask.sum(1) - 1]
        for row, log_p in zip(rows, torch.log_softmax(subject.unembed(last), dim=-1), strict=True):
            ends[row] = log_p
    nll = np.zeros(len(documents))
    kept: list[torch.Tensor] = [torch.empty(0)] * len(documents)
    # The last token of a document predicts nothing.
    for rows, hidden, mask in subject.final_states([ids[:-1] for ids in documents]):
        logits = subject.unembed(hidden[mask])  # [M, V]
        targets = torch.cat([torch.tensor(documents[row][1:]) for row in rows])
        losses = functional.cross_entropy(logits, targets, reduction="none").double()
        lengths = mask.sum(1).tolist()
        for row, own, loss in zip(rows, torch.split(logits, lengths), torch.split(losses, lengths), strict=True):
            nll[row] = float(loss.sum())
            places = np.linspace(1, len(own) - 1, NEUTRAL_PROMPTS).astype(int)
            kept[row] = torch.log_softmax(own[places], dim=-1)
    return Ran(torch.stack(ends), torch.cat(kept), nll)


def interval(
    statistic: Callable[[Floats], Floats], columns: Floats, groups: NDArray[Any]
) -> tuple[float, float, float]:
    """A statistic of the sums of columns [m, n], with its 95 % bootstrap interval; groups are drawn whole."""
    _, place = np.unique(groups, return_inverse=True)
    sums = np.stack([np.bincount(place, column) for column in np.atleast_2d(columns)])  # [m, G]
    n = sums.shape[1]
    draws = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(float)  # [DRAWS, G]
    low, high = np.quantile(statistic(sums @ draws.T), [0.025, 0.975])
    return float(statistic(sums.sum(1, keepdims=True))[0]), float(low), float(high)


def ratio(sums: Floats) -> Floats:
    """The first sum over the second."""
    return np.asarray(sums[0] / sums[1])


@dataclass(frozen=True)
class Rows:
    """The activations of one split."""

    x: Floats
    z: NDArray[np.int64]
    groups: NDArray[Any]


def residual_accuracy(fit: Rows, probe: Rows, test: Rows, name: str = "residual_accuracy") -> Measured:
    """The strongest of six adversaries on the test rows, and the logistic one's information in nats."""
    both = Rows(*(np.concatenate(pair) for pair in zip(_fields(fit), _fields(probe), strict=True)))
    correct, gained = [], []
    for train in (probe, both):
        scaler = StandardScaler().fit(train.x)
        x, seen = scaler.transform(train.x), scaler.transform(test.x)
        models = _adversaries(x, train)
        correct += [model.predict(seen) == test.z for model in models]
        p = models[0].predict_proba(seen)[np.arange(len(test.z)), test.z]
        gained.append(np.log(np.maximum(p, 1e-12)) - np.log(np.bincount(train.z)[test.z] / len(train.z)))
    ones = np.ones((1, len(test.z)))

    def largest(sums: Floats) -> Floats:
        return np.asarray((sums[:-1] / sums[-1]).max(0))

    return {
        name: interval(largest, np.concatenate([np.stack(correct), ones]), test.groups),
        "linear_information": interval(largest, np.concatenate([np.stack(gained), ones]), test.groups),
    }


def _fields(rows: Rows) -> tuple[NDArray[Any], ...]:
    return rows.x, rows.z, rows.groups


def _adversaries(x: Floats, train: Rows) -> list[Any]:
    """Logistic regression and ridge with the strength of least held-out error, and shrunk discriminant analysis."""
    splitter = GroupShuffleSplit(1, test_size=0.25, random_state=0)
    part, held_out = next(splitter.split(x, train.z, train.groups))
    logistic = LogisticRegression(max_iter=1000, warm_start=True)  # each strength starts from the one before
    losses = []
    for strength in STRENGTHS:
        _quiet(logistic.set_params(C=1 / (len(part) * strength)), x[part], train.z[part])
        losses.append(log_loss(train.z[held_out], logistic.predict_proba(x[held_out])))
    best = STRENGTHS[int(np.argmin(losses))]
    ridges = [RidgeClassifier(alpha=len(part) * s).fit(x[part], train.z[part]) for s in STRENGTHS]
    errors = [np.square(r.decision_function(x[held_out]) - (2 * train.z[held_out] - 1)).mean() for r in ridges]
    alpha = len(x) * STRENGTHS[int(np.argmin(errors))]
    return [
        _quiet(logistic.set_params(C=1 / (len(x) * best)), x, train.z),
        LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=OAS()).fit(x, train.z),
        RidgeClassifier(alpha=alpha).fit(x, train.z),
    ]


def _quiet(model: Any, x: Floats, z: NDArray[np.int64]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, z)


def edit_norm(
    before: Rows, after: Rows, guarded: Floats, neutral: torch.Tensor, edit: Any, of: NDArray[Any]
) -> Measured:
    """Mean squared edit over the variance, on test rows and on neutral ones, and over LEACE's on test rows."""
    size = np.square(after.x - before.x).sum(1)
    smallest = np.square(guarded - before.x).sum(1)
    deviation = np.square(before.x - before.x.mean(0)).sum(1)
    off_size = (edit(neutral) - neutral).square().sum(1).numpy()
    off_deviation = (neutral - neutral.mean(0)).square().sum(1).numpy()
    return {
        "edit_norm": interval(ratio, np.stack([size, deviation]), before.groups),
        "edit_excess": interval(ratio, np.stack([size, smallest]), before.groups),
        "edit_norm_off_target": interval(ratio, np.stack([off_size, off_deviation]), of),
    }


def guard_residual(before: Rows, after: Rows) -> float:
    """Largest covariance with the label on the fit rows, over that before the edit."""

    def largest(rows: Rows) -> float:
        return float(np.abs((rows.x - rows.x.mean(0)).T @ (rows.z - rows.z.mean())).max())

    return largest(after) / largest(before)


def behavior(before: Ran, after: Ran, answers: Sequence[int], test: Rows, documents: NDArray[Any]) -> Measured:
    """Effect on the answers, flips, and total variation on the prompts and on neutral text."""

    def preference(ran: Ran) -> Floats:
        own, other = torch.as_tensor(test.z), torch.as_tensor(1 - test.z)
        two = ran.prompts[:, list(answers)].double()  # [n, 2]
        return np.asarray(two.gather(1, own[:, None])[:, 0] - two.gather(1, other[:, None])[:, 0])

    g_before, g_after = preference(before), preference(after)
    right = g_before > 0
    ones = np.ones_like(g_before)
    distance, neutral = (
        0.5 * (b.exp() - a.exp()).abs().sum(1).double().numpy()
        for a, b in ((before.prompts, after.prompts), (before.neutral, after.neutral))
    )
    positions = np.repeat(documents, NEUTRAL_PROMPTS)
    return {
        "behavior_effect": interval(lambda s: 1 - ratio(s), np.stack([g_after, g_before]), test.groups),
        "behavior_flip_rate": interval(ratio, np.stack([(g_after <= 0) & right, right]), test.groups),
        "behavior_tv_on_target": interval(ratio, np.stack([distance, ones]), test.groups),
        "behavior_tv_off_target": interval(ratio, np.stack([neutral, np.ones_like(neutral)]), positions),
    }


def score(folder: str) -> dict[str, Measured]:
    """All measures of all erasers, each as value, low and high."""
    concept, corpus, said = get_concept("gender"), get_corpus("neutral"), get_behavior("gender")
    assert said is not None
    subject = Subject(folder)
    answers = [subject.tokenizer(words[0], add_special_tokens=False)["input_ids"][0] for words in said.answers]
    rows = {name: concept.rows(name) for name in ("fit", "probe", "test")}
    tokens = subject.encode(concept.texts)
    used = np.concatenate(list(rows.values()))
    last = torch.empty(len(tokens), subject.model.config.hidden_size, dtype=torch.float64)
    last[used] = torch.cat(capture(subject, [tokens[row] for row in used], last=True))
    labels, names = np.asarray(concept.labels, dtype=np.int64), np.array(concept.groups)

    def split(name: str, edit: Callable[[torch.Tensor], torch.Tensor] = lambda x: x) -> Rows:
        own = rows[name]
        return Rows(edit(last[own]).numpy(), labels[own], names[own])

    documents = subject.encode(corpus.documents)
    states = capture(subject, [ids[:-1] for ids in documents], last=False)
    neutral, of = torch.cat(states), np.repeat(np.arange(len(states)), [len(own) for own in states])
    prompts = [tokens[row] for row in rows["test"]]
    fit, probe, test = (split(name) for name in rows)
    counts = np.array([len(ids) - 1 for ids in documents], dtype=np.float64)
    before = run(subject, prompts, documents)
    unedited = residual_accuracy(fit, probe, test, "unedited_accuracy")
    erasers = fit_erasers(last[rows["fit"]], torch.from_numpy(labels[rows["fit"]]))
    guarded = erasers["leace"](last[rows["test"]]).numpy()
    table: dict[str, Measured] = {}
    for name, edit in erasers.items():
        edited = {one: split(one, edit) for one in rows}
        after = run(subject, prompts, documents, edit)
        damage = np.stack([after.nll - before.nll, counts])
        exact = guard_residual(fit, edited["fit"])
        table[name] = {
            **residual_accuracy(edited["fit"], edited["probe"], edited["test"]),
            "unedited_accuracy": unedited["unedited_accuracy"],
            "guard_residual": (exact, exact, exact),
            **edit_norm(test, edited["test"], guarded, neutral, edit, of),
            **behavior(before, after, answers, test, np.arange(len(documents))),
            "perplexity_damage": interval(ratio, damage, np.arange(len(documents))),
        }
    return table


if __name__ == "__main__":
    text = json.dumps(score(sys.argv[1]), indent=1)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
