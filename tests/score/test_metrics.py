"""Rates against their definitions and against jiwer and sacreBLEU."""

import random

import jiwer
import numpy as np
import pytest

from cyasr.score import metrics, wer
from cyasr.score.references import normaliser
from cyasr.score.summary import summary
from cyasr.score.tally import Counting, pooled
from cyasr.score.utterances import Utterance

LETTERS = ["α", "ά", "σ̆", "τζ̆αι", "όι", "εν'", "a"]


def pairs(count: int, seed: int = 0, spread: int = 8) -> tuple[list[str], list[str]]:
    draw = random.Random(seed)
    texts = [[" ".join(draw.choices(LETTERS, k=draw.randint(0, spread))) for _ in range(count)] for _ in range(2)]
    return texts[0], texts[1]


def scored(refs: list[str], hyps: list[str], **fields: list[str]) -> tuple[dict, list[dict]]:
    said = [Utterance(f"u{i}", text, **{name: values[i] for name, values in fields.items()}) for i, text in enumerate(refs)]
    counting = Counting(normaliser("none"))
    rows = list(counting.rows(zip(said, (Utterance(one.id, hyp) for one, hyp in zip(said, hyps, strict=True)), strict=True)))
    return summary(counting.tally(), normaliser("none").rungs()), rows


def test_rates_of_a_case_worked_out_by_hand():
    # C 6, S 2, D 1, I 1: nine words said, nine heard
    rates = metrics.rates(6, 2, 1, 1, 40, 10, 3, 4)
    assert rates == {
        "wer": pytest.approx(100 * 4 / 9, abs=1e-4),
        "cer": 25.0,
        "mer": 40.0,
        "wip": pytest.approx(100 * 6 / 9 * 6 / 9, abs=1e-4),
        "wil": pytest.approx(100 - 100 * 6 / 9 * 6 / 9, abs=1e-4),
        "ser": 75.0,
    }


def test_nothing_is_divided_by_nothing():
    assert metrics.rates(0, 0, 0, 0, 0, 0, 0, 0) == dict.fromkeys(metrics.RATES)
    only_insertions = metrics.rates(0, 0, 0, 3, 0, 5, 1, 1)
    assert (only_insertions["wer"], only_insertions["mer"], only_insertions["wip"]) == (None, 100.0, None)
    only_deletions = metrics.rates(0, 0, 3, 0, 9, 9, 1, 1)
    assert (only_deletions["wer"], only_deletions["wip"], only_deletions["wil"]) == (100.0, 0.0, 100.0)


def test_totals_are_jiwers_on_a_thousand_random_and_adversarial_pairs():
    refs, hyps = pairs(1000, seed=1)
    refs += ["α " * 300, "α ά " * 100, "όι"]
    hyps += ["ά " + "α " * 299, "ά α " * 100, "α " * 200]
    score, rows = scored(refs, hyps)
    kept = [i for i, ref in enumerate(refs) if ref.strip()]  # jiwer refuses empty references
    theirs = jiwer.process_words([refs[i] for i in kept], [hyps[i] for i in kept])
    mine = [rows[i] for i in kept]
    for kind in ("substitutions", "deletions", "insertions"):
        assert all(row[kind] >= 0 for row in mine)
    errors = sum(row["substitutions"] + row["deletions"] + row["insertions"] for row in mine)
    assert errors == theirs.substitutions + theirs.deletions + theirs.insertions
    insertions = sum(rows[i]["insertions"] for i in range(len(refs)) if i not in set(kept))
    assert score["errors"] == errors + insertions


def test_rates_are_jiwers_where_alignments_do_not_tie():
    refs, hyps = ["a b c d", "e f", "g"], ["a x c d", "e f f2", ""]
    score, _ = scored(refs, hyps)
    theirs = jiwer.process_words(refs, hyps)
    for name in ("wer", "mer", "wil", "wip"):
        assert score[name] == pytest.approx(100 * getattr(theirs, name), abs=1e-4)
    assert score["cer"] == pytest.approx(100 * jiwer.process_characters(refs, hyps).cer, abs=1e-4)


def test_characters_are_letters_with_their_marks():
    score, _ = scored(["σ̆ σ"], ["σ σ"])
    assert (score["characters"], score["character_errors"], score["cer"]) == (3, 1, pytest.approx(33.3333))


