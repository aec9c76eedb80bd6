"""How closely the methods agree with public packages on the same data: the table of docs/results/agreement.md.

steering-vectors asks for transformers 4 and pyvene for much else; without their dependencies both work all the same.

    pip install -c constraints.txt -e ".[tests,bench]"
    pip install -c constraints.txt --no-deps -r requirements-peers.txt
    python docs/results/agreement.py
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

import torch
from concept_erasure import LeaceFitter, OracleFitter, QuadraticFitter
from tabulate import tabulate
from torch.nn.functional import one_hot

from interpmark.methods import get_method
from interpmark.suite.bench import Bench
from interpmark.suite.cells import collect_cells
from interpmark.suite.grounds import Grounds
from interpmark.suite.options import RunOptions
from interpmark.suite.progress import SilentProgress

SITE = "resid_post.15"
PAIRS = 16


def farthest(ours: torch.Tensor, theirs: torch.Tensor, x: torch.Tensor) -> float:
    """The largest difference between two edits, relative to the standard deviation of the activations."""
    return float((ours - theirs).abs().max() / (x - x.mean(0)).square().mean().sqrt())


def erasers(x: torch.Tensor, z: torch.Tensor) -> Iterator[tuple[str, str, float]]:
    """LEACE in its forms, the oracle and quadratic LEACE against concept-erasure."""
    labels = one_hot(z).double()
    for spec, options in (
        ("leace", {"shrinkage": False}),
        ("leace(shrinkage=True)", {"shrinkage": True}),
        ("leace(method=orth)", {"shrinkage": False, "method": "orth"}),
        ("leace(affine=False)", {"shrinkage": False, "affine": False}),
    ):
        theirs = LeaceFitter.fit(x, labels, **options).eraser(x)
        yield spec, f"LeaceFitter({options})", farthest(get_method(spec).build().fit(x, z, seed=0)(x), theirs, x)
    ours = get_method("oracle-leace").build().fit(x, z, seed=0)(x, z)
    yield "oracle-leace", "OracleFitter", farthest(ours, OracleFitter.fit(x, labels).eraser(x, labels), x)


def quadratic(x: torch.Tensor, z: torch.Tensor) -> Iterator[tuple[str, str, float]]:
    """Quadratic LEACE, for which each class must have more rows than there are dimensions."""
    ours = get_method("quadratic-leace").build().fit(x, z, seed=0)(x, z)
    theirs = QuadraticFitter.fit(x, z, shrinkage=False).eraser(x, z)
    yield "quadratic-leace", "QuadraticFitter", farthest(ours, theirs, x)


def vectors(stage, ground) -> Iterator[tuple[str, str, float]]:  # type: ignore[no-untyped-def]
    """CAA against steering-vectors, which runs the model itself on the same prompts."""
    from steering_vectors import train_steering_vector

    concept, subject = stage.concept, stage.subject
    rows = concept.rows("fit")
    texts = {label: [concept.texts[i] for i in rows if concept.labels[i] == label] for label in (0, 1)}
    prefix = subject.tokenizer.decode([subject.prefix_id])
    pairs = [(prefix + one, prefix + zero) for one, zero in zip(texts[1], texts[0], strict=True)]
    block = int(SITE.rpartition(".")[2])
    theirs = train_steering_vector(subject.model, subject.tokenizer, pairs, layers=[block]).layer_activations[block]
    ours = get_method("caa").build().fit(ground.fit.x, ground.fit.z, seed=0).vector
    gap = float((ours - theirs.double()).abs().max() / ours.abs().max())
    yield "caa", f"train_steering_vector, {len(pairs)} pairs, block {block}", gap


def refuses_places(model) -> str:  # type: ignore[no-untyped-def]
    """What `SteeringVector.apply` says to token indices, which its signature takes."""
    from steering_vectors import SteeringVector

    width = model.config.hidden_size
    try:
        with SteeringVector({0: torch.zeros(width)}).apply(model, token_indices=[0]):
            return "takes them"
    except (AssertionError, UnboundLocalError) as error:
        return f"{type(error).__name__}: {error}"


def interchange(stage, ground) -> Iterator[tuple[str, str, float]]:  # type: ignore[no-untyped-def]
    """The answers after another prompt's activation at the last token, against pyvene's interchange intervention."""
    import pyvene

    bench = Bench.of(stage, ground.fit, SITE)
    pairs = bench.pairs(torch.arange(len(ground.fit.z)), 0)[:PAIRS]
    model, block = stage.subject.model, int(SITE.rpartition(".")[2])
    peer = pyvene.IntervenableModel({"layer": block, "component": "block_output"}, model)
    gaps = []
    for base, source in pairs.tolist():
        row = torch.tensor([base])
        ours = bench.continuation(row).log_probs(row, ground.fit.x[source][None])[0]
        ids = [torch.tensor([stage.subject.encode([bench.texts[one]])[0]]) for one in (base, source)]
        ends = [[[[one.shape[1] - 1]]] for one in ids]
        places = {"sources->base": (ends[1], ends[0])}
        _, out = peer(base={"input_ids": ids[0]}, sources=[{"input_ids": ids[1]}], unit_locations=places)
        found = torch.log_softmax(out.logits[0, -1].float(), dim=-1)
        theirs = torch.stack([found[answers].logsumexp(-1) for answers in stage.answers])
        gaps.append(float((ours - theirs).abs().max()))
    yield "interchange, as in cde", f"IntervenableModel, {len(pairs)} pairs, block {block}; nats", max(gaps)


def main() -> None:
    """Print the table."""
    options = RunOptions(methods=("identity",), fixtures=("gender@*",), sites=(SITE,))
    (cell,) = collect_cells(options)
    at = Grounds(options, [cell], SilentProgress()).of(cell.fixture)
    x, z = at.ground.fit.x, at.ground.fit.z
    few = x[:, torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(0))[:64]]
    found = [("concept-erasure", *row) for row in erasers(x, z)]
    found += [("concept-erasure", *row) for row in quadratic(few, z)]
    found += [("steering-vectors", *row) for row in vectors(at.stage, at.ground)]
    found += [("pyvene", *row) for row in interchange(at.stage, at.ground)]
    rows = [
        (ours, f"{peer} {importlib.metadata.version(peer)}", theirs, f"{gap:.1e}") for peer, ours, theirs, gap in found
    ]
    print(
        tabulate(
            rows, headers=("ours", "package", "theirs", "largest difference"), tablefmt="github", disable_numparse=True
        )
    )
    print(f"\nsteering-vectors, apply(token_indices=[0]): {refuses_places(at.stage.subject.model)}")


if __name__ == "__main__":
    main()
