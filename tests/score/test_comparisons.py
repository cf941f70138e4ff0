import random

import numpy as np
import pytest

from cyasr.cli import RunError, UsageError
from cyasr.files import write_jsonl_gz
from cyasr.score.statistics import comparisons
from cyasr.score.statistics.comparisons import NOT_SHOWN, Comparisons, System


def system(name, rate, utterances=200, speakers=8, seed=0, **rest):
    """A system that errs on `rate` of the words of 200 utterances, the same for all systems."""
    words = np.random.default_rng(0).integers(5, 20, utterances)
    errors = np.random.default_rng([seed, *name.encode()]).binomial(words, rate)
    ids = [f"u{i}" for i in range(utterances)]
    return System(name, ids, [f"s{i % speakers}" for i in range(utterances)], words, errors, **rest)


def rows(name, errors, speaker="s1", **rest):
    """Rows of four words, the first `errors` of each utterance substituted."""
    for i, count in enumerate(errors):
        counts = {"words": 4, "correct": 4 - count, "substitutions": count, "deletions": 0, "insertions": 0}
        yield {"id": f"{name}{i}", "speaker": speaker} | counts | rest


def written(path, errors, name="u", **rest):
    write_jsonl_gz(path, rows(name, errors, **rest))
    return path


def test_holm_corrects_the_smallest_most_and_never_turns_their_order():
    assert comparisons.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert comparisons.holm([0.5, 0.9]) == [1.0, 1.0]
    assert comparisons.holm([]) == []
    rng = random.Random(0)
    for _ in range(100):
        ps = [rng.random() ** 3 for _ in range(rng.randrange(1, 9))]
        corrected = comparisons.holm(ps)
        assert all(min(1.0, len(ps) * p) >= c >= p for p, c in zip(ps, corrected, strict=True))
        assert [c for _, c in sorted(zip(ps, corrected, strict=True))] == sorted(corrected)


def test_each_is_compared_with_the_best_and_the_best_is_found():
    table = comparisons.compare([system("bad", 0.3), system("good", 0.1), system("middling", 0.2)])
    assert list(table.wer) == ["good", "middling", "bad"]
    assert [(pair.a, pair.b) for pair in table.pairs] == [("good", "middling"), ("good", "bad")]
    assert all(pair.verdict == "worse" and pair.low > 0 and pair.p_holm >= pair.p for pair in table.pairs)
    assert (table.unit, table.note, table.speakers, table.utterances) == ("speaker", None, 8, 200)


def test_one_to_compare_with_can_be_named_and_all_pairs_be_asked_for():
    three = [system("a", 0.3), system("b", 0.1), system("c", 0.2)]
    table = comparisons.compare(three, against="c")
    assert [(pair.b, pair.verdict) for pair in table.pairs] == [("b", "better"), ("a", "worse")]
    assert len(comparisons.compare(three, against="all").pairs) == 3
    with pytest.raises(UsageError, match="no system d to compare with; there are: a, b, c"):
        comparisons.compare(three, against="d")


def test_an_interval_that_holds_zero_is_no_difference_shown():
    table = comparisons.compare([system("a", 0.2), system("b", 0.2)])
    (pair,) = table.pairs
    assert pair.low < 0 < pair.high and pair.verdict == NOT_SHOWN == "no difference shown"
    one = system("a", 0.2)
    (same,) = comparisons.compare([one, System("twin", one.ids, one.speakers, one.words, one.errors)]).pairs
    assert (same.difference, same.p, same.verdict) == (0, 1, NOT_SHOWN)


def test_what_one_test_would_show_twenty_do_not():
    base, slight = system("base", 0.2), None
    for seed in range(500):
        candidate = system("slight", 0.215, seed=seed)
        (pair,) = comparisons.compare([base, candidate], against="base").pairs
        if 0.01 < pair.p < 0.04:
            slight = candidate
            break
    assert pair.verdict == "worse"
    others = [System(f"as{i}", base.ids, base.speakers, base.words, base.errors) for i in range(19)]
    crowd = comparisons.compare([base, slight, *others], against="base")
    (pair,) = [pair for pair in crowd.pairs if pair.b == "slight"]
    assert pair.low > 0 and pair.p < 0.05 <= pair.p_holm and pair.verdict == NOT_SHOWN


