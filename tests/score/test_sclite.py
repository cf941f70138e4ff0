"""Total errors are sclite's (Debian's sctk), over random and adversarial pairs and NIST's own formats."""

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cyasr.files import read_jsonl_gz
from cyasr.score import bare
from cyasr.score.references import normaliser

SCTK = shutil.which("sctk")
pytestmark = pytest.mark.skipif(SCTK is None, reason="sclite is not installed: apt-get install sctk")
SCORES = re.compile(r"id: \((\S+)\)\n(?:(?!id:).*\n)*?Scores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)")
LETTERS = ["α", "ά", "σ̆", "τζ̆αι", "όι", "εν'", "a", "b"]


def sclite(ref: Path, hyp: Path, *options: str) -> dict[str, tuple[int, ...]]:
    """(C, S, D, I) by id."""
    files = ["-r", str(ref), ref.suffix[1:], "-h", str(hyp), hyp.suffix[1:]]
    command = [str(SCTK), "sclite", *files, "-i", "spu_id", "-e", "utf-8", "-o", "pralign", "stdout", *options]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {found[1]: tuple(map(int, found.groups()[1:])) for found in SCORES.finditer(out)}


def ours(ref: Path, hyp: Path, costs: str = "sclite") -> list[dict]:
    out = ref.parent / f"out_{costs}"
    bare.score_files(bare.Request(bare.side(ref, None), bare.side(hyp, None), normaliser("none"), costs=costs, out=out))
    return list(read_jsonl_gz(out / "utterances.jsonl.gz"))


def errors(row: dict) -> int:
    return int(row["substitutions"] + row["deletions"] + row["insertions"])


def trn(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(f"{text} (s{i % 3}-{i:05})\n" for i, text in enumerate(texts)), encoding="utf-8")
    return path


def adversarial(draw: random.Random) -> tuple[str, str]:
    """Few different words, repeats, shifts, one side empty or far longer: where alignments tie or go astray."""
    words = draw.sample(LETTERS, k=draw.choice([1, 2, 3, 8]))
    ref = draw.choices(words, k=draw.choice([0, 1, 2, 5, 10, 15, 40]))
    kind = draw.randrange(6)
    if kind == 0:
        hyp = ref[draw.randint(0, 4) :] + ref[: draw.randint(0, 4)]
    elif kind == 1:
        hyp = ref[::-1]
    elif kind == 2:
        hyp = [word for word in ref for _ in range(draw.randint(0, 3))]
    elif kind == 3:
        hyp = [draw.choice(words) if draw.random() < 0.4 else word for word in ref if draw.random() < 0.8]
    else:
        hyp = draw.choices(words, k=draw.choice([0, 1, 2, 5, 10, 15, 40]))
    return " ".join(ref), " ".join(hyp)


def test_errors_are_sclites_in_each_of_a_thousand_pairs(tmp_path):
    draw = random.Random(1)
    pairs = [adversarial(draw) for _ in range(1000)]
    ref, hyp = trn(tmp_path / "ref.trn", [one for one, _ in pairs]), trn(tmp_path / "hyp.trn", [one for _, one in pairs])
    theirs, rows = sclite(ref, hyp, "-s"), ours(ref, hyp)
    assert len(theirs) == 1000
    assert [errors(row) for row in rows] == [sum(theirs[row["id"]][1:]) for row in rows]
    # with unit costs there are never more errors, and hardly ever fewer
    fewest = ours(ref, hyp, "levenshtein")
    assert all(errors(one) <= errors(other) for one, other in zip(fewest, rows, strict=True))
    assert sum(map(errors, fewest)) > 0.99 * sum(map(errors, rows))


def test_costs_make_a_difference_where_a_word_matches_far_off_the_diagonal(tmp_path):
    # five substitutions, or three insertions and three deletions around two correct words
    ref, hyp = trn(tmp_path / "ref.trn", ["a b c d e"]), trn(tmp_path / "hyp.trn", ["x y z a b"])
    assert errors(ours(ref, hyp, "levenshtein")[0]) == 5
    assert errors(ours(ref, hyp)[0]) == sum(sclite(ref, hyp)["s0-00000"][1:]) == 6


