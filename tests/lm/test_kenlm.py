"""kenlm as an oracle: its look-up on our ARPA files, and lmplz's estimates on the same text."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cyasr.lm.arpa import read_arpa, write_arpa
from cyasr.lm.counts import count_ngrams
from cyasr.lm.kneser_ney import estimate
from tests.lm.test_ngram import table


def text(sentences: int = 3000) -> list[list[str]]:
    """Sentences whose words depend on the word before, Zipf-like."""
    draw, lines = random.Random(0), []
    for _ in range(sentences):
        line = [int(300 * draw.random() ** 3)]
        while draw.random() < 0.9:
            line.append(
                (line[-1] * 7 + int(20 * draw.random() ** 3)) % 300 if draw.random() < 0.6 else int(300 * draw.random() ** 3)
            )
        lines.append([f"λ{word}" for word in line])
    return lines


@pytest.mark.parametrize("order", [2, 3, 5])
def test_our_lookup_scores_as_kenlm_does(tmp_path: Path, order: int, capfd: pytest.CaptureFixture[str]) -> None:
    kenlm = pytest.importorskip("kenlm", reason="kenlm has no wheel; build it beside the environment to compare look-up")
    lines = text()
    lm, _ = estimate(count_ngrams(lines[:2000], order))
    write_arpa(lm, tmp_path / "lm.arpa.gz")
    peer = kenlm.Model(str(tmp_path / "lm.arpa.gz"))
    theirs = np.array([peer.score(" ".join(line)) for line in lines[2000:]]) * np.log(10)
    np.testing.assert_allclose(lm.score_sentences(lines[2000:]), theirs, atol=1e-3)


@pytest.mark.parametrize(("order", "prune"), [(1, []), (2, []), (3, []), (6, []), (4, [0, 0, 1, 2])])
def test_our_estimates_are_lmplz_s(tmp_path: Path, order: int, prune: list[int]) -> None:
    lmplz = shutil.which("lmplz")
    if lmplz is None:
        pytest.skip("lmplz is not on PATH; build it from kenlm's sources to compare estimates")
    lines = text()
    (tmp_path / "text").write_text("".join(" ".join(line) + "\n" for line in lines), encoding="utf-8")
    command = [lmplz, "-o", str(order), "-S", "10%", "--discount_fallback", "--text", str(tmp_path / "text")]
    command += ["--arpa", str(tmp_path / "lm.arpa")] + (["--prune", *map(str, prune)] if prune else [])
    subprocess.run(command, check=True, capture_output=True)
    ours = table(estimate(count_ngrams(lines, order), prune)[0])
    theirs = table(read_arpa(tmp_path / "lm.arpa"))
    assert ours.keys() == theirs.keys()
    for ngram, scores in ours.items():
        assert scores == pytest.approx(theirs[ngram], abs=1e-5), ngram
