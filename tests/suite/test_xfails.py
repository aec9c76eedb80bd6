"""Expected failures: the file's form, and what becomes of tests that fail, pass, or are not there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from interpmark.suite.errors import UsageError
from interpmark.suite.xfails import ExpectedFailure, read_xfails

TESTS = """
import pytest

@pytest.mark.parametrize("name", ["leace-gender@s/p:last-s0", "other"])
def test_claims(name):
    assert name == "other", "fails"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "xfails.txt"
    path.write_text(text)
    return path


def test_an_entry_has_an_id_a_reason_and_perhaps_a_last_day(tmp_path: Path) -> None:
    text = """
# what this method cannot do yet
test_claims[my(rank=4)-*]  | no guard: issue 12   # the rest is a comment
leace-gender@*-s0 | too few rows | until 2027-03-01
"""
    first, second = read_xfails(written(tmp_path, text))
    assert first == ExpectedFailure("test_claims[my(rank=4)-*]", "no guard: issue 12", None, 3)
    assert second.until == date(2027, 3, 1)
    assert not second.expired(date(2027, 3, 1))
    assert second.expired(date(2027, 3, 2))


def test_brackets_in_a_pattern_stand_for_themselves() -> None:
    entry = ExpectedFailure("test_claims[a*]", "", None, 1)
    assert entry.names(["x", "test_claims[abc]"])
    assert not entry.names(["test_claimsa", "test_claims[b]", "test_claims[abc] more"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("leace-*", "an id and a reason are due"),
        ("| why", "an id and a reason are due"),
        ("leace-* | ", "an id and a reason are due"),
        ("a | b | c | d", "there are 3 bars"),
        ("a | b | 2027-01-01", "is no last day; write it as in: until 2027-03-01"),
        ("a | b | untill 2027-01-01", "did you mean 'until'"),
        ("a | b | until 2027-13-01", "is no last day"),
        ("a | b\na | c", "expected to fail in line 2 already"),
    ],
)
def test_a_line_that_is_no_entry_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(UsageError, match=r"xfails\.txt:[23]: ") as caught:
        read_xfails(written(tmp_path, f"\n{line}\n"))
    assert message in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_xfails(tmp_path / "none.txt")


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_expected_failures_pass_and_everything_out_of_date_is_reported(
    pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_it=TESTS)
    written(
        pytester.path,
        "leace-gender@s/p:last-s0 | known\nnothing* | gone\ntest_claims[other] | over | until 2020-01-01\n",
    )
    done = pytester.runpytest_subprocess("--interp-xfails", "xfails.txt", "-rx", "-p", "no:cacheprovider", *workers)
    done.assert_outcomes(xfailed=1, passed=1)
    assert done.ret == 0
    done.stdout.fnmatch_lines(
        [
            "*interpmark expected failures: xfails.txt*",
            "line 3: test_claims?other? expired after 2020-01-01*",
            "line 2: nothing[*] names no test of this run",
        ]
    )
    done.stdout.fnmatch_lines(["XFAIL *known*"])


def test_an_unexpected_pass_and_an_expired_failure_are_red(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=TESTS)
    written(pytester.path, "other | known\nleace* | over | until 2020-01-01\n")
    done = pytester.runpytest_subprocess("--interp-xfails", "xfails.txt", "-p", "no:cacheprovider")
    done.assert_outcomes(failed=2)
    assert done.ret == 1
    assert "XPASS(strict)" in done.stdout.str()


def test_a_bad_file_is_told_before_anything_runs(pytester: pytest.Pytester) -> None:
    written(pytester.path, "no bar\n")
    done = pytester.runpytest_subprocess("--interp-xfails", "xfails.txt")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "xfails.txt:1: an id and a reason are due" in done.stderr.str()
