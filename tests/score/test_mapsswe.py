import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cyasr.score import sclite_alignment
from cyasr.score.statistics import mapsswe

SCTK = Path("/usr/lib/sctk/bin")  # Debian's sctk keeps its programs off the PATH
RESULT = re.compile(
    r"systems: (\S+) (\S+)\) \(# segs: (\d+)\).*?mean: +(\S+?)\) \(std dev: +(\S+?)\) \(Z Stat: +(\S+?)\) \(Stat Diff: (\w+)"
)


def errors(a, b):
    return [list(one) for one in mapsswe.segments(a, b)]


def test_two_right_words_end_a_segment_and_one_does_not():
    assert errors(["SCCS"], ["CCCC"]) == [[1, 1], [0, 0]]
    assert errors(["SCSC"], ["CCCC"]) == [[2], [0]]


def test_words_have_to_be_right_in_both_systems_to_end_a_segment():
    assert errors(["SCCCS"], ["CCSCC"]) == [[2], [1]]
    assert errors(["SCCCCCS"], ["CCCSCCC"]) == [[1, 0, 1], [0, 1, 0]]


def test_an_insertion_between_two_right_words_goes_on_with_the_segment():
    assert errors(["SCICS"], ["CCCC"]) == [[3], [0]]
    assert errors(["SCCS"], ["CCICC"]) == [[2], [1]]
    assert errors(["CCIICC"], ["CCCC"]) == [[2], [0]]


def test_insertions_before_the_first_word_and_after_the_last_are_errors():
    assert errors(["ICCC"], ["CCCI"]) == [[1, 0], [0, 1]]
    assert errors(["", "I"], ["II", ""]) == [[0, 1], [2, 0]]


def test_an_utterance_ends_a_segment_and_right_ones_hold_none():
    assert errors(["CS", "SC", "CC"], ["CC", "CC", "CC"]) == [[1, 1], [0, 0]]
    assert errors(["CC"], ["CC"]) == errors([], []) == [[], []]


def test_z_and_p_worked_out_by_hand():
    one = mapsswe.test(["S", "S", "S", "C"], ["C", "C", "C", "S"])
    # differences -1, -1, -1, 1: mean -0.5, variance 1, z = -0.5 / (1 / 2)
    assert (one.segments, one.mean, one.deviation, one.z) == (4, -0.5, 1.0, -1.0)
    assert one.p == pytest.approx(0.3173, abs=1e-4) and not one.shown


def test_the_other_way_round_is_the_same_test():
    rng = random.Random(0)
    a, b = (["".join(rng.choices("CCCCSD", k=12)) for _ in range(50)] for _ in range(2))
    one, other = mapsswe.test(a, b), mapsswe.test(b, a)
    assert (one.segments, one.z, one.p) == (other.segments, -other.z, other.p)


def test_without_spread_there_is_no_test():
    assert mapsswe.test(["S", "S"], ["C", "C"]).p == mapsswe.test(["CC"], ["CC"]).p == mapsswe.test([], []).p == 1


def test_other_references_are_refused():
    with pytest.raises(ValueError, match="alignments 1: 2 reference words against 3"):
        mapsswe.test(["C", "CC"], ["C", "CCS"])
    with pytest.raises(ValueError, match="1 alignments against 2"):
        mapsswe.test(["C"], ["C", "C"])


def test_a_substitution_costs_four_and_a_gap_three_as_in_sclite():
    assert sclite_alignment.align(["a b"], ["c"]) == ["DS"]
    # five substitutions (20) give way to three deletions and three insertions around two right words (18)
    assert sclite_alignment.align(["a b c x y"], ["x y p q r"]) == ["DDDCCIII"]


def test_texts_too_long_for_the_table_are_aligned_all_the_same(monkeypatch):
    monkeypatch.setattr(sclite_alignment, "TABLE", 3)
    assert sclite_alignment.align(["a b c"], ["a c"]) == ["CDC"]


def texts(rng, vocabulary, utterances, rate):
    """References and the outputs of three systems, each worse than the one before."""
    references = [rng.choices(vocabulary, k=rng.randrange(1, 16)) for _ in range(utterances)]
    return [[" ".join(said(rng, vocabulary, words, rate * factor)) for words in references] for factor in (0, 1, 1.15, 1.4)]


def said(rng, vocabulary, words, rate):
    for word in words:
        drawn = rng.random()
        if not 0.6 * rate <= drawn < 0.8 * rate:  # deleted
            yield word if drawn >= 0.6 * rate else rng.choice(vocabulary)
        while rng.random() < 0.2 * rate:
            yield rng.choice(vocabulary)


def sc_stats(folder, references, systems):
    """Of sctk: what MAPSSWE says of each pair of systems, and sclite's alignments by system, in utterance order."""
    command = [SCTK / "sclite", "-s", "-f", "0", "-i", "rm", "-r", folder / "ref", "trn", "-o", "sgml", "stdout"]
    for name, rows in {"ref": references, **systems}.items():
        lines = [f"{text} (s{i % 3}-u{i:04d})\n" for i, text in enumerate(rows)]
        (folder / name).write_text("".join(lines))
        command += ["-h", folder / name, "trn", name] if name != "ref" else []
    aligned = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    stats = [SCTK / "sc_stats", "-p", "-t", "mapsswe", "-v", "-n", "-"]
    # its report may hold stray bytes, and it may end badly where a pair has no segment
    report = subprocess.run(stats, input=aligned, capture_output=True, encoding="utf-8", errors="replace").stdout
    ops = {}
    for block in aligned.split("<SYSTEM ")[1:]:
        paths = re.findall(r'<PATH id="\(s\d-u(\d+)\)"[^>]*>\n(.*?)\n?</PATH>', block, re.S)
        path_of = {int(number): re.sub("[^CSDI]", "", re.sub('"[^"]*"', "", path)) for number, path in paths}
        ops[re.search(r'title="(\w+)"', block)[1]] = [path_of[i] for i in range(len(references))]
    return RESULT.findall(report), ops


@pytest.mark.skipif(not shutil.which(SCTK / "sc_stats"), reason="sctk is not installed: apt-get install sctk")
@pytest.mark.parametrize("vocabulary", [3, 10, 300])
def test_alignments_figures_and_decisions_equal_those_of_sctk(tmp_path, vocabulary):
    rng = random.Random(vocabulary)
    compared = decided = 0
    for rate in (0.03, 0.1, 0.3):
        for utterances in (10, 60, 300):
            references, *hypotheses = texts(rng, [f"w{i}" for i in range(vocabulary)], utterances, rate)
            systems = dict(zip("abc", hypotheses, strict=True))
            pairs, ops = sc_stats(tmp_path, references, systems)
            ours = {name: sclite_alignment.align(references, rows) for name, rows in systems.items()}
            assert ours == ops
            for one, other, count, *figures, shown in pairs:
                found = mapsswe.test(ours[other], ours[one])  # sc_stats takes the second from the first
                assert found.segments == int(count)
                assert (found.mean, found.deviation, found.z) == pytest.approx(tuple(map(float, figures)), abs=0.00051)
                assert found.shown == (shown == "Yes")
                compared, decided = compared + 1, decided + found.shown
    assert compared >= 24 and 0 < decided < compared
