"""One run done four ways, in real processes: every way gives the same scorecards and edits, to the bit."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from interpmark.fixtures import get_behavior, get_concept
from interpmark.fixtures.subjects import load_subject
from interpmark.reports.store import Store

pytestmark = pytest.mark.slow
Way = Callable[[Path, tuple[str, ...]], Path]

# The four sites of one concept are divided between the two shards, and both concepts want the neutral corpus.
FIXTURES = ("planted-gaussian", "tense@*", "number@*resid_post.2:*")
METHODS = ("leace", "inlp(rank=2)", "full-ablation")
CELLS = len(METHODS) * (1 + 4 + 1)
TIMES = {"started", "finished", "seconds"}
LESSONS = 150
HEADLINES = {"behavior_effect", "residual_accuracy", "edit_norm", "behavior_tv_on_target", "perplexity_damage"}


def run_suite(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "pytest", "--pyargs", "interpmark.suite", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def in_one_process(folder: Path, run: tuple[str, ...]) -> Path:
    run_suite(folder, *run, "--interp-store", "store")
    return folder / "store"


def on_two_workers(folder: Path, run: tuple[str, ...]) -> Path:
    run_suite(folder, *run, "-n", "2", "--dist", "loadgroup", "--interp-store", "store")
    return folder / "store"


def as_two_shards(folder: Path, run: tuple[str, ...]) -> Path:
    for k in (1, 2):
        run_suite(folder, *run, "--interp-shard", f"{k}/2", "--interp-store", f"shard-{k}")
        assert Store.open(folder / f"shard-{k}").keys()
    merge = "from interpmark.suite.cli import app; app()"
    command = [sys.executable, "-c", merge, "merge", "shard-1", "shard-2", "--into", "merged"]
    subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=True)
    return folder / "merged"


def on_ray(folder: Path, run: tuple[str, ...]) -> Path:
    with two_nodes() as address:
        run_suite(folder, *run, "--interp-executor", "ray", "--interp-ray-address", address, "--interp-store", "store")
    return folder / "store"


@contextmanager
def two_nodes() -> Iterator[str]:
    """A Ray cluster on this machine with room for one actor on each of its nodes."""
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        yield cluster.address
    finally:
        cluster.shutdown()


def do(way: Way, folder: Path, subject: Path) -> Mapping[str, Mapping[str, object]]:
    """Do the run in a folder, with a cache of its own so that no way finds what another captured; what it stored."""
    (folder / "home").mkdir()  # Ray writes the token of a cluster into it
    run = (
        "-k", "edit_norm", "--interp-subject", str(subject), "--interp-dtype", "float64", "--interp-sites", "all",
        "--interp-fixtures", ",".join(FIXTURES), "--interp-methods", ",".join(METHODS),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as environment:
        # Sums are ordered by the number of threads: the same in every process, or the last bits differ.
        environment.setenv("OMP_NUM_THREADS", "1")
        environment.setenv("INTERPMARK_CACHE", str(folder / "cache"))
        environment.setenv("HOME", str(folder / "home"))
        return recorded(way(folder, run))


def recorded(root: Path) -> Mapping[str, Mapping[str, object]]:
    """All that a store says of each cell but costs and times, and the bytes of its edit."""
    store = Store.open(root)
    cards = store.scorecards()
    found = {
        str(card.cell): {
            **card.results(),
            "provenance": {name: value for name, value in card.provenance.items() if name not in TIMES},
            "edit": store.edit_path(card.key).read_bytes(),
        }
        for card in cards
    }
    assert len(found) == len(cards) == CELLS
    return found


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path) -> Path:
    """The tiny Llama after a lesson in both concepts: a subject that shows neither would have nothing scored on it."""
    subject = load_subject(str(tiny_llama))
    examples = [
        (ids, subject.token_id(get_behavior(name).answers[label][0]))
        for name in ("tense", "number")
        for ids, label in zip(subject.encode(get_concept(name).texts), get_concept(name).labels, strict=True)
    ]
    model = subject.model.train()
    optimizer = torch.optim.AdamW(model.requires_grad_(True).parameters(), lr=5e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(LESSONS):
        batch = [examples[i] for i in torch.randint(len(examples), (64,), generator=generator)]
        lengths = torch.tensor([len(ids) for ids, _ in batch])
        tokens = torch.tensor([[*ids, *[0] * (int(lengths.max()) - len(ids))] for ids, _ in batch])
        logits = model(tokens).logits[torch.arange(len(batch)), lengths - 1]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor([answer for _, answer in batch]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    folder = tmp_path_factory.mktemp("taught") / "tiny"
    subject.tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, taught: Path) -> Mapping[str, Mapping[str, object]]:
    return do(in_one_process, tmp_path_factory.mktemp("local"), taught)


def test_the_run_has_every_headline_measure_and_one_thread(local: Mapping[str, Mapping[str, Any]]) -> None:
    """What is compared below is a whole run on a language model, in float64."""
    located = {cell: card for cell, card in local.items() if "@tiny/" in cell}
    assert len(located) == CELLS - len(METHODS)
    for card in located.values():
        assert {e["measure"] for e in card["estimates"] if e["status"] == "ok"} >= HEADLINES
        assert card["examples"]
        assert card["provenance"]["dtype"] == "float64"
        assert card["provenance"]["threads"] == 1


@pytest.mark.parametrize(
    "way",
    [
        on_two_workers,
        as_two_shards,
        pytest.param(
            on_ray, marks=pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
        ),
    ],
)
def test_another_way_gives_the_same_scorecards(
    way: Way, local: Mapping[str, Mapping[str, Any]], tmp_path: Path, taught: Path
) -> None:
    other = do(way, tmp_path, taught)
    assert set(other) == set(local)
    unequal = {(cell, part) for cell in local for part in local[cell] if other[cell].get(part) != local[cell][part]}
    assert not unequal
