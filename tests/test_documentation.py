"""The documents say what is so: links lead somewhere, options and commands exist, the examples run."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from interpmark.methods import CLAIMS, load_method_source, registry

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "RESULTS.md"])
EXAMPLES = (ROOT / "README.md", ROOT / "docs" / "methods.md")

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def anchors(path: Path) -> set[str]:
    """The fragments that GitHub gives the headings."""
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@every_document
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if target.startswith(("http:", "https:")):
            continue
        file, _, fragment = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{target} is not there"
        assert not fragment or fragment in anchors(there), f"{target}: no such heading"


@every_document
def test_options_exist(path: Path, pytestconfig: pytest.Config) -> None:
    known = {name for action in pytestconfig._parser.optparser._actions for name in action.option_strings}
    named = set(re.findall(r"--(?:interp-[a-z-]*[a-z]|force-regen)", path.read_text("utf-8")))
    assert named <= known, f"there is no {', '.join(sorted(named - known))}"


@every_document
def test_commands_exist(path: Path) -> None:
    from interpmark.suite.cli import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", path.read_text("utf-8"), flags=re.DOTALL))
    named = set(re.findall(r"(?:^|[`/ ])interpmark ([a-z][a-z-]+)\b(?![.=])", code, flags=re.MULTILINE))
    assert named <= known, f"there is no interpmark {', '.join(sorted(named - known))}"


@pytest.fixture
def registered() -> Iterator[None]:
    before = dict(registry.registered())
    yield
    registry.restore(before)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_example_keeps_the_contract(path: Path, registered: None, tmp_path: Path) -> None:
    from interpmark.suite import check_method

    example = next(code for code in re.findall(r"```python\n(.*?)```", path.read_text("utf-8"), re.DOTALL))
    file = tmp_path / "example.py"
    file.write_text(example, encoding="utf-8")
    (info,) = load_method_source(file)
    records = check_method(info.name)
    assert not [record for record in records if record.status == "failed"]
    assert [record for record in records if record.status == "passed"]


def test_every_claim_is_explained_in_its_own_words() -> None:
    text = (ROOT / "docs" / "methods.md").read_text("utf-8")
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (.+?) \|$", text[text.index("## Claims") :], re.MULTILINE)) == CLAIMS


def test_every_document_is_linked_from_another() -> None:
    linked = {
        (path.parent / target.partition("#")[0]).resolve()
        for path in DOCUMENTS
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8"))
    }
    assert not [path for path in DOCUMENTS if path not in linked | {ROOT / "README.md"}]
