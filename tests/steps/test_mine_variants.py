"""Candidates are shown and never taken in by themselves; what a person marked is added, with its source, or refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cyasr.cli import UsageError
from cyasr.files import write_jsonl_gz
from cyasr.score import mining
from cyasr.text.variant_rows import ACCEPTED, read_rows

ROOT = Path(__file__).resolve().parents[2]
REFERENCES = "a εν ξέρω ίντα πράμαν\nb ετζοιμήθηκεν νωρίς που εν να πάει\nc ετζοιμήθηκεν πάλε\n"
HYPOTHESES = "a δεν ξέρω ίντα πράμα\nb ετζιμήθηκεν νωρίς που εννα πάει\nc ετζιμήθηκεν πάλι\n"


def step(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "steps.mine_variants", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mined")
    (folder / "ref.txt").write_text(REFERENCES, encoding="utf-8")
    (folder / "hyp.txt").write_text(HYPOTHESES, encoding="utf-8")
    before = ACCEPTED.read_bytes()
    ran = step("--ref", folder / "ref.txt", "--hyp", folder / "hyp.txt", "--least", "1", "--out", folder / "candidates.tsv")
    assert ran.returncode == 0, ran.stderr
    assert "said alike" in ran.stdout and ACCEPTED.read_bytes() == before
    return folder / "candidates.tsv"


@pytest.fixture
def table(mined: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(mined, tmp_path))


def rows(table: Path) -> dict[tuple[str, str], dict[str, str]]:
    header, *lines = (line.split("\t") for line in table.read_text(encoding="utf-8").splitlines())
    found = [dict(zip(header, cells, strict=True)) for cells in lines]
    return {(row["one"], row["other"]): row for row in found}


def mark(table: Path, one: str, **cells: str) -> None:
    header, *lines = (line.split("\t") for line in table.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line[header.index("one")] == one:
            for column, value in cells.items():
                line[header.index(column)] = value
    table.write_text("".join("\t".join(line) + "\n" for line in [header, *lines]), encoding="utf-8")


def test_candidates_are_counted_with_an_example_and_what_is_known_is_left_out(table: Path) -> None:
    found = rows(table)
    assert set(found) == {("ετζοιμήθηκεν", "ετζιμήθηκεν"), ("πάλε", "πάλι"), ("εν", "δεν")}
    first = found["ετζοιμήθηκεν", "ετζιμήθηκεν"]
    assert (first["times"], first["sound"], first["kind"], first["accept"], first["source"]) == ("2", "same", "fold", "", "")
    assert first["example"].startswith("b: ετζοιμήθηκεν νωρίς")
    assert found["εν", "δεν"]["remark"].startswith("never")


def test_marked_rows_are_added_with_their_source_and_others_are_not(table: Path, tmp_path: Path) -> None:
    into = tmp_path / "variants.tsv"
    mark(table, "ετζοιμήθηκεν", accept="y", source="M. K., 2026-01-05")
    added, left = mining.accept(table, into)
    assert [(row.kind, row.one, row.other, row.source) for row in added] == [
        ("fold", "ετζοιμήθηκεν", "ετζιμήθηκεν", "M. K., 2026-01-05")
    ]
    assert [(row.one, row.other) for row in read_rows(into)] == [("ετζοιμήθηκεν", "ετζιμήθηκεν")] and not left
    again, left = mining.accept(table, into)
    assert not again and "stands already" in left[0] and len(read_rows(into)) == 1


def test_the_negation_is_refused_for_the_copula_and_nothing_is_added(table: Path, tmp_path: Path) -> None:
    mark(table, "πάλε", accept="y", source="M. K.")
    mark(table, "εν", accept="y", source="M. K.")
    for kind in ("fold", "licence"):
        mark(table, "εν", kind=kind)
        with pytest.raises(UsageError, match=r"candidates.tsv:\d+: εν = δεν is refused.*Nothing was added"):
            mining.accept(table, tmp_path / "variants.tsv")
    assert not (tmp_path / "variants.tsv").exists()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"accept": "y"}, "a row needs a rule and a source"),
        ({"accept": "perhaps"}, "accept is 'perhaps'; y takes the row"),
        ({"accept": "y", "source": "me", "kind": "both"}, "kind 'both' is none of"),
    ],
)
def test_a_row_that_cannot_be_added_is_named_by_file_and_line(
    cells: dict[str, str], message: str, table: Path, tmp_path: Path
) -> None:
    mark(table, "πάλε", **cells)
    with pytest.raises(UsageError, match=rf"candidates.tsv:\d+: {message}"):
        mining.accept(table, tmp_path / "variants.tsv")


def test_scores_of_several_systems_are_mined_together(tmp_path: Path) -> None:
    for system in ("one", "two"):
        row = {"id": "u1", "ref": "ετζοιμήθηκεν νωρίς", "hyp": "ετζιμήθηκεν νωρίς"}
        write_jsonl_gz(tmp_path / "exp" / system / "test.utterances.jsonl.gz", [row])
    ran = step("--exp", tmp_path / "exp", "--out", tmp_path / "out.tsv")
    assert ran.returncode == 0, ran.stderr
    found = rows(tmp_path / "out.tsv")["ετζοιμήθηκεν", "ετζιμήθηκεν"]
    assert (found["times"], found["systems"]) == ("2", "2")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either --exp DIR"),
        (["--exp", "nowhere", "--out", "x.tsv"], "no utterances.jsonl.gz below nowhere; run stage 8"),
        (["--accept", "nowhere.tsv"], "nowhere.tsv does not exist"),
        (["--accept", "README.md"], "README.md:1: no column accept"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(arguments: list[str], message: str) -> None:
    ran = step(*arguments)
    assert ran.returncode == 2 and message in ran.stderr and ran.stderr.count("\n") == 1
