"""Running the subject with an edit in place: only the blocks after the site, only the logits that are scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from interpmark.fixtures.subjects import (
    Batch,
    Changes,
    Ragged,
    Subject,
    batch_places,
    full_logits,
    resume,
    scope_mask,
    text_scope,
)
from interpmark.methods import ConstantEdit, Edit, SiteEdits

from .site_runs import latest_start, site_changes

# Rows of logits whose softmax is taken at once: 16 x 49,152 float32 is 3 MB, which stays in the processor's cache.
SOFTMAX_ROWS = 16
# Tokens a batch holds: matrix products gain nothing from more on a CPU, and the logits of 1,024 tokens take 200 MB.
BATCH_TOKENS = 1024


@dataclass(frozen=True)
class Prompts:
    """Tokenised texts with the positions whose next-token distribution is wanted.

    Attributes:
        tokens: Token ids of each text, the prefix first.
        batches: The texts in batches of like length, common beginnings shared where only ends are wanted.
        apart: The texts in batches of like length, nothing shared.
        wanted: For each text, the positions whose logits are wanted, ascending.

    """

    tokens: Sequence[Sequence[int]]
    batches: Sequence[Batch]
    apart: Sequence[Batch]
    wanted: Sequence[npt.NDArray[np.int64]]

    @classmethod
    def ends(cls, subject: Subject, tokens: Sequence[Sequence[int]]) -> Prompts:
        """Prompts of which the last position is wanted, in batches of at most `BATCH_TOKENS` tokens."""
        apart = subject.batches(tokens, BATCH_TOKENS)
        shared = subject.batches(tokens, BATCH_TOKENS, share_leads=True)
        return cls(tokens, shared, apart, [np.array([len(ids) - 1]) for ids in tokens])

    @classmethod
    def whole(cls, subject: Subject, tokens: Sequence[Sequence[int]], lead: int = 0) -> Prompts:
        """Texts of which every token is predicted, from the prefix on; the last predicts nothing and is not run.

        Of texts that begin with an instruction of `lead` tokens, what comes after it is predicted.
        """
        apart = subject.batches(inputs(tokens), BATCH_TOKENS)
        return cls(tokens, apart, apart, [np.arange(lead, len(ids) - 1) for ids in tokens])

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, batch: Batch) -> torch.Tensor:
        """The wanted positions of a batch, `[B, T]` bool."""
        take = np.zeros(tuple(batch.mask.shape), dtype=bool)
        for row, text in enumerate(batch.rows):
            take[row, self.wanted[text]] = True
        return torch.from_numpy(take)


def inputs(tokens: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    """The tokens of texts that predict another one: all but the last."""
    return [ids[:-1] for ids in tokens]


Reduce = Callable[[torch.Tensor, Batch, torch.Tensor], None]


def run(
    subject: Subject,
    site: str,
    states: Ragged,
    prompts: Prompts,
    reduce: Reduce,
    edit: Edit | SiteEdits | None = None,
    labels: torch.Tensor | None = None,
    scope: str | None = None,
) -> None:
    """Resume the subject from `site` on every batch and hand the wanted logits to `reduce(logits [M, V], batch, take)`.

    Args:
        subject: The subject.
        site: Where `states` were captured and `edit` acts.
        states: The captured stream of every text at `site`.
        prompts: The texts.
        reduce: Called once a batch; `take` is the `[B, T]` mask that `logits` are ordered by, row-major.
        edit: Applied at the positions in its scope; None leaves the stream as it was. Edits at several sites are all
            in place; where one comes before `site`, the whole subject is run.
        labels: One label per text, for an edit that needs them.
        scope: Stands in for the edit's own scope.

    """
    if isinstance(edit, SiteEdits):
        _run_sites(subject, site, states, prompts, reduce, site_changes(edit, labels), edit)
        return
    if type(edit) is ConstantEdit and subject.anatomy.causal:  # a subclass may do something else
        logits = _constant_logits(subject, site, states, prompts, edit)
        for batch in prompts.apart:
            take = prompts.take(batch)
            reduce(logits[take.nonzero()[:, 1]], batch, take)
        return
    # An edit that sees labels edits a common beginning differently in texts of different classes.
    for batch in prompts.apart if edit is not None and edit.needs_labels else prompts.batches:
        hidden = states.padded(batch, subject.device, subject.dtype)  # [B, T, d]
        if edit is not None:
            hidden = _edited(hidden, edit, batch, labels, scope)
        take = prompts.take(batch)
        reduce(resume(subject, site, batch, hidden, take), batch, take)


def _run_sites(
    subject: Subject,
    site: str,
    states: Ragged,
    prompts: Prompts,
    reduce: Reduce,
    changes: Changes,
    edits: SiteEdits,
) -> None:
    """Run every batch with all the edits in place, resumed from `site` where that lies before the first of them."""
    resumed = latest_start(subject, edits, [site]) is not None
    for batch in prompts.apart if edits.needs_labels else prompts.batches:
        take = prompts.take(batch)
        if resumed:
            hidden = states.padded(batch, subject.device, subject.dtype)
            logits = resume(subject, site, batch, hidden, take, changes)
        else:
            logits = full_logits(subject, batch, take, changes)
        reduce(logits, batch, take)


def run_whole(subject: Subject, prompts: Prompts, reduce: Reduce) -> None:
    """Run the unedited subject from the tokens on, and hand the wanted logits to `reduce` as `run` does."""
    for batch in prompts.batches:
        take = prompts.take(batch)
        reduce(full_logits(subject, batch, take), batch, take)


def _constant_logits(subject: Subject, site: str, states: Ragged, prompts: Prompts, edit: ConstantEdit) -> torch.Tensor:
    """Logits `[T, V]` at each position of the longest text: a causal subject in one state everywhere sees no text."""
    longest = max(prompts.apart, key=lambda batch: batch.ids.shape[1])
    row = int(longest.lengths.argmax())
    alone = Batch(
        longest.ids[row : row + 1], longest.mask[row : row + 1], longest.content[row : row + 1], (longest.rows[row],)
    )
    hidden = _edited(states.padded(alone, subject.device, subject.dtype), edit, alone, None)
    return resume(subject, site, alone, hidden, alone.mask)


def _edited(
    hidden: torch.Tensor, edit: Edit, batch: Batch, labels: torch.Tensor | None, scope: str | None = None
) -> torch.Tensor:
    z = None
    if edit.needs_labels and labels is not None:
        own = labels[list(batch.rows)].to(hidden.device)  # [B] or [B, k]
        z = own[:, None].expand(*hidden.shape[:2], *own.shape[1:])
    within = scope_mask(scope or edit.scope, batch).to(hidden.device)[..., None]
    return torch.where(within, edit.at_places(hidden, batch_places(batch).to(hidden.device), z), hidden)


def log_probs(
    subject: Subject,
    site: str,
    states: Ragged,
    prompts: Prompts,
    edit: Edit | SiteEdits | None = None,
    labels: torch.Tensor | None = None,
) -> torch.Tensor:
    """Next-token log-probabilities at every wanted position, `[sum of wanted, V]` float32, in the texts' order."""
    return gather_log_probs(prompts, partial(run, subject, site, states, prompts, edit=edit, labels=labels))


