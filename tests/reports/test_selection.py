from collections.abc import Callable

from interpmark.reports import Scorecard
from interpmark.reports.leaderboard import leaderboard
from interpmark.reports.selection import select

Make = Callable[..., Scorecard]


def test_the_newest_result_of_a_cell_counts(make_card: Make) -> None:
    # 13:30 at +02:00 is earlier than 12:00 UTC, though its text is greater.
    old = make_card(finished="2026-01-01T13:30:00+02:00", method_hash="a")
    new = make_card(finished="2026-01-01T12:00:00+00:00", method_hash="b")
    undated = make_card(finished="yesterday", method_hash="c")
    for order in ([old, new, undated], [new, undated, old]):
        selection = select(order)
        assert selection.current == (new,)
        assert set(selection.superseded) == {old, undated}
    assert leaderboard([old, new, undated]).notes == (
        "2 superseded results left out: newer ones of the same cells or methods are here",
    )


def test_seeds_of_an_older_method_source_are_not_pooled_with_the_new(make_card: Make) -> None:
    old = [make_card(seed=seed, method_hash="a") for seed in (0, 1)]
    new = make_card(seed=0, method_hash="b", finished="2026-02-01")
    selection = select([*old, new])
    assert selection.current == (new,)
    assert set(selection.superseded) == set(old)


def test_other_content_gets_a_table_of_its_own_and_a_note_naming_the_cells(make_card: Make) -> None:
    old = [make_card(name, fixture_hash="f0", finished="2025-01-01") for name in ("sal", "inlp")]
    new = make_card("leace", fixture_hash="f1")
    board = leaderboard([*old, new])
    assert [[row.method for row in table.rows] for table in board.tables] == [["leace"], ["inlp", "sal"]]
    assert [table.outdated for table in board.tables] == [False, True]
    (note,) = board.notes
    assert "differ in fixture hash" in note
    assert all(str(card.cell) in note for card in old)
    assert str(new.cell) not in note
    assert board.scorecards == (new,)


def test_subject_dtype_prefix_and_engine_are_content_too(make_card: Make) -> None:
    for name in ("subject_hash", "dtype", "prefix", "engine_version"):
        board = leaderboard([make_card("a", **{name: "x"}), make_card("b", **{name: "y"})])
        assert len(board.tables) == 2
        assert f"differ in {name.replace('_', ' ')}" in board.notes[0]


def test_another_version_of_a_measure_does_not_share_a_table(make_card: Make) -> None:
    old = make_card("a", versions={"edit_norm": 1, "residual_accuracy": 1}, finished="2025-01-01")
    new = make_card("b", versions={"edit_norm": 2, "residual_accuracy": 1})
    board = leaderboard([old, new])
    assert len(board.tables) == 2
    assert "differ in edit norm" in board.notes[0]
    assert str(old.cell) in board.notes[0]


def test_a_measure_that_only_some_have_does_not_split_the_table(make_card: Make) -> None:
    old = make_card("a", versions={"residual_accuracy": 1})
    new = make_card("b", versions={"edit_norm": 2, "residual_accuracy": 1})
    assert len(leaderboard([old, new]).tables) == 1


def test_fixtures_do_not_share_a_table(make_card: Make) -> None:
    board = leaderboard([make_card(), make_card(concept="tense"), make_card(subject="other")])
    assert len({table.fixture for table in board.tables}) == 3
    assert board.notes == ()
