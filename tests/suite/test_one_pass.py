"""Cost that does not grow: one pass over each text for all sites, and logits of one batch at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

from interpmark.fixtures import get_corpus
from interpmark.fixtures.subjects import load_subject
from interpmark.methods import AffineEdit
from interpmark.suite import RunOptions, score_all
from interpmark.suite.progress import SilentProgress
from interpmark.suite.runs import BATCH_TOKENS, SOFTMAX_ROWS, Prompts, inputs, log_probs, run, run_corpus
from interpmark.suite.stage import Recorder

BLOCKS = 4
"""Of the tiny Llama."""


@pytest.fixture
def first_block(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shape of what the first block is given, each time that it is computed: a resumed pass does not compute it."""
    given: list[tuple[int, ...]] = []
    own = LlamaDecoderLayer.forward

    def noted(self: LlamaDecoderLayer, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if self.self_attn.layer_idx == 0:
            given.append(tuple(hidden_states.shape))
        return own(self, hidden_states, *args, **kwargs)

    monkeypatch.setattr(LlamaDecoderLayer, "forward", noted)
    return given


def test_a_sweep_over_every_block_runs_the_first_block_as_often_as_a_run_at_one_site(
    tiny_llama: Path, tmp_path: Path, first_block: list[tuple[int, ...]]
) -> None:
    rows = [(f"On day {day} the water was {word}", word, day) for day in range(40) for word in ("warm", "cold")]
    concept = tmp_path / "weather.jsonl"
    concept.write_text("\n".join(json.dumps(dict(zip(("text", "label", "group"), row, strict=True))) for row in rows))
    passes = {}
    for sites, cells in ((("all",), 2 * BLOCKS), ((f"resid_post.{BLOCKS - 1}",), 2)):
        first_block.clear()
        cards = score_all(
            RunOptions(
                subject=str(tiny_llama), concepts=(str(concept),), fixtures=("weather@*",), sites=sites,
                methods=("leace", "mean-projection"), store=tmp_path / sites[0], cache=False,
                samples=0,  # a text that is generated is a cell's own
            )
        )  # fmt: skip
        assert [card.error for card in cards] == [None] * cells
        passes[sites] = list(first_block)
    every, one = passes.values()
    assert every == one
    assert len(one) > 10, "the corpus alone takes more batches than that: not all passes are seen"


@pytest.mark.parametrize("kind", ["corpus", "prompts"])
def test_no_more_logits_than_those_of_one_batch_are_in_memory_at_once(
    tiny_llama: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = load_subject(tiny_llama)
    site = "resid_post.1"
    recorder = Recorder(subject, None, SilentProgress())
    if kind == "corpus":
        tokens = subject.encode(get_corpus("neutral").documents)
        prompts = Prompts.whole(subject, tokens)
        states = recorder.states(kind, inputs(tokens), [site], share_leads=False)[site]
    else:
        tokens = subject.encode([f"{number} and" for number in range(1000)])
        prompts = Prompts.ends(subject, tokens)
        states = recorder.states(kind, tokens, [site])[site]
    edit = AffineEdit.projection(torch.eye(subject.d_model, 1, dtype=torch.float64))

    batches: list[int] = []
    run(subject, site, states, prompts, lambda logits, *_: batches.append(len(logits)), edit)
    assert sum(batches) == sum(len(wanted) for wanted in prompts.wanted)
    assert SOFTMAX_ROWS < max(batches) <= BATCH_TOKENS
    assert len(batches) > 2

    softmaxes: list[int] = []
    for name in ("log_softmax", "logsumexp"):
        monkeypatch.setattr(torch, name, _noting(getattr(torch, name), softmaxes))
    (run_corpus if kind == "corpus" else log_probs)(subject, site, states, prompts, edit)
    assert sum(softmaxes) >= sum(batches)
    assert max(softmaxes) <= SOFTMAX_ROWS


def _noting(function: Callable[..., torch.Tensor], rows: list[int]) -> Callable[..., torch.Tensor]:
    def noted(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        rows.append(len(x))
        return function(x, *args, **kwargs)

    return noted
