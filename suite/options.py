"""What one run is asked to do, as one immutable record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError

DEFAULT_SUBJECT = "smollm2-135m"
CONCEPT_FILES = (".jsonl", ".csv", ".parquet")
DEFAULT_STORE = Path(".interpmark") / "store"
FLUENCY_SAMPLES = 2
"""So many samples, and more, are scored for how they read; one alone is kept to be looked at."""


@dataclass(frozen=True)
class RunOptions:
    """The options of a run, as the command line or a notebook gives them.

    Attributes:
        methods: Specs such as `"inlp(rank=4)"`; empty for the default set.
        method_sources: Files or `module:attr` names whose methods are added to the run.
        fixtures: Globs over fixture ids; empty for all that the run has.
        concepts: Files or `datasets` names that are added as concepts.
        subject: Name, hub id, folder or `.gguf` file of the language model.
        sites: Sites such as `"resid_post.15"`, or `("all",)`; empty for each concept's own.
        seeds: Seeds of the methods' fits; one cell each.
        store: Folder of the scorecards.
        device: Torch device that the subject runs on.
        dtype: Torch dtype that the subject runs in.
        prefix: `"auto"`, `"none"` or the token put before each prompt.
        quick: Planted fixtures and one real one, for a first look.
        time_limit: Seconds that one fit may take.
        cache: Keep activations on disk between runs.
        samples: Prompts of each fixture whose completions are kept in its scorecards; how they read is scored from
            `FLUENCY_SAMPLES` on.
        cross: Score what erasing a concept does to the behavior of the run's other concepts.
        nonlinear: Train a nonlinear adversary too.
        shard: (k, N) for the k-th of N parts of the cells, k from 1; None for all of them.
        executor: Where cells are scored: `"local"`, in this process, or `"ray"`.
        ray_address: The Ray cluster to join, `"auto"` for one that runs here; None starts a Ray of its own.
        ray_cpus: Cores that each actor is given; fractions of one are allowed.
        ray_gpus: GPUs that each actor is given; fractions of one are allowed.

    Raises:
        UsageError: There is no seed, a seed or the number of samples is negative, or the time limit is not above zero.

    """

    methods: tuple[str, ...] = ()
    method_sources: tuple[str, ...] = ()
    fixtures: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    subject: str = DEFAULT_SUBJECT
    sites: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    store: Path = DEFAULT_STORE
    device: str = "cpu"
    dtype: str = "float32"
    prefix: str = "auto"
    quick: bool = False
    time_limit: float = 600.0
    cache: bool = True
    samples: int = 1
    cross: bool = False
    nonlinear: bool = False
    shard: tuple[int, int] | None = None
    executor: str = "local"
    ray_address: str | None = None
    ray_cpus: float = 1.0
    ray_gpus: float = 0.0

    def __post_init__(self) -> None:
        if not self.seeds or min(self.seeds) < 0:
            raise UsageError(f"seeds are whole numbers from 0 on, such as 0,1,2; given: {self.seeds}")
        if self.samples < 0:
            raise UsageError(f"--interp-samples is a number of prompts, 0 or more; given: {self.samples}")
        if not self.time_limit > 0:
            raise UsageError(f"the time limit of a fit is above zero seconds; given: {self.time_limit:g}")

    @property
    def asked(self) -> frozenset[str]:
        """What the run asks for beside the measures that every run has, out of `reports.measures.ASKED`."""
        wanted = {"cross": self.cross, "nonlinear": self.nonlinear, "samples": self.samples >= FLUENCY_SAMPLES}
        return frozenset(name for name, wants in wanted.items() if wants)
