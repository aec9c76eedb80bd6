"""Reading results starts quickly: nothing heavy is imported until it is used."""

import subprocess
import sys

import pytest

HEAVY = ["torch", "transformers", "datasets", "sklearn", "pandas", "scipy", "numpy"]


@pytest.mark.parametrize("module", ["interpmark.reports", "interpmark.reports.leaderboard", "interpmark.reports.store"])
def test_importing_reports_imports_nothing_heavy(module: str) -> None:
    code = f"import {module}, sys; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_report_needs_no_torch_and_no_pandas(tmp_path: object) -> None:
    code = (
        "import sys; from interpmark.reports import *\n"
        "cards = [Scorecard(SCHEMA, str(s), CellId('a', 'eraser', 'c', '', '', '', s),"
        " (Estimate.scored('edit_norm', (s, s - 1, s + 1), 9),)) for s in (1, 2)]\n"
        f"print(len(write_reports(cards, {str(tmp_path)!r}).to_text()) > 0)\n"
        "print([name for name in ('torch', 'pandas', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n[]\n"
