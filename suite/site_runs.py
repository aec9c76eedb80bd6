"""Running the subject with edits at several sites: what they become on the way, and where a pass can begin."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from interpmark.fixtures.subjects import (
    Batch,
    Change,
    Changes,
    Site,
    Subject,
    batch_places,
    parse_site,
    scope_mask,
    text_scope,
)
from interpmark.fixtures.subjects.forward import Part
from interpmark.methods import Edit, SiteEdits


def site_changes(edits: SiteEdits, labels: torch.Tensor | None = None, *, documents: bool = False) -> Changes:
    """The edits as changes of the stream, each at the positions in its scope; prefix and padding are in none.

    `labels`, one a text, are for edits that see them; such edits must not meet shared leads. `documents` says that the
    texts are no prompts, so that an edit of one position is made at every one, as `text_scope` has it.
    """
    return {
        site: _change(edit, text_scope(edit.scope) if documents else edit.scope, labels if edit.needs_labels else None)
        for site, edit in edits.items()
    }


def _change(edit: Edit, scope: str, labels: torch.Tensor | None) -> Change:
    def change(stream: torch.Tensor, batch: Batch, part: Part) -> torch.Tensor:
        z = None if labels is None else part.of(spread_labels(labels, batch)).to(stream.device)
        within = part.of(scope_mask(scope, batch)).to(stream.device)[..., None]
        places = part.of(batch_places(batch)).to(stream.device)
        return torch.where(within, edit.at_places(stream, places, z), stream)

    return change


def same_for_beginnings(edits: Iterable[Edit]) -> bool:
    """Whether edits do the same to equal beginnings of texts, whatever follows and whichever label the texts have."""
    return all(not edit.needs_labels and edit.scope in ("all", "prefill") for edit in edits)


def spread_labels(labels: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Each text's label at all its positions, `[B, T]` or `[B, T, k]`."""
    own = labels[list(batch.rows)]  # [B] or [B, k]
    return own[:, None].expand(*batch.ids.shape, *own.shape[1:])


def in_order(subject: Subject, sites: Iterable[str]) -> list[str]:
    """Sites in the order in which a pass comes by them.

    Raises:
        SiteError: The subject has no such site.

    """
    return sorted(dict.fromkeys(sites), key=lambda site: _parse(subject, site).order)


def latest_start(subject: Subject, edits: SiteEdits, captured: Iterable[str]) -> str | None:
    """The last of the captured sites that no edit comes before; None when the pass must begin at the tokens."""
    first = _parse(subject, in_order(subject, edits)[0]).order
    before = [site for site in in_order(subject, captured) if _parse(subject, site).order <= first]
    return before[-1] if before else None


def _parse(subject: Subject, site: str) -> Site:
    return parse_site(site, subject.n_blocks, subject.anatomy.streams)
