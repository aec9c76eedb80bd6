"""Steerers on a small subject: scopes while it runs, the sweep, the choice, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from interpmark.fixtures import Behavior, Concept, Corpus, get_concept, get_corpus
from interpmark.fixtures.subjects import Subject, load_subject
from interpmark.methods import (
    AddedVector,
    AffineEdit,
    EditError,
    FitError,
    MethodSpec,
    PlacedVectors,
    PromptPrefix,
    SidedVector,
    Steering,
    available,
    get_method,
    load_edit,
    register,
    registry,
    save_edit,
)
from interpmark.reports import Estimate, Scorecard
from interpmark.reports.measures import measures_for
from interpmark.suite.bench import Bench
from interpmark.suite.checks import parametrize_with_checks
from interpmark.suite.errors import ContractError
from interpmark.suite.fitting import Fitter
from interpmark.suite.grounds import FixtureGround
from interpmark.suite.progress import SilentProgress
from interpmark.suite.runs import Prompts, log_probs, run_corpus
from interpmark.suite.sampling import KEPT, complete
from interpmark.suite.scores import Scores
from interpmark.suite.scoring import why_not
from interpmark.suite.stage import ConceptStage, CorpusStage, Recorder
from interpmark.suite.steering import (
    CHOICE_DAMAGE,
    FARTHEST,
    MATCHED,
    STRENGTHS,
    attempt,
    choose,
    every_other_entity,
    low_end,
    score_steerer,
    sweep,
    track_of,
)

SITE = "resid_post.1"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A random Llama of three blocks that reads letters."""
    folder = tmp_path_factory.mktemp("tiny")
    alphabet = ["<|endoftext|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(fast), hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=512, eos_token_id=fast.eos_token_id, initializer_range=0.2,
    )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return load_subject(str(folder), cache_dir=folder / "cache")


@pytest.fixture(scope="module")
def at(subject: Subject) -> FixtureGround:
    """Prompts that end in x or y, and the two next letters whose odds differ most between them."""
    rng = np.random.default_rng(0)
    names = ["".join(rng.choice(list(LETTERS[:20]), 4)) for _ in range(60)]
    rows = [(f"the {name} was {end}", name, label) for name in names for label, end in enumerate("xy")]
    splits = {name: split for i, name in enumerate(names) for split in [("fit", "probe", "test")[i % 3]]}
    concept = Concept(
        name="ends",
        texts=tuple(text for text, _, _ in rows),
        labels=np.array([label for _, _, label in rows]),
        classes=("x", "y"),
        groups=tuple(name for _, name, _ in rows),
        templates=("",) * len(rows),
        splits=tuple(splits[name] for _, name, _ in rows),
    )
    recorder = Recorder(subject, None, SilentProgress())
    documents = tuple("".join(rng.choice(list(LETTERS + " "), 30)) for _ in range(12))
    corpus = CorpusStage(Corpus("letters", documents, ("",) * 12), [SITE], recorder)
    stage = ConceptStage(concept, None, "last", [SITE], corpus, recorder)
    gaps = stage.reference[1::2].mean(0) - stage.reference[::2].mean(0)
    stage.answers = [gaps.argmin()[None], gaps.argmax()[None]]
    stage.instructions = ("end in x", "and now end in y")
    return FixtureGround(stage.ground(SITE), stage, SITE)


STEERERS = [info.name for info in available() if info.kind == "steerer"]
VARIANTS = ["caa(scope=last)", "repe(control=piecewise)", "swap(mode=translate)"]


@parametrize_with_checks([*STEERERS, *VARIANTS])
def test_contract(method: MethodSpec, check: Callable[[MethodSpec], None]) -> None:
    check(method)


