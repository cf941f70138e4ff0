import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def step(name: str, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", f"steps.{name}", *arguments], cwd=ROOT, input=given, capture_output=True, check=False
    )


def test_phonemize_writes_sounds_line_by_line() -> None:
    out = step("phonemize", given="ο σιύλλος τζ̆αι\n\nη γάτα wifi\n".encode()).stdout.decode()
    assert out == "ο # ʃ ˈ i lː o s # dʒ e\n\ni # ɣ ˈ a t a # <unk>\n".replace("ο", "o")


def test_phonemize_writes_a_lexicon_in_xsampa() -> None:
    out = step("phonemize", "--lexicon", "--xsampa", given="η γάτα η\n".encode()).stdout.decode()
    assert out == 'η\ti\nγάτα\tG " a t a\n'


def test_phonemize_measures_its_error_rate_against_a_list(tmp_path: Path) -> None:
    listed = tmp_path / "list.tsv"
    listed.write_text("γάτα\tɣ a t a\nνερό\tn e ɾ o\nνερό\tn e ɾ u\nμήλο\tm i l a\n", encoding="utf-8")
    out = step("phonemize", "--dialect", "standard", "--evaluate", str(listed)).stdout.decode()
    assert out.startswith("PER 8.33 % (1 of 12 phones); 2 of 3 words")
    assert "a→o 1" in out


def test_tag_dialect_tags_and_explains_lines() -> None:
    out = step("tag_dialect", given="εν τζ̆αι ξέρω\nδεν ξέρω\nwhat is this\n".encode()).stdout.decode()
    assert [line.split("\t")[0] for line in out.splitlines()] == ["cypriot", "standard", "english"]
    assert "εν:+" in step("tag_dialect", "--explain", given="εν τζ̆αι\n".encode()).stdout.decode()


@pytest.mark.parametrize("name", ["phonemize", "tag_dialect"])
def test_text_that_is_not_utf_8_is_refused_in_one_line(name: str) -> None:
    done = step(name, given="η γάτα\n".encode() + b"\xff\xfe\n")
    assert done.returncode == 2
    assert "line 2" in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("phonemize", ["--evaluate", "/nowhere.tsv"], "/nowhere.tsv is no file"),
        ("tag_dialect", ["--evaluate", "/nowhere"], "no cg_*.txt"),
        ("tag_dialect", ["--fit", "/nowhere", "--more", "klingon=x"], "klingon=x"),
    ],
)
def test_what_is_missing_is_said_in_one_line(name: str, arguments: list[str], said: str) -> None:
    done = step(name, *arguments)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
