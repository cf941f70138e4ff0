import pytest

from cyasr.report import cells


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (3900, "1 h 5 min"), (None, "not measured")],
)
def test_durations(seconds, written):
    assert cells.duration(seconds) == written


def test_a_wer_carries_its_interval_and_the_mark_of_what_it_does_not_say():
    interval = {"low": 1.0, "high": 2.5, "note": "within these speakers"}
    assert cells.wer({"wer": 1.5, "interval": interval}) == "1.50 [1.00, 2.50]†"
    assert cells.wer({"wer": 1.5, "interval": interval | {"note": None}}) == "1.50 [1.00, 2.50]"
    assert cells.wer({"wer": None, "interval": interval}) == cells.wer({}) == "–"


def test_a_missing_figure_is_not_invented():
    assert cells.percent(None) == "–"
    assert cells.parameters(None) == cells.memory(None) == cells.factor(None) == "not measured"


def test_small_and_large_figures_stay_readable():
    assert (cells.parameters(1_534_000), cells.parameters(1_550_000_000)) == ("1.53 M", "1550 M")
    assert (cells.factor(0.0421), cells.factor(12.34)) == ("0.042", "12.3")


def test_a_cell_cannot_break_its_table():
    assert cells.markdown(["a"], [["x | y\nz"]]) == "| a |\n| --- |\n| x \\| y z |\n"


def test_plain_columns_are_aligned():
    assert cells.plain(["a", "bb"], [["ccc", "d"]]) == "a    bb\nccc  d\n"


def test_a_rung_without_a_ladder_is_the_strict_one_or_none():
    interval = {"low": 1.0, "high": 2.5, "note": "speakers unknown"}
    score = {"wer": 1.5, "interval": interval}
    assert cells.rung(score, "strict") == "1.50 [1.00, 2.50]‡"
    assert cells.rung(score, "fold") == cells.rung({}, "strict") == "–"
    assert cells.rung(score | {"ladder": {"fold": {"wer": 1.0, "interval": interval}}}, "fold") == "1.00 [1.00, 2.50]‡"


def test_a_p_stands_with_its_correction_and_never_as_zero():
    assert cells.p_values(0.0123, 0.0369) == "0.012 (0.037)"
    assert cells.p_values(1e-9, 0.0004) == "<0.001 (<0.001)"
    assert cells.p_values(None, None) == "–"
