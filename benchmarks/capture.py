"""Capture of the stream after every block over 2,000 prompts, against transformers' output_hidden_states.

Both keep the states of each prompt at each block, in float32, from the same weights: those of every token, as the suite
needs them to resume from, or those of the last. Ours is called as the suite calls it, with an empty activation cache:
common beginnings of prompts are computed once, and what is captured goes to files that are mapped afterwards. The peer
runs the model without its unembedding on batches of like length, padded on the right, at most 1,024 tokens each, and
keeps the states in one array in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .measuring import measure
from .registry import Settings
from .rows import Row
from .spans import relative_difference
from .works import Side, Work

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .works import Arrays

N, BATCH_TOKENS, SUBJECT = 2000, 1024, "smollm2-135m"


def rows(settings: Settings) -> list[Row]:
    """Measure."""
    return measure(__name__, works(settings.small), settings)


def works(small: bool) -> list[Work]:
    """Every token, and the last of each prompt."""
    n = 40 if small else N
    return [
        Work(
            f"capture of all blocks, {n:,} prompts, {'every' if every else 'last'} token",
            "transformers output_hidden_states=True",
            Side(_prepare_ours, partial(_ours, every), lambda _, found: _some([one.x for one in found.values()])),
            Side(_prepare_theirs, partial(_theirs, every), lambda _, kept: _some(list(kept.swapaxes(0, 1)))),
            _agreement,
            partial(_write, n),
        )
        for every in (True, False)
    ]


def _write(n: int, folder: Path) -> None:
    """Write the prompts' tokens, and where the model's folder is."""
    import json

    from interpmark.fixtures import get_concept
    from interpmark.fixtures.subjects import fetch, load_subject
    from interpmark.fixtures.subjects.prepared import prepare_gguf

    tokens = load_subject(SUBJECT).encode(get_concept("gender").texts[:n])
    model = str(prepare_gguf(fetch(SUBJECT))[0])
    (folder / "given.json").write_text(json.dumps({"tokens": tokens, "model": model}), encoding="utf-8")


def _given(folder: Path) -> tuple[list[list[int]], str]:
    import json

    given = json.loads((folder / "given.json").read_text(encoding="utf-8"))
    return given["tokens"], given["model"]


def _prepare_ours(folder: Path) -> Any:
    from interpmark.fixtures.subjects import ActivationCache, load_subject
    from interpmark.suite.allocator import keep_large_buffers

    keep_large_buffers()
    tokens, _ = _given(folder)
    subject = load_subject(SUBJECT)
    _ours(True, (subject, tokens[:2], ActivationCache(tempfile.mkdtemp(dir=folder))))
    return subject, tokens, ActivationCache(tempfile.mkdtemp(dir=folder))


def _ours(every: bool, ready: Any) -> Any:
    from interpmark.fixtures.subjects import capture

    subject, tokens, cache = ready
    sites = [f"resid_post.{block}" for block in range(subject.n_blocks)]
    last = None if every else [len(ids) - 1 for ids in tokens]
    return capture(subject, tokens, sites, last, cache, max_tokens=BATCH_TOKENS, share_leads=True)


def _prepare_theirs(folder: Path) -> Any:
    import torch
    from transformers import AutoModel

    tokens, path = _given(folder)
    model = AutoModel.from_pretrained(path, dtype=torch.float32).train(False).requires_grad_(False)
    _theirs(True, (model, tokens[:2]))
    return model, tokens


def _theirs(every: bool, ready: Any) -> NDArray[np.float32]:
    """States `[rows, blocks, d]`, a row for each token, or for each prompt."""
    import numpy as np
    import torch

    model, tokens = ready
    counts = [len(ids) if every else 1 for ids in tokens]
    starts = torch.tensor([0, *np.cumsum(counts)])
    shape = int(starts[-1]), len(model.layers), model.config.hidden_size
    kept: NDArray[np.float32] = np.empty(shape, dtype=np.float32)
    for batch in _batches(tokens):
        longest = max(len(tokens[row]) for row in batch)
        ids = torch.tensor([tokens[row] + [0] * (longest - len(tokens[row])) for row in batch])
        lengths = torch.tensor([len(tokens[row]) for row in batch])
        mask = torch.arange(longest) < lengths[:, None]
        with torch.no_grad():
            out = model(input_ids=ids, attention_mask=mask.long(), use_cache=False, output_hidden_states=True)
        keep = mask if every else torch.arange(longest) == lengths[:, None] - 1
        rows = (starts[batch][:, None] + torch.arange(longest) * every)[keep].numpy()
        # The first is the embedding; block by block, so that no second copy of all states is made.
        for block, hidden in enumerate(out.hidden_states[1:]):
            kept[rows, block] = hidden[keep].numpy()
    return kept


def _some(blocks: Sequence[NDArray[np.float32]]) -> Arrays:
    """The states that are compared: 500 rows, evenly spread, `[500, blocks, d]`."""
    import numpy as np

    rows = np.linspace(0, len(blocks[0]) - 1, 500).astype(int)
    return {"states": np.stack([block[rows] for block in blocks], axis=1)}


def _batches(tokens: list[list[int]]) -> list[list[int]]:
    batches: list[list[int]] = [[]]
    for row in sorted(range(len(tokens)), key=lambda row: len(tokens[row])):
        if (len(batches[-1]) + 1) * len(tokens[row]) > BATCH_TOKENS:
            batches.append([])
        batches[-1].append(row)
    return batches


def _agreement(ours: Arrays, theirs: Arrays) -> str:
    # The peer's last state is after the final norm, and not the block's output.
    gap = relative_difference(ours["states"][:, :-1], theirs["states"][:, :-1])
    return f"states of all blocks but the last differ by {gap:.0e} of their norm"
