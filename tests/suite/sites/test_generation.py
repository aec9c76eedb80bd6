"""Text generated with steering edits: cached as uncached, in company as alone, in every scope and architecture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import transformers

from interpmark.fixtures.subjects import Subject
from interpmark.fixtures.subjects.generate import SiteEdit, generate
from interpmark.methods import (
    SCOPES,
    AddedVector,
    AffineEdit,
    MirroredCoordinates,
    PartialEdit,
    PlacedVectors,
    SetCoordinate,
    SidedVector,
    Steering,
)

SITE, D = "resid_post.1", 24
SIZES = {"vocab_size": 128, "eos_token_id": 0, "bos_token_id": 0}
CONFIGS = {
    "llama": transformers.LlamaConfig(
        **SIZES, hidden_size=D, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48
    ),
    "gpt2": transformers.GPT2Config(**SIZES, n_embd=D, n_layer=3, n_head=4, n_positions=64),
    "gpt-neox": transformers.GPTNeoXConfig(
        **SIZES, hidden_size=D, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48
    ),
}


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


BASIS = torch.linalg.qr(normal(D, 3)).Q
VECTOR, ORIGIN = 4 * normal(D), torch.zeros(D, dtype=torch.float64)
EDITS: dict[str, Steering] = {
    **{f"added at {scope}": AddedVector(VECTOR, scope=scope) for scope in SCOPES},
    "placed, more than a prompt has tokens": PlacedVectors(4 * normal(3, D)),
    "coordinate": SetCoordinate(VECTOR, normal(D, seed=1)),
    "ablated": PartialEdit(AffineEdit.projection(BASIS), strength=2.0),
    "sided": SidedVector(VECTOR, normal(D, seed=2), ORIGIN),
    "mirrored": MirroredCoordinates(BASIS, ORIGIN, strength=3.0),
}


@pytest.fixture(scope="module", params=CONFIGS)
def subject(request: pytest.FixtureRequest, tiny_of: Callable[..., Subject]) -> Subject:
    return tiny_of(CONFIGS[request.param])


@pytest.mark.parametrize("name", EDITS)
def test_cached_as_uncached_and_in_company_as_alone(name: str, subject: Subject) -> None:
    edit = EDITS[name]
    edits = {SITE: SiteEdit(edit.at_places, edit.scope)}
    prompts = subject.encode(["rain", "fell", "once the old n3 said that", "in town it knew", "she said that rain"])

    def greedy(some: list[list[int]], **how: bool) -> list[list[list[int]]]:
        return generate(subject, some, edits, max_new_tokens=6, temperature=0, **how)

    cached = greedy(prompts)
    assert cached == greedy(prompts, use_cache=False)
    assert cached == [greedy([ids])[0] for ids in prompts]
    assert cached != generate(subject, prompts, max_new_tokens=6, temperature=0), "the edit changes nothing"


def test_vectors_beyond_the_prompt_are_not_added_to_what_is_generated(subject: Subject) -> None:
    """A prompt of one token has room for the first of three vectors."""
    three = PlacedVectors(4 * normal(3, D))
    first = replace(three, vectors=three.vectors[:1])
    prompts = subject.encode(["rain", "fell"])
    runs = [
        generate(subject, prompts, {SITE: SiteEdit(edit.at_places, edit.scope)}, max_new_tokens=6, temperature=0)
        for edit in (three, first)
    ]
    assert runs[0] == runs[1]