def test_under_six_speakers_the_verdict_is_within_these_speakers():
    table = comparisons.compare([system("a", 0.1, speakers=5), system("b", 0.3, speakers=5)])
    assert table.unit == "utterance" and table.pairs[0].verdict == "worse, within these speakers"


def test_systems_are_paired_by_utterance_whatever_their_order():
    one, other = system("a", 0.1), system("b", 0.2)
    order = np.random.default_rng(1).permutation(len(other.ids))
    shuffled = System(
        "b", [other.ids[i] for i in order], [other.speakers[i] for i in order], other.words[order], other.errors[order]
    )
    assert comparisons.compare([one, shuffled]) == comparisons.compare([one, other])


def test_a_system_on_other_utterances_is_left_out_and_named():
    short = system("short", 0.0, utterances=150)
    table = comparisons.compare([system("a", 0.1), short, system("b", 0.2)])
    assert list(table.wer) == ["a", "b"]
    assert table.left_out == {"short": "50 of 200 utterances missing, 0 others"}
    with pytest.raises(UsageError, match="fewer than two systems on the same utterances"):
        comparisons.compare([system("a", 0.1), short])


def test_other_references_of_the_same_utterances_are_refused(tmp_path):
    paths = {
        name: written(tmp_path / name, [0, 1], ref=text, hyp="α β γ δ") for name, text in (("a", "α β γ δ"), ("b", "α β γ ε"))
    }
    with pytest.raises(RunError, match=r"utterance u0 has one reference for a and another for b; score both with the same"):
        comparisons.compare_files(paths)


def test_rows_without_counts_and_repeated_ones_are_named_by_line(tmp_path):
    path = written(tmp_path / "a", [0, 1])
    with pytest.raises(RunError, match=r"a:1: not the counts of an utterance \('fold_errors' is missing\); score again"):
        comparisons.read_system(path, "a", "fold")
    write_jsonl_gz(path, [*rows("u", [0]), *rows("u", [0])])
    with pytest.raises(RunError, match="a:2: utterance u0 stands twice"):
        comparisons.read_system(path, "a")
    write_jsonl_gz(path, [{"id": "u", "words": "many"}])
    with pytest.raises(RunError, match="a:1: not the counts"):
        comparisons.read_system(path, "a")


def test_mapsswe_takes_sclites_alignment_of_the_texts_else_the_rows_own(tmp_path):
    texts = {"ref": "α β γ δ", "hyp": "ε β γ δ", "ops": "CCCS"}
    assert comparisons.read_system(written(tmp_path / "a", [1], **texts), "a").ops == ["SCCC"]
    assert comparisons.read_system(written(tmp_path / "b", [1], ops="CCCS"), "b").ops == ["CCCS"]
    assert comparisons.read_system(written(tmp_path / "c", [1]), "c").ops is None


def test_mapsswe_stands_beside_the_bootstrap_where_alignments_are_known():
    rng = random.Random(1)
    known = {
        name: ["".join(rng.choices("CS", (1 - rate, rate), k=int(n))) for n in system("a", 0).words]
        for name, rate in (("a", 0.1), ("b", 0.3))
    }
    systems = []
    for name, ops in known.items():
        one = system(name, 0)
        systems.append(System(name, one.ids, one.speakers, one.words, np.array([text.count("S") for text in ops]), ops=ops))
    (pair,) = comparisons.compare(systems).pairs
    assert pair.segments > 100 and pair.z > 1.96 and pair.mapsswe_p == pair.mapsswe_holm < 0.05
    (without,) = comparisons.compare([system("a", 0.1), systems[1]]).pairs
    assert without.segments is without.z is without.mapsswe_p is without.mapsswe_holm is None


def test_a_table_is_the_same_after_its_way_through_json():
    table = comparisons.compare([system("a", 0.1), system("b", 0.2), system("c", 0.2, utterances=9)])
    assert Comparisons.from_json(table.to_json()) == table


def test_no_reference_words_at_all_are_refused(tmp_path):
    empty = {"words": 0, "correct": 0, "substitutions": 0}
    paths = {name: written(tmp_path / name, [0, 0], **empty) for name in "ab"}
    with pytest.raises(UsageError, match="no reference words"):
        comparisons.compare_files(paths)
