"""A tiny subject of random weights with a concept on it: edits at several sites need a model, not a good one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

from interpmark.fixtures import Behavior, Concept, Corpus
from interpmark.fixtures.subjects import Subject, discover_anatomy
from interpmark.fixtures.subjects.leads import can_share_leads
from interpmark.suite.bench import Bench
from interpmark.suite.grounds import FixtureGround
from interpmark.suite.progress import SilentProgress
from interpmark.suite.stage import ConceptStage, CorpusStage, Recorder

SITES = ("resid_post.1", "resid_post.2")
ENTITIES = {"fit": 60, "probe": 20, "test": 16}
TEMPLATES = ("once the old {} said that", "in town the {} knew why")
WORDS = ("once", "the", "old", "said", "that", "in", "town", "knew", "why", "he", "she", "it", "rain", "fell")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def noun(number: int) -> str:
    return f"n{number}"


def make_tiny(config: transformers.PretrainedConfig) -> Subject:
    vocabulary = {word: token for token, word in enumerate(["<end>", *WORDS, *map(noun, range(100))])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<end>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    torch.manual_seed(0)
    model: Any = transformers.AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 or name.endswith("bias"):
                parameter.normal_(0, 0.2)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")
    args = ("tiny", "hash of tiny", model, fast, discover_anatomy(model), torch.device("cpu"), torch.float32, 0)
    return Subject(*args, shares_leads=can_share_leads(Subject(*args)))


SIZES = {"hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 4, "vocab_size": 128}


@pytest.fixture(scope="session")
def new_tiny() -> Callable[[], Subject]:
    """Make the tiny Llama anew, for tests that leave hooks in its model."""
    return lambda: make_tiny(transformers.LlamaConfig(**SIZES, intermediate_size=48, eos_token_id=0))


@pytest.fixture(scope="session")
def tiny_of() -> Callable[[transformers.PretrainedConfig], Subject]:
    """Make a tiny subject of another architecture."""
    return make_tiny


@pytest.fixture(scope="session")
def tiny(new_tiny: Callable[[], Subject]) -> Subject:
    return new_tiny()


@pytest.fixture(scope="session")
def without_norm_outputs() -> Subject:
    return make_tiny(transformers.Olmo2Config(**SIZES, intermediate_size=48, eos_token_id=0, pad_token_id=0))


def make_concept(classes: Callable[[int], int] = lambda number: number % 2) -> Concept:
    rows = [
        (template.format(noun(n)), classes(n), noun(n), template, split)
        for split, members in _members().items()
        for n in members
        for template in TEMPLATES
    ]
    texts, labels, groups, templates, splits = zip(*rows, strict=True)
    return Concept("parity", texts, np.array(labels, dtype=np.int64), ("even", "odd"), groups, templates, splits)


def _members() -> dict[str, range]:
    starts = np.concatenate([[0], np.cumsum(list(ENTITIES.values()))]).tolist()
    return {split: range(starts[i], starts[i + 1]) for i, split in enumerate(ENTITIES)}


def make_stage(subject: Subject, sites: tuple[str, ...] = SITES, concept: Concept | None = None) -> ConceptStage:
    documents = tuple(" ".join((*WORDS[start:], *WORDS[:start])) for start in range(6))
    corpus = Corpus("words", documents, ("words",) * 6)
    recorder = Recorder(subject, None, SilentProgress())
    behavior = Behavior("he-she", ((" he",), (" she",)))
    own = make_concept() if concept is None else concept
    return ConceptStage(own, behavior, "last", sites, CorpusStage(corpus, sites, recorder), recorder)


@pytest.fixture
def stage(tiny: Subject) -> ConceptStage:
    return make_stage(tiny)


@pytest.fixture(scope="session")
def preferences(tiny: Subject) -> ConceptStage:
    """The classes are what the subject does: whether it prefers "she" more after a noun than after the median one."""
    ids = [tiny.token_id(" he"), tiny.token_id(" she")]
    odds = []
    for number in range(sum(ENTITIES.values())):
        texts = tiny.encode([template.format(noun(number)) for template in TEMPLATES])
        with torch.no_grad():
            logits = torch.stack([tiny.model(torch.tensor([one])).logits[0, -1, ids] for one in texts])
        odds.append(float((logits[:, 1] - logits[:, 0]).mean()))
    middle = float(np.median(odds))
    return make_stage(tiny, concept=make_concept(lambda number: int(odds[number] > middle)))


@pytest.fixture
def stage_of() -> Callable[..., ConceptStage]:
    return make_stage


def make_ready(stage: ConceptStage, site: str = "resid_post.2") -> tuple[FixtureGround, Bench]:
    at = FixtureGround(stage.ground(site), stage, site)
    return at, Bench.of(stage, at.ground.fit, site)


@pytest.fixture
def ready() -> Callable[..., tuple[FixtureGround, Bench]]:
    return make_ready
