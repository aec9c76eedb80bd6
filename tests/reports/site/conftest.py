"""A small store with everything that a site shows, the site made from it, and a Chromium to look at it."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interpmark.reports import SCHEMA, CellId, Estimate, Failure, Role, Scorecard, Scorecards, Sweep, SweepPoint
from interpmark.reports.baselines import SavedRun
from interpmark.reports.history import history
from interpmark.reports.scorecard import Claim
from interpmark.reports.site import publish

HOSTILE = "<script>alert(1)</script>"
METHODS = {"leace": 0.55, "inlp(rank=4)": 0.80, "inlp(rank=16)": 0.60, "mean-projection": 0.56, HOSTILE: 0.7}
NO_BROWSER = (
    "no Chromium with its driver here: `apt-get install chromium chromium-driver` (Debian, Ubuntu), or "
    "`brew install --cask chromium chromedriver` (macOS)"
)


def estimate(name: str, value: float, half: float = 0.04) -> Estimate:
    """A scored estimate."""
    return Estimate.scored(name, (value, value - half, value + half), 40)


def card(
    method: str,
    accuracy: float,
    *,
    kind: str = "eraser",
    concept: str = "gender",
    block: int = 26,
    seed: int = 0,
    role: Role = "method",
    error: Failure | None = None,
) -> Scorecard:
    """A scorecard with examples, a claim and provenance; a steerer's has a sweep."""
    cell = CellId(method, kind, concept, "smollm2-135m", f"resid_post.{block}", "last", seed)
    sweep = None
    if kind == "steerer":
        scores = (estimate("steering_effect", accuracy), estimate("perplexity_damage", 0.05))
        points = (estimate("steering_effect_towards", s * accuracy, 0.1) for s in (0.0, 1.0, 2.0))
        sweep = Sweep(
            tuple(
                SweepPoint(s, p, p, estimate("perplexity_damage", s / 9))
                for s, p in zip((0.0, 1.0, 2.0), points, strict=True)
            ),
            1.0,
            2.0,
        )
    else:
        scores = (
            estimate("residual_accuracy", accuracy),
            estimate("unedited_accuracy", 0.97, 0.02),
            Estimate.exact("majority_rate", 0.5),
            estimate("edit_norm", 1.1 - accuracy, 0.02),
            Estimate.not_scored("behavior_effect", "the concept has no behavior"),
        )
    return Scorecard(
        schema=SCHEMA,
        key=hashlib.sha256(repr(cell).encode()).hexdigest(),
        cell=cell,
        estimates=() if error else scores,
        examples={
            "adversary_names": ["logistic on probe", "lda on probe"],
            "residual_correct": [[1, 0] * 20, [1, 1, 0, 1] * 10],
            "edit_squared_size": [float(i % 7) for i in range(40)],
            "squared_deviation": [5.0] * 40,
        },
        claims=(Claim("guards-linearly", method != HOSTILE, 1e-9, 1e-8, HOSTILE),),
        provenance={
            "finished": "2026-01-01T12:00:00+00:00",
            "fixture_hash": f"{concept}{block}",
            "commit": "c0ffee",
            "dtype": "bfloat16",
            "subject_spec": "smollm2-135m",
            "packages": {"torch": "2.13.0", "interpmark": HOSTILE},
        },
        error=error,
        role=role,
        sweep=sweep,
    )


def cards() -> list[Scorecard]:
    """Erasers at two blocks and one on two seeds, controls, a failure, and two steerers."""
    found = [card(m, v + (26 - b) / 100, block=b) for m, v in METHODS.items() for b in (15, 26)]
    found += [
        card("leace", 0.53, seed=1),
        card("identity", 0.97, role="control"),
        card("oracle-leace", 0.5, role="oracle"),
    ]
    found.append(card("broken", 0.0, error=Failure("ValueError", HOSTILE, f"Traceback: {HOSTILE}", "mend it")))
    return found + [card(m, v, kind="steerer") for m, v in (("caa", 0.9), ("repe", 0.4))]


def runs() -> list[tuple[str, SavedRun]]:
    """Three saved runs: before the third, leace's source and the fixture changed."""

    def again(index: int) -> Scorecard:
        one = card("leace", 0.55 + index / 100)
        return replace(
            one, provenance={**one.provenance, "fixture_hash": f"f{index // 2}", "method_hash": f"m{index // 2}"}
        )

    times = [f"2026-01-0{index + 1}T12:00:00+00:00" for index in range(3)]
    return [
        (f"{i:04d}", SavedRun(Scorecards([again(i)]), time, {"id": f"{i:040x}", "dirty": False}))
        for i, time in enumerate(times)
    ]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a published site."""
    out = tmp_path_factory.mktemp("published") / "site"
    publish(cards(), out, history=history(runs()))
    return out


@pytest.fixture(scope="session")
def open_browser() -> Iterator[Callable[..., Any]]:
    """Start Chromium with a window of that size; skips where there is none."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip(NO_BROWSER)
    from selenium import webdriver

    started: list[webdriver.Chrome] = []

    def start(width: int = 1360, height: int = 900) -> webdriver.Chrome:
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        # No sandbox: containers and CI run as root, and the pages are our own.
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        started.append(chrome)
        look = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", look)
        return chrome

    yield start
    for chrome in started:
        chrome.quit()


@pytest.fixture(scope="session")
def chrome(open_browser: Callable[..., Any]) -> Any:
    """One browser for the tests that need no particular window."""
    return open_browser()
