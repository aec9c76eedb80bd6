from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from interpmark.fixtures import get_corpus
from interpmark.reports import Estimate
from interpmark.reports.recipes import RECIPES, recipe_of

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def suite_run(tmp_path: Path) -> Run:
    """Run the installed suite in a process of its own, from a folder that is not the repository."""

    def run(*arguments: str, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "--pyargs", "interpmark.suite", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)

    return run


@pytest.fixture
def replayed() -> Callable[[Iterable[Estimate], Mapping[str, Any]], set[str]]:
    """Compute scores anew from per-example scores, as a comparison of two runs does; return the measures' names."""

    def replay(estimates: Iterable[Estimate], examples: Mapping[str, Any]) -> set[str]:
        found = set()
        for estimate in estimates:
            recipe = recipe_of(estimate.measure, examples)
            if estimate.status == "ok" and estimate.measure in RECIPES:
                assert recipe is not None, estimate.measure
                table = recipe.table(examples)
                groups = recipe.clusters(examples, table.shape[-1])
                assert groups is not None and groups.shape == table.shape[-1:], estimate.measure
                value = recipe.statistic(table.sum(axis=-1, keepdims=True))[0]
                assert value == pytest.approx(estimate.value, rel=1e-10, abs=1e-12), estimate.measure
                found.add(estimate.measure)
        return found

    return replay


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random Llama of four blocks, whose tokenizer has a token for a word as common as " is"."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(get_corpus("neutral").documents, trainer)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(fast), hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=512, eos_token_id=fast.eos_token_id, initializer_range=0.2,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("subject") / "tiny"
    fast.save_pretrained(folder)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture
def weather(tmp_path: Path) -> Path:
    """A concept whose prompts end alike: before the first block, their last tokens are one and the same vector."""
    path = tmp_path / "weather.jsonl"
    rows = [
        {"text": f"On day {day} the {word} water ran", "label": word, "group": day}
        for day in range(40)
        for word in ("warm", "cold")
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path