def test_every_metric_has_an_interval_around_its_value():
    refs, hyps = pairs(300, seed=2)
    score, _ = scored(refs, hyps, speaker=[f"s{i % 9}" for i in range(300)])
    assert set(metrics.RATES) <= set(score["metrics"])
    for name in metrics.RATES:
        one = score["metrics"][name]
        assert one["interval"]["low"] <= one["value"] <= one["interval"]["high"], name
        assert one["interval"]["unit"] == "speaker"
    wip, wil = score["metrics"]["wip"]["interval"], score["metrics"]["wil"]["interval"]
    assert wil["low"] == pytest.approx(100 - wip["high"]) and wil["high"] == pytest.approx(100 - wip["low"])


def test_the_rungs_descend_in_every_utterance_and_in_sum():
    refs, hyps = pairs(500, seed=3)
    score, rows = scored(refs, hyps)
    for row in rows:
        assert row["substitutions"] + row["deletions"] + row["insertions"] >= row["fold_errors"] >= row["lenient_errors"]
    ladder = score["ladder"]
    assert ladder["strict"]["wer"] >= ladder["fold"]["wer"] >= ladder["lenient"]["wer"]
    assert len({ladder[rung]["signature"] for rung in ladder}) == 3
    assert sum(row["lenient_errors"] for row in rows) == ladder["lenient"]["errors"]


def test_breakdowns_add_up_and_keep_the_unknown_apart():
    refs, hyps = pairs(200, seed=4)
    dialects = [("cypriot", "standard", None)[i % 3] for i in range(200)]
    durations = [float(i % 30) for i in range(200)]
    score, _ = scored(refs, hyps, dialect=dialects, duration=durations)
    assert list(score["by"]["dialect"]) == ["cypriot", "standard", "unknown"]
    assert list(score["by"]["duration"]) == ["0-2 s", "2-5 s", "5-10 s", "10-20 s", "20+ s"]
    assert score["by"]["speaker"] == {}
    for values in (score["by"]["dialect"], score["by"]["duration"]):
        for kind in ("utterances", "words", "errors", "fold_errors", "characters", "character_errors"):
            assert sum(one[kind] for one in values.values()) == score[kind]


def test_the_operations_of_a_row_are_its_counts():
    refs, hyps = pairs(200, seed=5)
    for row in scored(refs, hyps)[1]:
        counted = [row["ops"].count(letter) for letter in "CSDI"]
        assert counted == [row[kind] for kind in ("correct", "substitutions", "deletions", "insertions")]


def test_chunks_make_no_difference(monkeypatch):
    refs, hyps = pairs(300, seed=6)
    whole = scored(refs, hyps)
    monkeypatch.setattr("cyasr.score.tally.CHUNK", 7)
    assert scored(refs, hyps) == whole


def test_pooled_tallies_are_those_of_all_utterances_together():
    refs, hyps = pairs(60, seed=7)
    speakers = ["a" if i < 40 else "b" for i in range(60)]
    tallies = []
    for first, last in ((0, 25), (25, 60)):
        said = [Utterance(f"u{i}", refs[i], speaker=speakers[i]) for i in range(first, last)]
        counting = Counting(normaliser("none"))
        list(counting.rows((one, Utterance(one.id, hyps[i])) for i, one in enumerate(said, first)))
        tallies.append(counting.tally())
    assert summary(pooled(tallies), normaliser("none").rungs()) == scored(refs, hyps, speaker=speakers)[0]


def test_no_utterance_at_all_is_a_score_of_nothing():
    score, rows = scored([], [])
    assert (rows, score["utterances"], score["wer"], score["ser"], score["interval"]["low"]) == ([], 0, None, None, None)


def test_bleu_and_chrf_added_up_are_sacrebleus():
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    draw = random.Random(8)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "one", "more"]
    refs, hyps = ([" ".join(draw.choices(words, k=draw.randint(4, 12))) for _ in range(50)] for _ in range(2))
    hyps = [ref if i % 3 else hyp for i, (ref, hyp) in enumerate(zip(refs, hyps, strict=True))]
    translation = metrics.Translation()
    for first in range(0, 50, 20):
        translation.add(refs[first : first + 20], hyps[first : first + 20])
    result = translation.result()
    assert result["bleu"]["score"] == pytest.approx(BLEU().corpus_score(hyps, [refs]).score, abs=1e-4)
    assert result["chrf"]["score"] == pytest.approx(CHRF().corpus_score(hyps, [refs]).score, abs=1e-4)
    assert "version" in result["bleu"]["signature"]


def test_errors_are_those_of_the_alignment_alone():
    refs, hyps = pairs(200, seed=9)
    rows = scored(refs, hyps)[1]
    errors = wer.align([one.split() for one in refs], [one.split() for one in hyps]).errors
    assert np.array_equal(errors, [row["substitutions"] + row["deletions"] + row["insertions"] for row in rows])