def transcript(draw: random.Random, count: int, depth: int = 0) -> str:
    """Words, alternatives within alternatives, and optional words."""
    parts = []
    for _ in range(count):
        kind = draw.random()
        if kind < 0.15 and depth < 2:
            nested = [transcript(draw, draw.randint(1, 2), depth + 1) if draw.random() < 0.8 else "@" for _ in range(3)]
            parts.append(f"{{ {' / '.join(nested)} }}")
        else:
            word = draw.choice("abcdefgh")
            parts.append(f"({word})" if kind < 0.22 else word)
    return " ".join(parts)


def test_errors_are_sclites_with_alternatives_and_optional_words(tmp_path):
    draw = random.Random(2)
    refs = [transcript(draw, draw.randint(1, 10)) for _ in range(300)]
    hyps = [" ".join(draw.choice([word, word, word, "a", f"{word} b", ""]) for word in re.findall("[a-h]", ref)) for ref in refs]
    ref, hyp = trn(tmp_path / "ref.trn", refs), trn(tmp_path / "hyp.trn", hyps)
    theirs, rows = sclite(ref, hyp, "-s", "-D"), ours(ref, hyp)
    assert [errors(row) for row in rows] == [sum(theirs[row["id"]][1:]) for row in rows]
    assert sum(row["correct"] for row in rows) == pytest.approx(sum(one[0] for one in theirs.values()), rel=0.01)


def test_errors_are_sclites_for_words_dealt_out_to_segments_by_time(tmp_path):
    draw = random.Random(3)
    stm, ctm = [';; LABEL "O" "Overall" "All"'], []
    for channel in "ab":
        end = 0.317
        for i in range(40):
            start = end + draw.choice([0, 0, draw.random()])
            end = start + draw.uniform(0.5, 4)
            text = "IGNORE_TIME_SEGMENT_IN_SCORING" if draw.random() < 0.1 else transcript(draw, draw.randint(0, 6), 1)
            stm.append(f"f1 {channel} {channel}{i % 2} {start:.3f} {end:.3f} {draw.choice(['<O,M>', ''])} {text}")
        at = 0.0
        while at < end + 1:
            word = f"f1 {channel.upper()} {at:.2f} 0.21 {draw.choice('abcdefgh')}"
            ctm += (
                [f"f1 {channel} * * <ALT_BEGIN>", word, f"f1 {channel} * * <ALT>", f"f1 {channel} * * <ALT_END>"]
                if (draw.random() < 0.1)
                else [f"{word} 0.9"]
            )
            at += draw.uniform(0.3, 0.8)
    ref, hyp = tmp_path / "ref.stm", tmp_path / "hyp.ctm"
    ref.write_text("\n".join(stm) + "\n")
    hyp.write_text("\n".join(ctm) + "\n")
    theirs, rows = sclite(ref, hyp, "-D"), ours(ref, hyp)
    assert len(theirs) == len(rows) > 60
    assert sum(map(errors, rows)) == sum(sum(one[1:]) for one in theirs.values())


def test_what_is_written_as_trn_is_scored_alike_by_sclite(tmp_path):
    draw = random.Random(4)
    pairs = [adversarial(draw) for _ in range(50)]
    ref, hyp = trn(tmp_path / "ref.trn", [one for one, _ in pairs]), trn(tmp_path / "hyp.trn", [one for _, one in pairs])
    asked = bare.Request(
        bare.side(ref, None), bare.side(hyp, None), normaliser("t1"), costs="sclite", out=tmp_path / "o", write="trn"
    )
    score = bare.score_files(asked)
    theirs = sclite(tmp_path / "o" / "ref.trn", tmp_path / "o" / "hyp.trn", "-s")
    assert sum(sum(one[1:]) for one in theirs.values()) == score["errors"]
