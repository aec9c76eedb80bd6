from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

ALPHABET = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<|endoftext|>"]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def suite_run(tmp_path: Path) -> Run:
    """Run the installed suite in a process of its own, from a folder that is not the repository."""

    def run(*arguments: str, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "--pyargs", "interpmark.suite", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)

    return run


@pytest.fixture
def tiny_llama(tmp_path: Path) -> Path:
    """A random Llama of three blocks with a tokenizer of bytes, and room for the neutral corpus' documents."""
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(ALPHABET)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    fast.save_pretrained(tmp_path / "tiny")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(fast), hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=4096, eos_token_id=fast.eos_token_id, initializer_range=0.2,
    )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


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
