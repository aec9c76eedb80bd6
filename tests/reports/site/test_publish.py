"""The site's files: whole, linked, escaped, and the same for the same results."""

import csv
import filecmp
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas
import pytest

from interpmark.reports.history import history
from interpmark.reports.site import publish, read_stores
from interpmark.reports.site.reproduce import command
from interpmark.reports.store import Store

from .conftest import HOSTILE, METHODS, card, cards, runs


class Page(HTMLParser):
    """Collects addresses, ids, and what a strict policy would refuse."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.refused: list[str] = []
        self.policy = ""
        self.scripts: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.addresses += [value for name in ("href", "src") if (value := found.get(name))]
        self.refused += [f"{tag} {name}" for name in found if name.startswith("on") or name == "style"]
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(found["content"])
        if tag == "script":
            self.scripts.append(found)
        if tag == "style":
            self.refused.append("style")


def pages(site: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(site.rglob("*.html")):
        yield path, path.read_text(encoding="utf-8")


def received(path: Path) -> object:
    """The JSON that a data script hands over."""
    text = path.read_text(encoding="ascii")
    found = re.fullmatch(r'interpmark\.receive\("[^"]+", (.*)\);\n', text)
    assert found is not None
    return json.loads(found[1])


def test_there_is_a_page_for_each_fixture_method_and_subject(site: Path) -> None:
    names = {str(path.relative_to(site)) for path, _ in pages(site)}
    fixtures = {f"fixtures/gender-smollm2-135m-resid_post.{block}-last.html" for block in (15, 26)}
    assert {"index.html", "results.html", "subjects/smollm2-135m.html", "methods/leace.html", *fixtures} <= names
    assert sum(name.startswith("methods/") for name in names) == len(METHODS) + 5


def test_every_link_leads_to_a_file_of_the_site(site: Path) -> None:
    for path, text in pages(site):
        for address in Page(text).addresses:
            if address.startswith(("#", "data:")):
                continue
            assert "://" not in address, f"{path}: {address} needs a network"
            assert (path.parent / unquote(address.split("#")[0])).is_file(), f"{path}: {address}"


def test_no_page_has_inline_scripts_styles_or_handlers(site: Path) -> None:
    for path, text in pages(site):
        page = Page(text)
        assert not page.refused, path
        assert all("src" in script or script.get("type") == "application/json" for script in page.scripts), path
        assert page.policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in page.policy


def test_text_from_outside_is_escaped_on_every_page(site: Path) -> None:
    for path, text in pages(site):
        assert HOSTILE not in text, path
    assert HOSTILE.replace("<", "&lt;").replace(">", "&gt;") in (site / "index.html").read_text(encoding="utf-8")


def test_numbers_are_there_without_scripts(site: Path) -> None:
    text = (site / "fixtures/gender-smollm2-135m-resid_post.26-last.html").read_text(encoding="utf-8")
    assert ">0.80</a>" in text
    assert "[0.76, 0.84]" in text


def test_the_same_results_give_the_same_files(site: Path, tmp_path: Path) -> None:
    publish(reversed(cards()), tmp_path / "again", history=history(runs()))
    names = [str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()]
    _, different, missing = filecmp.cmpfiles(site, tmp_path / "again", names, shallow=False)
    assert (different, missing) == ([], [])


def test_the_history_marks_what_breaks_a_trend(site: Path) -> None:
    data = received(site / "data/history.js")
    assert isinstance(data, dict)
    (trend,) = [one for one in data["series"] if one["measure"] == "edit_norm"]
    assert [(point["run"], point["broken"], point["source"]) for point in trend["points"]] == [
        (0, [], False),
        (1, [], False),
        (2, ["fixture hash"], True),
    ]
    assert "fixture hash (" in (site / "history.html").read_text(encoding="utf-8")


def test_without_saved_runs_there_is_no_history(tmp_path: Path) -> None:
    publish(cards()[:2], tmp_path)
    assert not (tmp_path / "history.html").exists()
    assert "history.html" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_downloads_hold_every_cell(site: Path) -> None:
    with (site / "downloads/scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    frame = pandas.read_parquet(site / "downloads/scores.parquet")
    records = json.loads((site / "downloads/leaderboard.json").read_text())["records"]
    assert len(rows) == len(frame) == len(records)
    assert {row["method"] for row in rows} == set(frame["method"]) == {one.cell.method for one in cards()}


def test_a_panel_tells_provenance_claims_and_seeds(site: Path) -> None:
    data = received(site / "data/cells/gender-smollm2-135m-resid_post.26-last.js")
    assert isinstance(data, dict)
    panel = data["rows"]["leace"]
    assert [cell["seed"] for cell in panel["cells"]] == [0, 1]
    assert panel["pooled"] is not None
    assert data["shared"]["commit"] == "c0ffee"
    assert "key" in panel["cells"][0]["provenance"]
    assert data["rows"]["broken"]["cells"][0]["error"]["advice"] == "mend it"


def test_the_command_of_a_cell_names_all_that_is_not_the_default() -> None:
    words = shlex.split(command(card(HOSTILE + "'; rm -rf /'", 0.5, seed=3)).replace("\\\n", ""))
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert words[:3] == ["pytest", "--pyargs", "interpmark.suite"]
    assert options == {
        "--interp-methods": HOSTILE + "'; rm -rf /'",
        "--interp-fixtures": "gender@smollm2-135m/resid_post.26:last",
        "--interp-seeds": "3",
        "--interp-subject": "smollm2-135m",
        "--interp-sites": "resid_post.26",
        "--interp-dtype": "bfloat16",
    }


def test_stores_are_joined_and_an_empty_one_is_told(tmp_path: Path) -> None:
    first, second = Store(tmp_path / "a"), Store(tmp_path / "b")
    first.put(card("leace", 0.5))
    second.put(card("leace", 0.5))
    second.put(card("inlp", 0.6))
    assert sorted(one.cell.method for one in read_stores([first.root, second.root])) == ["inlp", "leace"]
    with pytest.raises(ValueError, match="nothing to publish"):
        read_stores([Store(tmp_path / "c").root])


def test_publishing_imports_no_torch_and_starts_light(tmp_path: Path) -> None:
    code = (
        "import sys; import interpmark.reports.site\n"
        "print([name for name in ('torch', 'transformers', 'pandas', 'scipy', 'sklearn') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
