"""The action's own steps, run by the shell that GitHub runs them with; what GitHub itself does is not run here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ACTION = Path(__file__).parents[2] / "action.yml"
METHOD = '''
from interpmark.methods import AffineEdit, register

@register("my-eraser", kind="eraser", supports={"binary"})
class MyEraser:
    """A part of the difference of class means."""

    def fit(self, x, z, *, seed):
        whole = AffineEdit.projection(x[z == 1].mean(0) - x[z == 0].mean(0), center=x.mean(0))
        return AffineEdit(PART * whole.read, whole.write, center=whole.center)
'''


def steps() -> list[dict[str, Any]]:
    loaded = yaml.safe_load(ACTION.read_text("utf-8"))
    return list(loaded["runs"]["steps"])


def run_score(folder: Path, part: float, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the step `Score` as GitHub does: inputs in variables, the script in a file, bash with -e and pipefail."""
    step = next(step for step in steps() if step.get("name") == "Score")
    (folder / "my_eraser.py").write_text(METHOD.replace("PART", str(part)))
    (folder / "step.sh").write_text(step["run"])
    names = {name: inputs.get(name, "") for name in step["env"]}
    assert set(inputs) <= set(names)
    (folder / "output").touch()
    env = os.environ | names | {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_ACTIONS": "true"}
    env |= {"GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "PATH": f"{Path(sys.executable).parent}:{env['PATH']}"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "step.sh"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_the_action_turns_red_for_a_regression(tmp_path: Path) -> None:
    which = {"METHODS": "identity", "METHOD_FILES": "my_eraser.py", "FIXTURES": "planted-gaussian"}
    few = "-k\nnot contract and not claims\n"
    first = run_score(tmp_path, 1.0, ARGUMENTS=f"{few}--interp-save=main", **which)
    assert first.returncode == 0, first.stdout + first.stderr
    rules = {"BASELINE": "main", "FAIL": "residual_accuracy:0.02\n\nedit_norm:5%\n"}
    done = run_score(tmp_path, 0.5, ARGUMENTS=few, **which, **rules)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "::error title=interpmark%3A my-eraser on planted-gaussian::residual accuracy regressed" in done.stdout
    outputs = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert "**regressed**" in Path(outputs["comment"]).read_text()
    assert (Path(outputs["store"]) / "leaderboard.md").is_file()
    assert (tmp_path / ".interpmark" / "junit.xml").is_file()


def test_no_input_is_text_of_a_script() -> None:
    scripts = [step["run"] for step in steps() if "run" in step]
    assert len(scripts) == 2
    assert not any("${{" in script for script in scripts)


def test_every_input_is_used_and_every_used_one_is_declared() -> None:
    text = ACTION.read_text("utf-8")
    declared = set(yaml.safe_load(text)["inputs"])
    body = text[text.index("\nruns:") :]
    assert declared == {name for name in declared if f"inputs.{name}" in body}
    used = {part.split()[0].rstrip("}/") for part in body.split("inputs.")[1:]}
    assert {name.split("/")[0] for name in used} <= declared