def fit(spec: str, at: FixtureGround) -> Steering:
    assert at.stage is not None
    method = get_method(spec)
    instance = method.build()
    bench = Bench.of(at.stage, at.ground.fit, at.site)
    edit = (
        instance.fit_on(bench, seed=0)
        if method.info.needs_bench
        else instance.fit(at.ground.fit.x, at.ground.fit.z, seed=0)
    )
    assert isinstance(edit, Steering)
    return edit


def scored(spec: str, at: FixtureGround) -> Scores:
    assert at.stage is not None
    method = get_method(spec)
    fitted = Fitter(60).fit(method, at.ground, 0, Bench.of(at.stage, at.ground.fit, at.site))
    return score_steerer(method, fitted, at, seed=0)


def whole_pass(subject: Subject, tokens: list[int], scope: slice, vector: torch.Tensor) -> torch.Tensor:
    """Logits [T, V] of one pass over one text, with a vector added by a hook of torch's."""

    def hook(module: object, args: object, output: torch.Tensor) -> torch.Tensor:
        edited = output.clone()
        edited[:, scope] += vector.float()
        return edited

    handle = subject.model.get_submodule("model.layers.1").register_forward_hook(hook)
    try:
        with torch.no_grad():
            return subject.model(torch.tensor([tokens])).logits[0].log_softmax(-1)
    finally:
        handle.remove()


