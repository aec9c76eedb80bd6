"""The main job in a process of its own: the subject is prepared, no activation is cached, the store is empty."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .measuring import ROOT

SUBJECT = "smollm2-135m"


@dataclass(frozen=True)
class Job:
    """Where main jobs run.

    Attributes:
        folder: Holds the cache, the store and the log of the job at hand.
        small: Whether the subject is a tiny random one in place of the default one.

    """

    folder: Path
    small: bool

    @classmethod
    def prepared(cls, folder: Path, small: bool) -> Job:
        """Make the subject ready, in a process of its own: what is not light is loaded there and not here."""
        done = subprocess.run([sys.executable, "-m", __name__, str(folder), str(int(small))], cwd=ROOT)
        if done.returncode:
            raise SystemExit("preparing the subject failed; its own message is above")
        return cls(folder, small)

    @property
    def n_blocks(self) -> int:
        """Blocks of the subject."""
        return 3 if self.small else 30

    def arguments(self, more: Sequence[str]) -> list[str]:
        """The main job's arguments for pytest, with a fresh store."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        subject = str(self.folder / "tiny") if self.small else SUBJECT
        own = ["--interp-subject", subject, "--interp-store", str(self.folder / "store")]
        return ["suite", "-q", "-p", "no:cacheprovider", *own, *more]

    def environment(self) -> dict[str, str]:
        """Variables of the job's process, with an activation cache that is empty."""
        shutil.rmtree(self.folder / "cache" / "activations", ignore_errors=True)
        return {**os.environ, "INTERPMARK_CACHE": str(self.folder / "cache")}

    def run(self, more: Sequence[str]) -> tuple[float, float]:
        """Run the job; its wall time in seconds, from the process's start to its end, and its peak memory in MiB."""
        return self.spawn([sys.executable, "-m", "pytest", *self.arguments(more)])

    def spawn(self, command: Sequence[str]) -> tuple[float, float]:
        """Run a command as a job; its seconds and MiB. What it says is told when it fails."""
        environment, log = self.environment(), self.folder / "job.log"
        with log.open("wb") as out:
            clock = time.perf_counter()
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
            # The usage of this one child: that of all children would be the largest of them.
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - clock
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.stderr.write(log.read_text(encoding="utf-8", errors="replace")[-5000:])
            raise SystemExit(f"{' '.join(command)} failed with status {process.returncode}; its own message is above")
        return seconds, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def make_cache(cache: Path) -> Path:
    """Make a cache folder that has the default subject and no activations; the folder of the prepared model."""
    from interpmark.fixtures.subjects import fetch, load_subject
    from interpmark.fixtures.subjects.prepared import prepare_gguf

    file = fetch(SUBJECT)
    model, _ = prepare_gguf(file)
    cache.mkdir()
    (cache / "subjects").symlink_to(file.parent.resolve(), target_is_directory=True)
    os.environ["INTERPMARK_CACHE"] = str(cache)
    load_subject(SUBJECT)  # remembers the files' hashes there
    return Path(model)


def make_tiny(folder: Path) -> None:
    """Write a random Llama of three blocks with a tokenizer of bytes, and room for the corpus' documents."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<|endoftext|>"]
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(letters), hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=4096, eos_token_id=len(letters) - 1, initializer_range=0.2,
    )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    if sys.argv[2] == "1":
        (where / "cache").mkdir()
        make_tiny(where / "tiny")
    else:
        make_cache(where / "cache")
