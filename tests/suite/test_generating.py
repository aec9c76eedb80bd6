"""Generations side by side: one seed for all columns, edits from the engine's own fits."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from interpmark.fixtures.subjects import load_subject
from interpmark.suite import RunOptions, UsageError, score_all
from interpmark.suite.cells import collect_cells
from interpmark.suite.engine import Engine
from interpmark.suite.fluency import nll
from interpmark.suite.generating import UNEDITED, generations
from interpmark.suite.sampling import Sampling, few

PROMPTS = ("On day 3 the warm water", "On day 4 the warm water")
SHORT = Sampling(n=2, max_new_tokens=6)


@pytest.fixture
def options(tiny_llama: Path, weather: Path, tmp_path: Path) -> RunOptions:
    return RunOptions(
        subject=str(tiny_llama), concepts=(str(weather),), fixtures=("weather@*",), sites=("resid_post.1",),
        methods=("identity", "full-ablation", "leace"), store=tmp_path / "store", cache=False,
    )  # fmt: skip


def test_columns_share_their_seeds(options: RunOptions) -> None:
    found = generations(options, PROMPTS, SHORT)
    assert list(found.texts) == [UNEDITED, "identity", "full-ablation", "leace"]
    assert all(len(texts) == 2 and len(texts[0]) == len(texts[1]) == 2 for texts in found.texts.values())
    assert found.texts["identity"] == found.texts[UNEDITED]
    assert found.fluency["identity"] == found.fluency[UNEDITED]
    # With every activation the same a prompt is not seen: after both, which are of one length, comes the same text.
    assert found.texts["full-ablation"][0] == found.texts["full-ablation"][1] != found.texts[UNEDITED][0]
    assert generations(options, PROMPTS, SHORT) == found
    assert generations(options, PROMPTS, replace(SHORT, seed=1)).texts != found.texts


def test_a_steerer_has_the_strength_that_is_asked_for(options: RunOptions) -> None:
    steering = replace(options, methods=("caa",))
    at = {strength: generations(steering, PROMPTS, SHORT, strength).texts for strength in (0.0, 1.0, 8.0)}
    assert at[0.0]["caa"] == at[0.0][UNEDITED] == at[8.0][UNEDITED]
    assert at[0.0]["caa"] != at[8.0]["caa"] != at[1.0]["caa"]


def test_a_scored_cells_edit_is_taken_from_the_store(options: RunOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = generations(options, PROMPTS, SHORT)
    score_all(options)
    monkeypatch.setattr(Engine, "edit", None)  # a fit would fail now
    assert generations(options, PROMPTS, SHORT) == fresh


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ("oracle-leace",)}, "sees the label"),
        ({"fixtures": ("planted-gaussian",), "concepts": ()}, "no language model"),
        ({"fixtures": ("weather@*", "gender")}, "these match: weather, gender"),
    ],
)
def test_what_gives_no_text_is_told(options: RunOptions, changes: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        generations(replace(options, **changes), PROMPTS, SHORT)


def test_the_likelihood_is_that_of_the_completion_alone(tiny_llama: Path) -> None:
    subject = load_subject(str(tiny_llama))
    prompts = subject.encode(["the water", "a"])
    completions = subject.tokenizer([" ran", " was warm"], add_special_tokens=False)["input_ids"]
    pairs = list(zip(prompts, completions, strict=True))
    for (prompt, completion), found in zip(pairs, nll(subject, pairs), strict=True):
        labels = torch.tensor([[-100] * len(prompt) + completion])
        with torch.no_grad():
            loss = subject.model(torch.tensor([prompt + completion]), labels=labels).loss.item()
        assert math.isclose(found, loss * len(completion), rel_tol=1e-4)


def test_samples_are_kept_and_several_are_scored(options: RunOptions) -> None:
    cards = {card.cell.method: card for card in score_all(replace(options, samples=3))}
    same, gone = cards["identity"].samples, cards["full-ablation"].samples
    assert len(same) == len(gone) == 3
    assert all(sample.unedited == sample.edited != "" for sample in same)
    assert [sample.unedited for sample in gone] == [sample.unedited for sample in same]
    assert all(sample.unedited != sample.edited for sample in gone)
    assert cards["leace"].estimate("generated_perplexity").status == "ok"
    plain = {card.cell.method: card for card in score_all(options)}
    assert [len(card.samples) for card in plain.values()] == [1, 1, 1]
    assert plain["full-ablation"].samples[0] in gone
    assert not any(one.measure.startswith("generated") for one in plain["leace"].estimates)
    assert plain["identity"].key != cards["identity"].key
    # Texts are beside the point of a score: with and without them, results stand in one table.
    assert plain["identity"].provenance["fixture_hash"] == cards["identity"].provenance["fixture_hash"]
    assert plain["leace"].estimate("residual_accuracy") == cards["leace"].estimate("residual_accuracy")


def test_an_edit_that_sees_labels_has_no_samples(options: RunOptions) -> None:
    for n in (1, 3):
        (card,) = score_all(replace(options, methods=("oracle-leace",), samples=n))
        assert (card.error, card.samples) == (None, ())


def test_no_samples_are_kept_where_none_are_wanted(options: RunOptions) -> None:
    (card,) = score_all(replace(options, methods=("identity",), samples=0))
    assert (card.error, card.samples) == (None, ())


def test_samples_take_classes_in_turn(options: RunOptions) -> None:
    concept = collect_cells(options)[0].fixture.concept
    labels = concept.labels[concept.rows("test")]
    assert sorted(labels[few(concept, 4)].tolist()) == [0, 0, 1, 1]
    assert few(concept, 10_000) == list(range(len(labels)))


def command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = "from interpmark.suite.cli import app; app()"
    return subprocess.run(
        [sys.executable, "-c", code, "generate", *arguments], cwd=folder, capture_output=True, text=True, timeout=300
    )


def test_the_command_prints_columns_or_json(tiny_llama: Path, weather: Path, tmp_path: Path) -> None:
    given = (
        "leace", "mean-projection", "--fixture", str(weather), "--subject", str(tiny_llama), "--site", "resid_post.1",
        "--prompt", PROMPTS[0], "--prompt", PROMPTS[1], "-n", "2", "--max-new-tokens", "5",
    )  # fmt: skip
    shown = command(*given, folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    headers = [line for line in shown.stdout.splitlines() if UNEDITED in line and "leace" in line]
    assert len(headers) == 2
    assert "distinct-2" in shown.stdout
    data = json.loads(command(*given, "--json", folder=tmp_path).stdout)
    assert list(data["texts"]) == [UNEDITED, "leace", "mean-projection"]
    assert data["prompts"] == list(PROMPTS)
    assert data["fluency"]["leace"]["tokens"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("leec", "--fixture", "gender"), "did you mean 'leace'"),
        (("leace", "--fixture", "gendr"), "did you mean 'gender'"),
        (("leace", "--fixture", "gender", "--site", "resid_post.99"), "from 0 to 29"),
        (("caa", "--fixture", "gender", "--strength", "nan"), "the strength is a finite number, not nan"),
        (("caa", "--fixture", "gender", "-n", "0"), "both are 1 or more"),
        (("caa", "--fixture", "gender", "--prompt", " "), "a prompt is empty"),
    ],
)
def test_a_wrong_name_is_one_message(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = command(*arguments, "--prompt", "Here", folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
