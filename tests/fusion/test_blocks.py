"""Lists changed block by block: the same file from one process and from many, and errors that come through."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cyasr.cli import RunError
from cyasr.fusion import blocks
from cyasr.nbest import Hypothesis, Nbest, read_nbest, write_nbest


def shouted(lists: list[Nbest]) -> list[Nbest]:
    for hyp in (hyp for nbest in lists for hyp in nbest.hyps):
        hyp.text = hyp.text.upper()
    return lists


def written(path: Path, count: int, spoilt: int | None = None) -> Path:
    def lists() -> list[Nbest]:
        made = [Nbest(f"u{i}", [Hypothesis(f"λέξη {i}", ["λ"], {"ctc": -1.0 * i}, -1.0 * i)], "toy") for i in range(count)]
        if spoilt is not None:
            made[spoilt].hyps[0].total = float("nan")
        return made

    write_nbest(path, lists())
    return path


@pytest.mark.parametrize("count", [0, 1, 199, 1001])
def test_many_processes_write_what_one_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(blocks, "cores", lambda: 3)
    source = written(tmp_path / "in.gz", count)
    blocks.rewrite(source, tmp_path / "many.gz", shouted, parallel=True)
    blocks.rewrite(source, tmp_path / "one.gz", shouted, parallel=False)
    assert (tmp_path / "many.gz").read_bytes() == (tmp_path / "one.gz").read_bytes()
    assert [one.hyps[0].text for one in read_nbest(tmp_path / "one.gz")] == [f"ΛΈΞΗ {i}" for i in range(count)]


@pytest.mark.parametrize("parallel", [False, True])
def test_what_is_unfit_is_named_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parallel: bool) -> None:
    monkeypatch.setattr(blocks, "cores", lambda: 2)
    source = written(tmp_path / "in.gz", 1001, spoilt=900)
    with pytest.raises(RunError, match=r"in\.gz: utterance u900: score 'total' is no number"):
        blocks.rewrite(source, tmp_path / "out.gz", shouted, parallel)
    whole = source.read_bytes()
    source.write_bytes(gzip.compress(gzip.decompress(whole)[:-40]))
    with pytest.raises(RunError, match=r"in\.gz:1001: damaged"):
        list(read_nbest(source))
    source.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match="damaged"):
        blocks.rewrite(source, tmp_path / "out.gz", shouted, parallel)
    assert [path.name for path in tmp_path.iterdir()] == ["in.gz"]


def test_infinities_are_kept(tmp_path: Path) -> None:
    write_nbest(tmp_path / "a.gz", [Nbest("u", [Hypothesis("α", ["α"], {"ctc": float("-inf")}, -2.0)], "toy")])
    assert next(read_nbest(tmp_path / "a.gz")).hyps[0].scores["ctc"] == float("-inf")
