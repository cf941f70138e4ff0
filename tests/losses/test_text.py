"""Text without audio: dev and test sentences are kept out, and a cut's sentence of an epoch is always the same."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cyasr.cli import RunError, UsageError
from cyasr.files import read_jsonl_gz
from cyasr.losses.conf import LossConf
from cyasr.losses.extra import Extras, prepare
from cyasr.losses.text import Lines, gather
from tests.losses import tiny

LINES = ["Ένα  δύο!", "τζ̌αι τρία τζιαι ένα", "δύο"]


@pytest.fixture(autouse=True)
def here(tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """data/own: the tones' cuts with the conf that stage 2 leaves beside them."""
    tiny.workplace(tones, tmp_path)
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own"
    own.mkdir()
    for split in ("train", "dev", "test"):
        (own / f"{split}.jsonl.gz").write_bytes((tones / "data/tones" / f"{split}.jsonl.gz").read_bytes())
    (own / "conf.yaml").write_text("profile: t1\n")


def conf(*files: str, **keys: float) -> LossConf:
    return LossConf(cross_entropy=1.0, text=0.1, text_files=list(files), licences=dict.fromkeys(files, "CC0"), **keys)  # type: ignore[arg-type]


def test_lines_are_normalised_and_what_gives_away_a_dev_or_test_sentence_is_dropped() -> None:
    long = next(
        text for row in read_jsonl_gz(Path("own/test.jsonl.gz")) if (text := row["supervisions"][0]["text"]).count(" ") > 3
    )
    Path("a.txt").write_text("\n".join([*LINES, long, ""]))
    with gzip.open("b.txt.gz", "wt") as out:
        out.write("τρία\n")
    gather(conf("a.txt", "b.txt.gz", max_leaks=0.5), Path("own"), Path("exp"))
    assert Path("exp/text.txt").read_text() == "ένα δύο\nτζ̆αι τρία τζιαι ένα\nδύο\nτρία\n"
    assert long in Path("exp/leaks.tsv").read_text() and '"dropped": 1' in Path("exp/text.json").read_text()
    with pytest.raises(RunError, match="1 of 5 lines are dev or test sentences"):
        gather(conf("a.txt", "b.txt.gz"), Path("own"), Path("exp"))


def test_long_lines_are_drawn_as_often_as_they_have_letters() -> None:
    Path("text.txt").write_text("α\n" + "β" * 9 + "\n")
    lines, random = Lines(Path("text.txt")), np.random.default_rng(0)
    counts = Counter(lines.draw(random) for _ in range(2000))
    assert counts.keys() == {"α", "β" * 9} and counts["α"] / 2000 == pytest.approx(3 / 22, abs=0.03)


def test_each_cut_gets_one_sentence_an_epoch_whatever_batch_it_is_in() -> None:
    Path("a.txt").write_text("\n".join(" ".join(pair) for pair in zip(LINES * 9, LINES[1:] * 13, strict=False)))
    made = conf("a.txt")
    prepare(made, Path("own"), Path("exp"))
    system = tiny.system(tiny.conf("espnet"))
    extras = Extras(made, 1, Path("own"), Path("exp"), system.vocabulary)
    cuts, labels = tiny.some_cuts(6), system.collator(train=True)._labels
    first, again, other = extras(cuts, 1, labels).text, extras(cuts[3:4], 1, labels).text, extras(cuts, 2, labels).text
    assert first is not None and again is not None and other is not None
    assert first[3, : again.shape[1]].tolist() == again[0].tolist() and first.tolist() != other.tolist()


def test_text_or_translations_that_are_not_there_are_one_clear_line() -> None:
    with pytest.raises(UsageError, match=r"needs no\.txt"):
        prepare(conf("no.txt"), Path("own"), Path("exp"))
    with pytest.raises(UsageError, match=r"no cut of own/train.jsonl.gz has one into 'en'"):
        prepare(LossConf(cross_entropy=1.0, translation=0.5), Path("own"), Path("exp"))
