"""Text in, normalised text out: one line for each line, whatever stands in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "steps.normalize", *arguments], input=given, capture_output=True, cwd=ROOT)


def test_every_line_in_is_a_line_out() -> None:
    given = "Εεε, τζ̌αι [noise] εν’!\n\n...\nέλα\u2028δα\x85ρε\r\nτέλος".encode()
    assert run(given=given).stdout.decode().split("\n") == ["τζ̆αι εν'", "", "", "έλα δα ρε", "τέλος", ""]
    assert run("--profile", "t0", given="Τζ̌αι εν’!\n".encode()).stdout.decode() == "Τζ̆αι εν'!\n"


def test_explain_shows_which_rule_changed_what() -> None:
    rows = run("--explain", given="τζ̌αι [noise] 5\n".encode()).stdout.decode().splitlines()
    assert [row.split("\t") for row in rows] == [
        ["1", "palatal_mark", "τζ̌αι", "τζ̆αι"],
        ["1", "tags", "[noise]", ""],
        ["1", "numbers", "5", "πέντε"],
        ["1", "=", "τζ̌αι [noise] 5", "τζ̆αι πέντε"],
    ]


def test_what_is_not_utf8_is_named_by_its_line() -> None:
    result = run(given="καλά\n".encode() + "καλά\n".encode("iso8859-7"))
    assert result.returncode == 2 and result.stdout.decode() == "καλά\n"
    assert result.stderr.decode().count("\n") == 1 and "line 2" in result.stderr.decode()


def test_an_unknown_profile_is_refused_and_the_signature_is_printed() -> None:
    assert run("--profile", "t9").returncode == 2
    assert run("--signature").stdout.decode().startswith("t1.v2:invisible+nfc+")


def test_a_reader_that_stops_early_is_no_error() -> None:
    command = f"yes 'Έλα δα' | head -n 200000 | {sys.executable} -m steps.normalize | head -n 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, cwd=ROOT)
    assert result.stdout.decode() == "έλα δα\n" and not result.stderr