@pytest.mark.parametrize(
    ("scope", "touched"),
    [
        ("all", slice(1, None)),
        ("prefill", slice(1, None)),
        ("last", slice(-1, None)),
        ("after-instruction", slice(-1, None)),
    ],
)
def test_prompts_of_different_lengths_are_edited_in_their_own_scope(
    subject: Subject, scope: str, touched: slice
) -> None:
    tokens = subject.encode(["one", "the second of them", "three or so"])
    states = Recorder(subject, None, SilentProgress()).states("prompts", tokens, [SITE])[SITE]
    vector = torch.randn(32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    together = log_probs(subject, SITE, states, Prompts.ends(subject, tokens), AddedVector(vector, scope=scope))
    alone = torch.stack([whole_pass(subject, ids, touched, vector)[-1] for ids in tokens])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    everywhere = torch.stack([whole_pass(subject, ids, slice(None), vector)[-1] for ids in tokens])
    assert (alone - everywhere).abs().max() > 1e-3, "the prefix makes no difference, so the comparison shows little"


def test_vectors_are_added_at_the_first_tokens_and_felt_later(subject: Subject) -> None:
    tokens = subject.encode(["one", "the second of them"])
    states = Recorder(subject, None, SilentProgress()).states("prompts", tokens, [SITE])[SITE]
    vectors = torch.randn(2, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    together = log_probs(subject, SITE, states, Prompts.ends(subject, tokens), PlacedVectors(vectors))
    alone = torch.stack([whole_pass(subject, ids, slice(1, 3), vectors)[-1] for ids in tokens])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    untouched = log_probs(subject, SITE, states, Prompts.ends(subject, tokens))
    assert (together - untouched).abs().max() > 1e-3


def test_a_document_counts_as_answer(subject: Subject) -> None:
    """An edit of a prompt's last token is put at every token of a document, where its cost shows."""
    tokens = subject.encode(["some text of a document", "and another"])
    states = Recorder(subject, None, SilentProgress()).states("texts", [ids[:-1] for ids in tokens], [SITE])[SITE]
    vector = torch.randn(32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    prompts = Prompts.whole(subject, tokens)
    runs = {
        scope: run_corpus(subject, SITE, states, prompts, AddedVector(vector, scope=scope))
        for scope in ("all", "last", "after-instruction")
    }
    np.testing.assert_array_equal(runs["all"].nll, runs["last"].nll)
    np.testing.assert_array_equal(runs["all"].nll, runs["after-instruction"].nll)
    untouched = run_corpus(subject, SITE, states, prompts)
    assert np.abs(runs["all"].nll - untouched.nll).min() > 1e-3


def test_strength_zero_is_the_unedited_subject_to_the_bit(at: FixtureGround) -> None:
    assert at.stage is not None
    ablation = "directional-ablation(sites=one)"
    specs = ("caa", "repe(control=piecewise)", ablation, "swap(mode=translate)", "random-steering")
    for spec in (*specs, "activation-addition", "prompting"):
        still = fit(spec, at).at(0.0)
        assert torch.equal(at.stage.log_probs(SITE, still), at.stage.reference)
        np.testing.assert_array_equal(at.stage.corpus.run(SITE, still).nll, at.stage.corpus.reference.nll)


def test_half_of_the_entities_of_each_class() -> None:
    groups = np.repeat(np.arange(8), 3)
    z = np.repeat([0, 1] * 4, 3)
    half = every_other_entity(groups, z)
    assert set(groups[half]) == {0, 1, 4, 5}
    assert half.sum() == 12
    # entities with rows of both classes are halved as well
    both = every_other_entity(groups, np.arange(24) % 2)
    assert 0.25 < both.mean() < 0.75


def test_the_choice_sees_nothing_of_what_is_scored(at: FixtureGround) -> None:
    track = track_of(at)
    probe = {
        group for group, split in zip(at.stage.concept.groups, at.stage.concept.splits, strict=True) if split == "probe"
    }
    names = list(dict.fromkeys(at.stage.concept.groups))
    swept = {names[group] for group in track.prompts.groups}
    assert swept < probe
    assert not set(track.tried.documents) & set(track.kept.documents)
    assert len(track.tried.documents) == len(track.kept.documents) == 6


def test_caa_moves_the_answers_further_the_stronger_it_is(at: FixtureGround) -> None:
    """The last-position log-odds rise with the strength, on both sides of zero."""
    track = track_of(at)
    trials = {trial.strength: trial for trial in sweep(fit("caa", at), track)}
    assert set(STRENGTHS) <= set(trials)
    assert len(trials) >= 7
    means = [trials[s].h.mean() for s in (-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0)]
    assert means == sorted(means)
    assert not trials[0.0].damage.any()


@pytest.mark.parametrize(("spread", "end"), [(0.0, 2.0), (1.0, FARTHEST)])
def test_a_side_ends_where_its_damage_is_clearly_reached(at: FixtureGround, spread: float, end: float) -> None:
    """Documents that all cost much end it at once; a mean that a half of them makes does not."""
    track = track_of(at)
    before, kept = track.unedited
    # As if the unedited subject had known the documents, or every other one, better by 1.5 nats a token on average.
    known = 1.5 * before.counts * (1 + spread * (-1) ** np.arange(len(before.counts)))
    known_well = replace(track, unedited=(replace(before, nll=before.nll - known), kept))
    trials = sweep(fit("caa", at), known_well)
    assert (trials[0].strength, trials[-1].strength) == (-end, end)
    for trial in trials[0], trials[-1]:
        assert trial.damage.sum() / before.counts.sum() > MATCHED[-1]
        assert (low_end(trial, known_well, seed=0) > MATCHED[-1]) == (spread == 0)


def test_the_strength_chosen_is_the_best_that_costs_little(at: FixtureGround) -> None:
    track = track_of(at)
    trials = sweep(fit("caa", at), track)
    tokens = track.unedited[0].counts.sum()
    cost = {trial.strength: trial.damage.sum() / tokens for trial in trials}
    effect = {trial.strength: track.answers.effect(trial.h, "towards") for trial in trials}
    chosen = choose(trials, track, "towards")
    assert chosen is not None
    assert cost[chosen] <= CHOICE_DAMAGE
    assert effect[chosen] == max(effect[s] for s in effect if cost[s] <= CHOICE_DAMAGE)
    assert choose([trial for trial in trials if cost[trial.strength] > CHOICE_DAMAGE], track, "away") is None


@pytest.mark.parametrize("spec", ["caa", "ace", "swap", "activation-addition", "directional-ablation"])
def test_a_scored_steerer_keeps_its_whole_sweep(spec: str, at: FixtureGround) -> None:
    scores = scored(spec, at)
    assert set(scores.estimates) == set(measures_for("steerer"))
    assert scores.sweep is not None
    assert set(STRENGTHS) <= set(scores.sweep.strengths)
    for point in scores.sweep.points:
        assert {point.towards.status, point.away.status, point.damage.status} == {"ok"}
    still = scores.sweep.points[scores.sweep.strengths.index(0.0)]
    if spec != "ace":
        assert (still.towards.value, still.away.value, still.damage.value) == (0.0, 0.0, 0.0)
    card = Scorecard.from_json(_card(scores).to_json())
    assert card.sweep == scores.sweep


def test_edits_at_several_sites_are_swept_with_one_strength(at: FixtureGround) -> None:
    scores = scored("directional-ablation", at)
    assert {scores.estimates[name].status for name in ("steering_effect", "perplexity_damage")} == {"ok"}
    assert [(claim.name, claim.holds) for claim in scores.claims] == [("affine", True), ("idempotent", True)]
    assert "several sites" in scores.estimates["edit_norm"].reason


def test_a_steerers_scores_follow_from_its_examples(
    at: FixtureGround, replayed: Callable[[Iterable[Estimate], Mapping[str, Any]], set[str]]
) -> None:
    scores = scored("caa", at)
    found = {name for name, estimate in scores.estimates.items() if estimate.status == "ok"}
    assert replayed(scores.estimates.values(), scores.examples) == found - {
        "fit_seconds",
        "apply_seconds",
        "peak_memory_mb",
    }
    assert {"steering_effect", "steering_effect_away", "perplexity_damage"} <= found


def _card(scores: Scores) -> Scorecard:
    from interpmark.reports import SCHEMA, CellId

    cell = CellId("caa", "steerer", "ends", "tiny", SITE, "last", 0)
    return Scorecard(SCHEMA, "k", cell, tuple(scores.estimates.values()), sweep=scores.sweep)


def test_activation_addition_is_the_difference_of_two_prompts(at: FixtureGround) -> None:
    """Turning the prompts round turns the vectors round; the edit carries one prompt's first tokens to the other's."""
    one, other = (fit(f"activation-addition(towards={t}, away={a})", at) for t, a in (("cab", "dog"), ("dog", "cab")))
    assert isinstance(one, PlacedVectors)
    assert isinstance(other, PlacedVectors)
    assert one.vectors.shape == (3, 32)
    torch.testing.assert_close(one.vectors, -other.vectors)
    assert at.stage is not None
    tokens = at.stage.subject.encode(["dog", "cab"])
    dog, cab = at.stage.states_of(tokens, SITE)
    torch.testing.assert_close(one.at_places(dog, torch.arange(3)), cab)


def test_a_shorter_prompt_is_filled_up_with_spaces(at: FixtureGround) -> None:
    short, filled = (fit(f"activation-addition(towards=cabin, away='{away}')", at) for away in ("dog", "dog  "))
    assert isinstance(short, PlacedVectors)
    assert isinstance(filled, PlacedVectors)
    torch.testing.assert_close(short.vectors, filled.vectors)
    with pytest.raises(FitError, match="the same activations"):
        fit("activation-addition(towards=dog, away=dog)", at)


def test_repe_is_as_long_as_caa_and_its_piecewise_control_makes_each_class_plainer(at: FixtureGround) -> None:
    caa, linear, piecewise = (fit(spec, at) for spec in ("caa", "repe", "repe(control=piecewise)"))
    assert isinstance(caa, AddedVector)
    assert isinstance(linear, AddedVector)
    assert isinstance(piecewise, SidedVector)
    torch.testing.assert_close(linear.vector.norm(), caa.vector.norm())
    assert linear.vector @ caa.vector > 0
    x, z = at.ground.fit.x, at.ground.fit.z
    moved = (piecewise(x) - x) @ piecewise.normal  # [n]
    assert moved[z == 0].mean() < 0 < moved[z == 1].mean()


def test_an_instruction_is_read_before_the_prompt_and_not_predicted(at: FixtureGround) -> None:
    assert at.stage is not None
    stage, edit = at.stage, fit("prompting", at)
    concept, subject = stage.concept, stage.subject
    for strength, text in ((1.0, "and now end in y\n"), (-1.0, "end in x\n")):
        own = stage.log_probs(SITE, edit.at(strength))
        documents = track_of(at).tried.run(SITE, edit.at(strength))
        for i, row in enumerate(concept.rows("test")[:3]):
            alone = whole_pass(subject, subject.encode([text + concept.texts[row]])[0], slice(0), torch.zeros(32))
            torch.testing.assert_close(own[i], alone[-1], atol=1e-5, rtol=0)
        document = stage.corpus.corpus.documents[0]
        (ids,) = subject.encode([text + document])
        log_probs = whole_pass(subject, ids, slice(0), torch.zeros(32))[:-1].gather(1, torch.tensor(ids)[1:, None])
        np.testing.assert_allclose(documents.nll[0], -float(log_probs[len(text) :].sum()), rtol=1e-5)
        assert documents.counts[0] == len(document)


def test_prompting_is_one_point_towards_each_class(at: FixtureGround) -> None:
    scores = scored("prompting", at)
    assert set(scores.estimates) == set(measures_for("steerer"))
    assert scores.sweep is not None
    assert scores.sweep.strengths == (-1.0, 0.0, 1.0)
    assert (scores.sweep.chosen_towards, scores.sweep.chosen_away) == (1.0, -1.0)
    assert {scores.estimates[name].status for name in ("steering_effect", "perplexity_damage")} == {"ok"}
    for name, reason in (("steering_effect_at_0.1", "given or not"), ("edit_norm", "no activation is edited")):
        assert reason in scores.estimates[name].reason


def test_an_instruction_has_no_half_and_is_saved_as_text(at: FixtureGround, tmp_path: Path) -> None:
    edit = fit("prompting", at)
    with pytest.raises(EditError, match=r"and not 0\.5"):
        edit.at(0.5)
    save_edit(edit.at(-1.0), tmp_path / "edit.safetensors")
    loaded = load_edit(tmp_path / "edit.safetensors")
    assert isinstance(loaded, PromptPrefix)
    assert loaded.text == "end in x\n"
    assert loaded.at(0.0).text == ""
    with pytest.raises(EditError, match="an instruction is empty"):
        PromptPrefix(4, " ", "no")


def test_texts_are_generated_after_the_instruction(at: FixtureGround) -> None:
    assert at.stage is not None
    subject, edit = at.stage.subject, fit("prompting", at)
    (given,) = complete(subject, subject.encode(["abc"]), {SITE: edit}, KEPT)
    (typed,) = complete(subject, subject.encode(["and now end in y\nabc"]), {}, KEPT)
    (bare,) = complete(subject, subject.encode(["abc"]), {}, KEPT)
    assert given == typed != bare


def test_a_concept_without_instructions_is_not_prompted(at: FixtureGround) -> None:
    assert at.stage is not None
    silent = copy(at.stage)
    silent.instructions = ()
    assert "and the concept ends has none" in why_not(get_method("prompting"), replace(at, stage=silent))
    assert not why_not(get_method("prompting"), at)


def test_of_several_classes_each_is_steered_to_against_the_rest(at: FixtureGround) -> None:
    several = copy(at.stage)
    assert several is not None
    several.concept = get_concept("emotions")
    fit_split = replace(at.ground.fit, z=torch.arange(len(at.ground.fit.z)) % 6)
    reason = why_not(get_method("caa"), replace(at, stage=several, ground=replace(at.ground, fit=fit_split)))
    assert reason.startswith("caa takes binary labels; these are multiclass")
    assert "emotions-joy, emotions-sadness" in reason


def test_the_gradient_moves_the_answers_faster_than_any_vector_of_its_length(at: FixtureGround) -> None:
    track = track_of(at)

    def moved(spec: str) -> float:
        edit = fit(spec, at)
        assert isinstance(edit, AddedVector)
        small = AddedVector(edit.vector / edit.vector.norm(), strength=0.02, scope="last")
        return float((attempt(small, track).h - track.answers.h).mean())

    gradient = moved("logit-gradient-steering")
    assert gradient > 0
    assert gradient > max(moved(spec) for spec in ("caa", "lda-steering", "probe-steering", "random-steering"))


def test_an_edit_of_the_first_tokens_has_no_size_at_the_slot(at: FixtureGround) -> None:
    estimate = scored("activation-addition", at).estimates["edit_norm"]
    assert estimate.status == "not scored"
    assert "first tokens" in estimate.reason


def test_caa_beats_a_random_vector_of_its_length(at: FixtureGround) -> None:
    caa, random = (scored(spec, at).sweep for spec in ("caa", "random-steering"))
    assert caa is not None
    assert random is not None
    i = caa.strengths.index(1.0)
    assert caa.points[i].towards.low is not None
    assert random.points[random.strengths.index(1.0)].towards.value is not None
    assert caa.points[i].towards.low > abs(random.points[random.strengths.index(1.0)].towards.value)


def test_a_steerer_without_a_strength_is_told(at: FixtureGround) -> None:
    class Bare:
        def fit(self, x: torch.Tensor, z: torch.Tensor, *, seed: int) -> AffineEdit:
            return AffineEdit.projection(torch.ones(x.shape[1]))

    before = dict(registry.registered())
    register("bare", kind="steerer")(Bare)
    try:
        with pytest.raises(ContractError, match="bare is a steerer and returned AffineEdit, which has no strength"):
            scored("bare", at)
    finally:
        registry.restore(before)


def test_planted_activations_have_no_answers_to_steer(tmp_path: Path) -> None:
    from interpmark.suite.api import score

    card = score("caa", "planted-gaussian", store=tmp_path)
    assert card.error is None
    assert card.sweep is None
    assert "no language model" in card.estimate("steering_effect").reason
    assert card.estimate("edit_norm").status == "ok"


@pytest.mark.slow
@pytest.mark.model
def test_caa_steers_the_default_subject() -> None:
    """He and she answer to the difference of means after block 20, and hardly to a random vector as long."""
    whole = get_concept("gender")
    rows = np.concatenate(
        [
            whole.rows(split)[whole.labels[whole.rows(split)] == label][:count]
            for split, count in (("fit", 300), ("probe", 40), ("test", 20))
            for label in (0, 1)
        ]
    )
    concept = Concept(
        name="few",
        texts=tuple(whole.texts[i] for i in rows),
        labels=whole.labels[rows],
        classes=whole.classes,
        groups=tuple(whole.groups[i] for i in rows),
        templates=tuple(whole.templates[i] for i in rows),
        splits=tuple(whole.splits[i] for i in rows),
    )
    site = "resid_post.26"
    recorder = Recorder(load_subject("smollm2-135m"), None, SilentProgress())
    neutral = get_corpus("neutral")
    corpus = CorpusStage(Corpus("few", neutral.documents[:8], neutral.topics[:8]), [site], recorder)
    behavior = Behavior("he-she", ((" he",), (" she",)))
    stage = ConceptStage(concept, behavior, "last", [site], corpus, recorder)
    ground = FixtureGround(stage.ground(site), stage, site)
    values = {spec: scored(spec, ground).estimates["steering_effect"] for spec in ("caa", "random-steering")}
    assert values["caa"].low is not None
    assert values["caa"].low > 1.0
    assert values["random-steering"].value is not None
    assert abs(values["random-steering"].value) < 0.5 * values["caa"].low
