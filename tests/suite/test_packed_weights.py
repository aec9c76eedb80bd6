"""A run multiplies by packed weights, and a method that is fitted meanwhile by the weights as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from interpmark.fixtures.subjects.linears import OneDnnLinear
from interpmark.methods import AffineEdit, register, registry
from interpmark.suite import score

pytestmark = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() != "AVX512", reason="the processor has no AVX-512"
)


class Tampering:
    """Changes a weight for a while, in the way that tells nobody, and looks at what comes of it."""

    seen: ClassVar[tuple[bool, bool] | None] = None
    passes: ClassVar[list[bool]] = []

    def fit_on(self, bench: Any, *, seed: int) -> AffineEdit:
        layer = bench.subject.anatomy.blocks[0].mlp.up_proj
        ids = torch.tensor(bench.subject.encode(["On day 5 the warm water"]))
        with torch.no_grad():
            before = bench.subject.model(ids).logits
            layer.weight.data.mul_(4)
            after = bench.subject.model(ids).logits
            layer.weight.data.div_(4)
        Tampering.seen = bool(torch.equal(before, after)), layer.reads_packed
        Tampering.passes.clear()
        x, z = bench.split.x, bench.split.z
        return AffineEdit.projection(x[z == 1].mean(0) - x[z == 0].mean(0), center=x.mean(0))


@pytest.fixture
def tampering() -> Iterator[str]:
    before = dict(registry.registered())
    register("tampering", kind="eraser", claims=frozenset())(Tampering)
    yield "tampering"
    registry.restore(before)


def test_a_method_sees_what_it_does_to_the_weights(
    tampering: str, weather: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = OneDnnLinear.forward

    def noted(self: OneDnnLinear, input: torch.Tensor) -> torch.Tensor:
        Tampering.passes.append(self.reads_packed)
        return own(self, input)

    monkeypatch.setattr(OneDnnLinear, "forward", noted)
    card = score(tampering, str(weather), subject=str(tiny_llama), store=tmp_path / "store")
    assert card.error is None
    assert Tampering.seen == (False, False), "the change made no difference"
    assert Tampering.passes, "nothing ran after the fit"
    assert all(Tampering.passes)
