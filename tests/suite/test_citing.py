"""What a table must cite is found in its scorecards and in the registry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest

from interpmark.methods import available, register
from interpmark.methods.registry import registered, restore
from interpmark.reports import SCHEMA, CellId, Estimate, Scorecard
from interpmark.suite.citing import Reference, citations, known_works

FINISHED = "2026-01-01T12:00:00+00:00"


def card(method: str, **provenance: object) -> Scorecard:
    cell = CellId(method, "eraser", "gender", "smollm2-135m", "resid_post.26", "last", 0)
    facts = {"finished": FINISHED, "fixture_hash": "f" * 64, "subject_hash": "5" * 64, "packages": {"torch": "2.13.0"}}
    return Scorecard(
        SCHEMA, f"k{abs(hash(method))}", cell, (Estimate.exact("edit_norm", 1.0),), provenance=facts | provenance
    )


@pytest.fixture
def own() -> Iterator[None]:
    before: Mapping[str, object] = dict(registered())

    @register("from-a-book", kind="eraser", reference="A & B (1999), 50% of a_book")
    class Book:
        """One."""

        def fit(self, x: object, z: object, *, seed: int) -> None: ...

    @register("from-two-papers", kind="eraser", reference="arXiv:2306.03819v2, arXiv:9999.00001 and doi:10.1000/x_y.1.")
    class Two:
        """Two."""

        def fit(self, x: object, z: object, *, seed: int) -> None: ...

    yield
    restore(before)  # type: ignore[arg-type]


def test_every_reference_of_a_built_in_method_is_a_known_work() -> None:
    pattern = re.compile(r"(arXiv:[\d.]+|doi:\S+)")
    named = {found for info in available() for found in pattern.findall(info.reference)}
    assert named
    assert named <= set(known_works())
    assert len({work.key for work in known_works().values()}) == len(known_works())


def test_versions_hashes_and_methods_are_named() -> None:
    text = citations([card("leace(shrinkage=True)"), card("identity")]).to_markdown()
    assert "- torch: 2.13.0" in text
    assert f"- subject smollm2-135m: {'5' * 16}" in text
    assert "- fixture gender@smollm2-135m/resid\\_post" in text.replace("resid_post", "resid\\_post")
    assert "- leace(shrinkage=True): Belrose et al. 2023, LEACE: Perfect linear concept erasure" in text
    assert "<https://arxiv.org/abs/2306.03819>" in text
    assert "- identity: no reference is registered" in text


def test_mixed_versions_are_both_named() -> None:
    found = citations([card("leace"), card("inlp", packages={"torch": "2.6.0"})])
    assert found.versions["torch"] == ("2.13.0", "2.6.0")


@pytest.mark.usefixtures("own")
def test_bibtex_has_what_has_an_identifier_and_comments_for_the_rest() -> None:
    bibtex = citations([card("from-two-papers"), card("from-a-book"), card("gone-method")]).to_bibtex()
    assert bibtex.count("@misc{") == 3
    assert "@misc{belrose2023leace," in bibtex
    assert "eprint = {2306.03819}" in bibtex
    assert "@misc{arxiv-9999-00001," in bibtex
    assert "doi = {10.1000/x_y.1}" in bibtex
    assert "% from-a-book: A & B (1999), 50% of a_book" in bibtex
    assert "% gone-method: not registered here" in bibtex
    assert bibtex.count("{") == bibtex.count("}")


@pytest.mark.usefixtures("own")
def test_latex_cites_the_keys_of_the_bibtex_and_escapes_the_rest() -> None:
    found = citations([card("from-two-papers"), card("from-a-book"), card("caa")])
    latex, bibtex = found.to_latex(), found.to_bibtex()
    keys = {key for cited in re.findall(r"\\cite\{([^}]*)\}", latex) for key in cited.split(",")}
    assert keys == set(re.findall(r"@misc\{([^,]*),", bibtex))
    assert "A \\& B (1999), 50\\% of a\\_book" in latex
    assert "resid\\_post" in latex


def test_names_of_works() -> None:
    assert Reference("doi:10.1/a", "The Élan", ("Viégas, F.", "others"), 2020).key == "viegas2020the"
    assert Reference("doi:10.1/a", "On", ("Pearson, Karl",), 1901).line == "Pearson 1901, On"
    assert Reference("doi:10.1/a", "On", ("A, B", "C, D"), 1901).line == "A and C 1901, On"
    assert Reference("arXiv:2001.00001").line == "arXiv:2001.00001"
