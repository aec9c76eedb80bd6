"""Edits at several sites at once: a frozen mapping `{site: edit}`, such as scrubbing returns one for every block."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from interpmark.methods.edits import Edit
from interpmark.methods.errors import EditError
from interpmark.methods.steering import Steering

_SITE = re.compile(r"[a-z_]+\.(0|[1-9][0-9]*)\Z")


class SiteEdits(Mapping[str, Edit]):
    """Edits by site, all in place while the subject runs: an edit sees a stream that the earlier ones have changed.

    A method that is fitted with `fit_on` may return one, or the plain dictionary. Which sites a subject has, and in
    which order it reaches them, is known only on the subject.

    Args:
        edits: Edits by the name of their site, such as `{"attn_in.0": edit, "mlp_in.0": other}`.

    Raises:
        EditError: There is no edit, a name is no site's, a value is no edit, or edits differ in size.

    """

    def __init__(self, edits: Mapping[str, Edit]) -> None:
        if not edits:
            raise EditError("there is no edit in {site: edit}; a method that edits nothing returns an IdentityEdit")
        for site, edit in edits.items():
            if not isinstance(site, str) or not _SITE.match(site):
                raise EditError(f"{site!r} names no site; write STREAM.BLOCK, such as 'resid_post.15'")
            if not isinstance(edit, Edit):
                raise EditError(f"{site}: {type(edit).__name__} is no Edit; give one of interpmark.methods' edits")
        sizes = {edit.d: site for site, edit in edits.items()}
        if len(sizes) > 1:
            found = ", ".join(f"{d} at {site}" for d, site in sizes.items())
            raise EditError(f"the edits are for activations of different sizes ({found}); a subject has one")
        self._edits = MappingProxyType(dict(edits))

    def __getitem__(self, site: str) -> Edit:
        return self._edits[site]

    def __iter__(self) -> Iterator[str]:
        return iter(self._edits)

    def __len__(self) -> int:
        return len(self._edits)

    def __repr__(self) -> str:
        return f"SiteEdits({len(self)} edits of size {self.d}: {', '.join(self)})"

    @property
    def d(self) -> int:
        """The size of the activations."""
        return next(iter(self.values())).d

    @property
    def rank(self) -> int:
        """The largest rank of an edit."""
        return max(edit.rank for edit in self.values())

    @property
    def needs_labels(self) -> bool:
        """Whether any of the edits sees labels."""
        return any(edit.needs_labels for edit in self.values())

    @property
    def has_strength(self) -> bool:
        """Whether all the edits are steering edits of one strength."""
        strengths = {edit.strength if isinstance(edit, Steering) else None for edit in self.values()}
        return len(strengths) == 1 and None not in strengths

    @property
    def strength(self) -> float:
        """The strength of all the edits.

        Raises:
            EditError: They have none in common.

        """
        return self._steering()[0].strength

    @property
    def is_still(self) -> bool:
        """Whether the edits leave everything as it was, to the bit."""
        return all(edit.is_still for edit in self._steering())

    def at(self, strength: float) -> SiteEdits:
        """Return the same edits at another strength, one for all.

        Raises:
            EditError: They have no strength in common.

        """
        return SiteEdits(dict(zip(self, (edit.at(strength) for edit in self._steering()), strict=True)))

    def _steering(self) -> list[Steering]:
        if not self.has_strength:
            raise EditError(f"{self!r} have no strength in common; give steering edits of one strength at every site")
        return [edit for edit in self.values() if isinstance(edit, Steering)]

    @property
    def fingerprint(self) -> str:
        """Sha256 (hex) of the sites and the fingerprints of their edits, in whatever order they were given."""
        digest = hashlib.sha256(b"sites")
        for site, edit in sorted(self.items()):
            digest.update(f"{site} {edit.fingerprint}\n".encode())
        return digest.hexdigest()
