"""What a table made of a store must cite: versions, content hashes, and where its methods come from."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from interpmark.methods import MethodError, get_method
from interpmark.reports.latex import latex_escaped
from interpmark.reports.rendering import escaped
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.selection import select

_IDENTIFIER = re.compile(
    r"arXiv:\s*(?P<arxiv>\d{4}\.\d{4,5}|[a-z-]+/\d{7})|doi:\s*(?P<doi>10\.\d{4,9}/[^\s,;]+)", re.IGNORECASE
)
_PACKAGES = ("interpmark", "torch", "transformers")
NO_REFERENCE = "no reference is registered"
NOT_REGISTERED = "not registered here: name its source yourself"


@dataclass(frozen=True)
class Reference:
    """A work: an arXiv id or a DOI, with title, authors and year where they are known."""

    identifier: str
    title: str = ""
    authors: tuple[str, ...] = ()
    year: int | None = None

    @property
    def key(self) -> str:
        """`belrose2023leace`: its name in a bibliography."""
        if not self.authors:
            return re.sub(r"[^A-Za-z0-9]+", "-", self.identifier).strip("-").lower()
        words = [_ascii(self.authors[0].partition(",")[0]), str(self.year), _ascii(self.title.split()[0])]
        return "".join(words).lower()

    @property
    def url(self) -> str:
        """Where it can be read."""
        kind, _, number = self.identifier.partition(":")
        return f"https://arxiv.org/abs/{number}" if kind == "arXiv" else f"https://doi.org/{number}"

    @property
    def line(self) -> str:
        """`Belrose et al. 2023, LEACE: ...`; the identifier alone where no more is known."""
        if not self.authors:
            return self.identifier
        first = self.authors[0].partition(",")[0]
        second = self.authors[1].partition(",")[0] if len(self.authors) == 2 else ""
        who = (
            f"{first} and {second}"
            if second and second != "others"
            else f"{first} et al."
            if self.authors[1:]
            else first
        )
        return f"{who} {self.year}, {self.title}"

    def bibtex(self) -> str:
        """Its entry."""
        kind, _, number = self.identifier.partition(":")
        fields = {
            "title": f"{{{latex_escaped(self.title)}}}" if self.title else "",
            "author": latex_escaped(" and ".join(self.authors)),
            "year": str(self.year or ""),
            **({"eprint": number, "archiveprefix": "arXiv"} if kind == "arXiv" else {"doi": number}),
            "url": self.url,
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join([f"@misc{{{self.key},", *lines, "}"])


@dataclass(frozen=True)
class Cited:
    """A method of the table: its references, or in `text` what is said instead."""

    method: str
    references: tuple[Reference, ...]
    text: str = ""


@dataclass(frozen=True)
class Citations:
    """All that a table must cite. Versions and hashes are by name; several values say that runs were mixed."""

    versions: Mapping[str, Sequence[str]]
    subjects: Mapping[str, Sequence[str]]
    fixtures: Mapping[str, Sequence[str]]
    methods: tuple[Cited, ...]

    @property
    def references(self) -> tuple[Reference, ...]:
        """Every work once, by key."""
        return tuple(sorted({one for cited in self.methods for one in cited.references}, key=lambda one: one.key))

    def to_markdown(self) -> str:
        """Versions, hashes and methods as lists for a README."""
        lines = ["# Versions and references", "", *_items(self._facts(), escaped, "- {}: {}"), "", "## Methods", ""]
        for cited in self.methods:
            works = [f"{escaped(one.line)} (<{one.url}>)" for one in cited.references]
            lines.append(f"- {escaped(cited.method)}: {'; '.join(works) or escaped(cited.text)}")
        return "\n".join(lines) + "\n"

    def to_latex(self) -> str:
        """Versions and hashes as one paragraph and the methods with \\cite, for the BibTeX form's keys."""
        facts = ". ".join(_items(self._facts(), latex_escaped, "{}: {}"))
        lines = [
            "% The works are printed by interpmark cite --format bibtex.",
            f"\\paragraph{{Versions.}} {facts}.",
            "",
        ]
        lines.append("\\begin{itemize}")
        for cited in self.methods:
            keys = ",".join(one.key for one in cited.references)
            lines.append(
                f"\\item {latex_escaped(cited.method)}"
                + (f"~\\cite{{{keys}}}" if keys else f" ({latex_escaped(cited.text)})")
            )
        return "\n".join([*lines, "\\end{itemize}", ""])

    def to_bibtex(self) -> str:
        """An entry for each work that has an arXiv id or a DOI; the others are named in comments."""
        others = [
            f"% {' '.join(cited.method.split())}: {' '.join(cited.text.split())}"
            for cited in self.methods
            if cited.text
        ]
        return (
            "\n\n".join([*(one.bibtex() for one in self.references), *(["\n".join(others)] if others else [])]) + "\n"
        )

    def _facts(self) -> list[tuple[str, str]]:
        groups = (("", self.versions), ("subject ", self.subjects), ("fixture ", self.fixtures))
        return [(f"{what}{name}", " and ".join(values)) for what, found in groups for name, values in found.items()]


def citations(scorecards: Sequence[Scorecard]) -> Citations:
    """Return what the leaderboard of these scorecards must cite; superseded and outdated results are left out."""
    cards = select(scorecards).current
    packages = [card.provenance.get("packages") or {} for card in cards]
    versions = {name: _values(one.get(name) for one in packages) for name in _PACKAGES}
    return Citations(
        {name: values for name, values in versions.items() if values},
        _hashes(cards, lambda card: card.cell.subject, "subject_hash"),
        _hashes(cards, lambda card: card.cell.fixture, "fixture_hash"),
        tuple(_cited(method) for method in sorted({card.cell.method for card in cards})),
    )


def _hashes(cards: Sequence[Scorecard], name: Callable[[Scorecard], str], fact: str) -> dict[str, Sequence[str]]:
    found: dict[str, list[Scorecard]] = {}
    for card in cards:
        if card.provenance.get(fact):
            found.setdefault(name(card), []).append(card)
    return {key: _values(str(card.provenance[fact])[:16] for card in own) for key, own in sorted(found.items())}


def _values(found: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted({str(value) for value in found if value}))


def _cited(method: str) -> Cited:
    try:
        reference = get_method(method).info.reference
    except MethodError:
        return Cited(method, (), NOT_REGISTERED)
    works = tuple(_work(match) for match in _IDENTIFIER.finditer(reference))
    return Cited(method, works, "" if works else reference or NO_REFERENCE)


def _work(match: re.Match[str]) -> Reference:
    identifier = f"arXiv:{match['arxiv']}" if match["arxiv"] else f"doi:{match['doi'].rstrip('.')}"
    known = known_works().get(identifier)
    return Reference(identifier) if known is None else known


@cache
def known_works() -> Mapping[str, Reference]:
    """The works whose title and authors are written down, by identifier."""
    data = tomllib.loads(files("interpmark.suite").joinpath("references.toml").read_text("utf-8"))
    return {
        identifier: Reference(identifier, work["title"], tuple(work["authors"]), work["year"])
        for identifier, work in data.items()
    }


def _items(facts: Sequence[tuple[str, str]], escape: Callable[[str], str], form: str) -> list[str]:
    return [form.format(escape(name), escape(value)) for name, value in facts]


def _ascii(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]", "", plain)