def gather_log_probs(prompts: Prompts, running: Callable[[Reduce], None]) -> torch.Tensor:
    """What `log_probs` returns, of the logits that `running(reduce)` hands out."""
    starts = np.concatenate([[0], np.cumsum([len(w) for w in prompts.wanted])])
    out: torch.Tensor | None = None

    def keep(logits: torch.Tensor, batch: Batch, take: torch.Tensor) -> None:
        nonlocal out
        if out is None:
            out = torch.empty((int(starts[-1]), logits.shape[-1]), dtype=torch.float32)
        into = torch.cat([torch.arange(starts[text], starts[text + 1]) for text in batch.rows])
        for rows in _chunks(len(into)):
            out.index_copy_(0, into[rows], torch.log_softmax(logits[rows].float(), dim=-1).cpu())

    running(keep)
    if out is None:
        raise ValueError("there are no prompts to run")
    return out


@dataclass(frozen=True)
class CorpusRun:
    """What one pass over the corpus gives.

    Attributes:
        nll: Negative log-likelihood of each document, summed over its tokens, in nats, `[documents]` float64.
        counts: Tokens scored in each document, `[documents]` int64.
        log_probs: Next-token log-probabilities at the neutral prompts, `[m, V]` float32.
        groups: Document of each neutral prompt, `[m]` int64.

    """

    nll: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    log_probs: torch.Tensor
    groups: npt.NDArray[np.int64]


# Neutral prompts are prefixes of the corpus' documents, so that they cost no forward pass of their own.
PROMPTS_A_DOCUMENT = 4


def run_corpus(
    subject: Subject, site: str, states: Ragged, prompts: Prompts, edit: Edit | SiteEdits | None = None
) -> CorpusRun:
    """Score every token of the corpus and keep whole distributions at a few positions of each document."""
    if isinstance(edit, SiteEdits):
        changes = site_changes(edit, documents=True)
        return score_documents(
            prompts, lambda reduce: _run_sites(subject, site, states, prompts, reduce, changes, edit)
        )
    scope = None if edit is None else text_scope(edit.scope)
    return score_documents(prompts, partial(run, subject, site, states, prompts, edit=edit, scope=scope))


def score_documents(prompts: Prompts, running: Callable[[Reduce], None]) -> CorpusRun:
    """What `run_corpus` returns, of the logits that `running(reduce)` hands out."""
    nll = np.zeros(len(prompts))
    counts = np.array([len(wanted) for wanted in prompts.wanted])
    kept = [_spread(len(wanted)) for wanted in prompts.wanted]
    distributions: list[torch.Tensor | None] = [None] * len(prompts)

    def score(logits: torch.Tensor, batch: Batch, take: torch.Tensor) -> None:
        start = 0
        for text in batch.rows:
            here = logits[start : start + counts[text]]
            start += int(counts[text])
            targets = torch.as_tensor(prompts.tokens[text][prompts.wanted[text][0] + 1 :], device=logits.device)
            nll[text] = _token_nll(here, targets).sum().item()
            distributions[text] = torch.log_softmax(here[kept[text]].float(), dim=-1).cpu()

    running(score)
    groups = np.repeat(np.arange(len(prompts)), [len(k) for k in kept])
    return CorpusRun(nll, counts, torch.cat([d for d in distributions if d is not None]), groups)


def _spread(length: int) -> list[int]:
    """Up to `PROMPTS_A_DOCUMENT` evenly spaced positions, the prefix's own position left out."""
    return sorted({int(i) for i in np.linspace(1, length - 1, PROMPTS_A_DOCUMENT) if i >= 1}) or [length - 1]


def _token_nll(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of each target, `[M]` float64, without a second `[M, V]` tensor.

    By the whole softmax, which is a single kernel and takes half the time of a logsumexp, which is four.
    """
    parts = [
        torch.log_softmax(logits[rows].float(), dim=-1).gather(1, targets[rows, None])[:, 0]
        for rows in _chunks(len(targets))
    ]
    return -torch.cat(parts).double()


def _chunks(n: int) -> Iterator[slice]:
    return (slice(start, min(start + SOFTMAX_ROWS, n)) for start in range(0, n, SOFTMAX_ROWS))
