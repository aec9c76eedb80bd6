"""A file of a built-in method holds this one method and opens with its formula and its source."""

import inspect
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from interpmark.methods import MethodInfo, available

BUILT_IN = [info for info in available() if re.match(r"interpmark\.methods\.(erasers|steerers)\.", info.cls.__module__)]
REFERENCES = tomllib.loads((Path(__file__).parents[2] / "suite" / "references.toml").read_text("utf-8"))


def opening(info: MethodInfo) -> str:
    return inspect.getdoc(sys.modules[info.cls.__module__]) or ""


def test_one_file_a_method() -> None:
    assert len(BUILT_IN) > 30
    files = Counter(info.cls.__module__ for info in BUILT_IN)
    assert max(files.values()) == 1, files.most_common(3)
    assert [info.name for info in BUILT_IN if not info.cls.__module__.endswith("." + info.name.replace("-", "_"))] == []


@pytest.mark.parametrize("info", BUILT_IN, ids=lambda info: info.name)
def test_it_opens_with_the_formula_and_the_source(info: MethodInfo) -> None:
    assert re.search(r"\b[xh](_a)?' = ", opening(info)), "the formula: x' = ..."
    if info.reference.startswith("arXiv:"):
        assert info.reference in opening(info)
    elif info.reference:
        source = REFERENCES[info.reference]
        surname = source["authors"][0].partition(",")[0]
        assert f"{surname} {source['year']}" in opening(info)
    else:
        assert info.control, "a method that is no control comes from somewhere"
