"""The HTML report: what it shows, that it needs nothing from elsewhere, and that a browser can use it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import steps.report
from cyasr.cli import UsageError
from cyasr.files import write_json, write_jsonl_gz, write_text
from cyasr.report.page import svg
from cyasr.report.page.rows import columns, read_rows
from cyasr.report.page.training import training_loss
from tests.conftest import ROOT
from tests.report.browser import Browser, chromium

PAGE = Path("exp/report.html")
EVIL = "<script>document.title='taken'</script>\"'&"
INTERVAL = {"low": 5.0, "high": 15.0, "note": "within these speakers"}


def row(name: str, ref: str, hyp: str, ops: str, **rest: Any) -> dict[str, Any]:
    counts = {
        key: ops.count(op) for key, op in (("correct", "C"), ("substitutions", "S"), ("deletions", "D"), ("insertions", "I"))
    }
    words = {"words": len(ref.split()), "fold_errors": 0, "lenient_errors": 0, "duration": 0.5}
    return {"id": name, "speaker": "s1", "dialect": "cypriot", "ref": ref, "hyp": hyp, "ops": ops} | words | counts | rest


ROWS = [
    row("u1", "ένα δύο τρία σ̆ύλλος", "ένα και σ̌ύλλος", "CSDS"),
    row("u2", "τζ̆αι", "τζ̆αι ναι", "CI", speaker="s2", dialect="standard"),
    row("u3", "τέσσερα", "τέσσερα", "C", speaker="s2"),
]


def scored(decode: str, rows: list[dict[str, Any]], wer: float, system: str = "train_a", name: str = "toy", **more: Any) -> Path:
    """exp/<name>/<system>/<decode>/ with a test score and its rows."""
    folder = Path("exp") / name / system / decode
    ladder = {
        rung: {"wer": wer * part, "errors": 1, "interval": INTERVAL}
        for rung, part in (("strict", 1), ("fold", 0.8), ("lenient", 0.5))
    }
    used = {"distinct": 1, "times": 3, "top": [{"ref": "δύο", "hyp": "δκυο", "rules": "numbers", "times": 3}]}
    group = {"utterances": 1, "words": 3, "wer": wer, "interval": INTERVAL}
    by = {"dialect": {"cypriot": group, "standard": group}, "speaker": {"s1": group, "s2": group}, "domain": {"unknown": group}}
    features = {"features": {"final_nu": {"tokens": 7, "error_rate": 28.5, "loss_rate": 14.25}}}
    confusions = {"words": {"substitutions": [["δύο", "δκυο", 4]], "deletions": [["τρία", 2]], "insertions": []}}
    score = {"system": "espnet", "wer": wer, "cer": 2.0, "interval": INTERVAL, "ladder": ladder, "variants_used": used, "by": by}
    score |= {"features": features, "confusions": confusions}
    write_json(folder / "test.score.json", score | more)
    write_jsonl_gz(folder / "test.utterances.jsonl.gz", rows)
    write_jsonl_gz(folder / "test.nbest.jsonl.gz", [])
    write_json(folder / "test.score.json", score | more)  # no older than its list
    return folder


def speech(name: str, rows: list[dict[str, Any]]) -> None:
    """data/<name>/test.jsonl.gz and the audio of its cuts."""
    cuts = []
    for one in rows:
        path = Path("data") / name / "wav" / f"{one['id']}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.3 * np.sin(np.arange(8000) / 5), 16_000)
        source = {"type": "file", "channels": [0], "source": str(path)}
        recording = {"id": one["id"], "sources": [source], "sampling_rate": 16_000, "num_samples": 8000, "duration": 0.5}
        supervision = {
            "id": one["id"],
            "recording_id": one["id"],
            "start": 0.0,
            "duration": 0.5,
            "channel": 0,
            "text": one["ref"],
        }
        cut = {
            "id": one["id"],
            "start": 0.0,
            "duration": 0.5,
            "channel": 0,
            "supervisions": [supervision],
            "recording": recording,
        }
        cuts.append(cut | {"custom": {"licence": "CC0-1.0"}, "type": "MonoCut"})
    write_jsonl_gz(Path("data") / name / "test.jsonl.gz", cuts)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two decodes of one system, with audio, in the working directory."""
    monkeypatch.chdir(tmp_path)
    speech("toy", ROWS)
    evaluations = [{"step": 10 * i, "epoch": float(i), "loss": 9.0 / i, "error_rate": 0.9 / i} for i in (1, 2, 3)]
    write_json(
        Path("exp/toy/train_a/run.json"), {"system": "espnet", "status": "finished", "seconds": 60, "evaluations": evaluations}
    )
    write_text(Path("exp/toy/train_a/train.log"), "10:00:00 epoch 0.50/3 step 5 loss 12.5 lr 0.1\n")
    scored("decode_joint", ROWS, 50.0)
    scored("decode_greedy", [ROWS[0], ROWS[1] | {"hyp": "και", "ops": "S"}, ROWS[2]], 60.0)
    paper = "{system: Whisper, test: T, metric: WER %, value: '9.9', source: a paper, mark: V, why: other text}"
    write_text(Path("conf/papers.yaml"), f"papers:\n- {paper}\n")
    return tmp_path


def report(*options: str) -> str:
    """Run steps.report here; what it prints."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setattr(sys, "argv", ["report", "--out", "egs/toy/RESULTS.md", "--html", str(PAGE), *options])
        steps.report.main()
    return printed.getvalue()


def page(*options: str) -> str:
    report(*options)
    return PAGE.read_text(encoding="utf-8")


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html[html.index("<body>") : html.index("<script>")]).split())


def test_results_ladder_groups_training_utterances_and_papers_are_all_there(toy: Path) -> None:
    text = text_of(page())
    assert "50.00 [5.00, 15.00]†" in text and "decode_greedy" in text
    assert "50.00 ≥ 40.00 ≥ 25.00" in text and "δκυο numbers 3" in text
    assert "WER by dialect" in text and "WER by speaker" in text and "WER by domain" not in text
    assert "έκαμεν 7 28.50 (14.25 lost)" in text and "δύο δκυο 4" in text and "τρία 2" in text
    assert "lowest dev error rate 30.00 % at epoch 3" in text
    assert "Most word errors" in text.replace("most word", "Most word") and "drawn at random" in text
    assert "Whisper T WER % 9.9 no: other text a paper" in text


def test_two_systems_are_compared_on_the_same_utterances(toy: Path) -> None:
    text = text_of(page())
    assert "Are they different?" in text and "no difference shown" in text
    scored("decode_greedy", ROWS[:1], 60.0)
    assert "Test results are not compared" in text_of(page())


def test_substitutions_deletions_and_insertions_are_marked_by_letters_too(toy: Path) -> None:
    text = text_of(page())
    assert "ένα ένα δύο και S τρία ∅ D σ̆ύλλος σ̌ύλλος S≈" in text
    assert "τζ̆αι τζ̆αι ∅ ναι I" in text


def test_nothing_on_the_page_comes_from_elsewhere(toy: Path) -> None:
    html = page()
    assert "default-src 'none'" in html
    assert not re.findall(r"https?:|url\(|@import|<link(?! rel=\"icon\" href=\"data:,\")", html)
    assert all(value.startswith(("data:", "#")) for value in re.findall(r"\b(?:src|href)=\"([^\"]*)", html))


def test_names_and_texts_from_files_are_shown_and_never_run(toy: Path) -> None:
    folder = scored("decode_joint", [row("u1", f"{EVIL} a", EVIL, "CD", speaker=EVIL, dialect=EVIL), ROWS[1]], 50.0)
    scored(f"decode_{EVIL.replace('/', '')}", ROWS, 55.0)
    write_json(Path("exp/toy/train_b/run.json"), {"status": "failed", "message": EVIL})
    write_text(
        Path("conf/papers.yaml"),
        f"papers:\n- {json.dumps({'system': EVIL, 'test': 'T', 'metric': 'W', 'value': '1', 'source': EVIL, 'mark': 'V'})}\n",
    )
    html = page()
    assert folder.is_dir()
    assert html.count("<script>") == 1 and "document.title" in html and "&lt;script&gt;" in html


def test_the_draw_is_by_seed_and_id_and_not_by_the_order_of_the_file(tmp_path: Path) -> None:
    rows = [row(f"u{i}", "ναι", "ναι", "C") for i in range(500)]

    def drawn(seed: int, listed: list[dict[str, Any]]) -> set[str]:
        write_jsonl_gz(tmp_path / "rows.jsonl.gz", listed)
        return {one["id"] for one in read_rows(tmp_path / "rows.jsonl.gz", 5, 20, seed).drawn}

    first = drawn(0, rows)
    assert len(first) == 20
    assert drawn(0, random.Random(1).sample(rows, len(rows))) == first != drawn(1, rows)


def test_the_worst_utterances_are_those_of_most_errors_and_none_without(tmp_path: Path) -> None:
    rows = [row(f"u{i}", " ".join("α" * n), "", "D" * n) for i, n in enumerate((1, 5, 0, 3, 5))]
    write_jsonl_gz(tmp_path / "rows.jsonl.gz", rows)
    assert [one["id"] for one in read_rows(tmp_path / "rows.jsonl.gz", 10, 0, 0).worst] == ["u1", "u4", "u3", "u0"]
    assert [one["id"] for one in read_rows(tmp_path / "rows.jsonl.gz", 2, 0, 0).worst] == ["u1", "u4"]


def test_an_alignment_that_does_not_fit_its_texts_is_not_shown() -> None:
    assert [one.op for one in columns(ROWS[0]) or []] == ["C", "S", "D", "V"]
    for ops in ("CCDS", "CSDDS", "CSD", "CSDSX", "", None):
        assert columns(ROWS[0] | {"ops": ops}) is None


def test_every_clip_is_ogg_opus_and_their_total_stays_below_the_cap(toy: Path) -> None:
    clips = re.findall(r"src=\"(data:audio/ogg;base64,[^\"]+)", page())
    assert len(clips) == 5 and all(len(one) < 12_000 for one in clips)
    size = len(clips[0])
    html = page("--audio-mb", str(1.5 * size / 1e6))
    assert 1 <= len(set(re.findall(r"src=\"(data:audio/ogg[^\"]+)", html))) < 3
    assert "the page would grow too large" in html
    assert "data:audio" not in page("--audio-mb", "0")


def test_absent_or_broken_audio_and_manifests_leave_the_page_without_players(toy: Path) -> None:
    Path("data/toy/wav/u1.wav").unlink()
    Path("data/toy/wav/u2.wav").write_bytes(b"no audio")
    html = page()
    assert "audio is not here" in html and "audio cannot be read" in html and "data:audio" in html
    Path("data/toy/test.jsonl.gz").unlink()
    html = page()
    assert "data:audio" not in html and "ένα" in html


def test_rows_without_alignment_or_none_at_all_leave_the_rest(toy: Path) -> None:
    old = [{key: value for key, value in one.items() if key not in ("ref", "hyp", "ops")} for one in ROWS]
    scored("decode_joint", old, 50.0)
    text = text_of(page())
    assert "drawn at random" not in text and "WER by speaker" in text
    Path("exp/toy/train_a/decode_joint/test.utterances.jsonl.gz").unlink()
    Path("exp/toy/train_a/decode_greedy/test.utterances.jsonl.gz").write_bytes(b"no gzip")
    assert "decode_joint" in text_of(page())


def test_folds_are_pooled_with_audio_from_each_folds_cuts(toy: Path) -> None:
    for fold, one in (("a", ROWS[0]), ("b", ROWS[1])):
        speech(f"digits/{fold}", [one])
        write_json(Path(f"exp/digits/{fold}/train_a/run.json"), {"status": "finished"})
        scored("decode_joint", [one], 50.0, name=f"digits/{fold}")
    scored("decode_joint", ROWS[:2], 50.0, name="digits", folds={"a": {}, "b": {}}, folds_missing=[])
    html = page()
    digits = html[html.index(">digits</h2>") : html.index(">toy</h2>")]
    assert digits.count("<audio") == 4 and "2 folds pooled" in digits and "fold by fold" in digits


def test_an_unchanged_page_stands_and_a_changed_score_makes_it_anew(toy: Path) -> None:
    assert "exp/report.html: 2 results, 5 utterances" in report()
    before = PAGE.stat().st_mtime_ns
    assert "exp/report.html is up to date" in report()
    assert PAGE.stat().st_mtime_ns == before
    scored("decode_joint", ROWS, 40.0)
    assert "is up to date" not in report().splitlines()[-1] and "40.00" in PAGE.read_text(encoding="utf-8")
    write_json(Path("exp/toy/train_b/run.json"), {"status": "failed", "message": "disk full"})
    assert "disk full" in page()


def test_looking_whether_the_page_stands_loads_no_toolkit(toy: Path) -> None:
    report()
    code = "import sys; sys.argv = ['', '--out', 'R.md', '--html', 'exp/report.html']; from steps import report; report.main()\n"
    code += "print(sorted({'torch', 'lhotse', 'jinja2', 'soundfile'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_empty_exp_makes_a_page_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "There is no run under exp/ yet." in page()


def test_negative_numbers_are_refused_in_one_line(toy: Path) -> None:
    with pytest.raises(UsageError, match="expected 0 or more"):
        report("--utterances", "-1")


def test_a_resumed_runs_repeated_steps_count_once_and_no_loss_is_no_point(tmp_path: Path) -> None:
    steps = [(10, "3.0"), (20, "2.0"), (30, "nan"), (40, "9.0"), (20, "2.5"), (30, "1.5")]
    lines = [f"10:00:00 epoch {step / 10:.2f}/5 step {step} loss {loss} lr 0.1" for step, loss in steps]
    write_text(tmp_path / "train.log", "\n".join([*lines[:3], "10:00:00 epoch 3.00 step 30 dev loss 1.0", *lines[3:]]) + "\n")
    assert training_loss(tmp_path / "train.log") == [(1.0, 3.0), (2.0, 2.5), (3.0, 1.5)]


def test_every_dot_and_interval_lies_within_its_plot() -> None:
    draw = random.Random(3)
    for _ in range(200):
        top = 10 ** draw.uniform(-3, 4)
        values = sorted(draw.uniform(0, top) for _ in range(3))
        dots = [svg.Dot(draw.randrange(9), values[1], values[0], values[2], "t")]
        drawing = svg.dot_plot([svg.Row("label", [], dots)], "title", "WER %")
        drawn = re.findall(r'class="range" x1="([0-9.]+)" x2="([0-9.]+)".*?translate\(([0-9.]+) ', drawing)
        low, high, at = map(float, drawn[0])
        assert svg.LABEL <= low <= at <= high <= svg.WIDTH
        assert 2 <= drawing.count('class="tick"') <= 8


@pytest.fixture
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium here: the page is not tried in a browser")
    with Browser(program, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


HEADS = "Array.from(document.querySelectorAll('main table')[0].tHead.rows[0].cells)"


def column(browser: Browser, head: str) -> list[str]:
    at = f"{HEADS}.findIndex(cell => cell.textContent === '{head}')"
    rows = "Array.from(document.querySelectorAll('main table')[0].tBodies[0].rows)"
    return list(browser.evaluate(f"{rows}.filter(row => !row.hidden).map(row => row.cells[{at}].textContent.trim())"))


def click(browser: Browser, head: str) -> None:
    browser.evaluate(f"{HEADS}.find(cell => cell.textContent === '{head}').querySelector('button').click()")


def test_in_chromium_the_page_opens_without_complaint_and_asks_for_nothing(toy: Path, browser: Browser) -> None:
    scored("decode_joint", [row("u1", f"{EVIL} a", EVIL, "CD", speaker=EVIL), ROWS[1]], 50.0)
    report()
    browser.open(PAGE)
    assert browser.complaints() == []
    assert browser.requests() == [PAGE.resolve().as_uri()]
    assert browser.evaluate("document.title").startswith("Speech recognition results: toy")
    assert EVIL in browser.evaluate("document.querySelector('main').textContent")
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_in_chromium_a_click_sorts_by_number_and_what_has_none_comes_last(toy: Path, browser: Browser) -> None:
    scored("decode_b", ROWS, 9.5)
    write_json(Path("exp/toy/train_c/run.json"), {"status": "failed", "message": "disk full"})
    report()
    browser.open(PAGE)
    head = "WER % [95 %]"
    click(browser, head)
    assert [cell.split()[0] for cell in column(browser, head)] == ["9.50", "50.00", "60.00", "–"]
    click(browser, head)
    assert [cell.split()[0] for cell in column(browser, head)] == ["60.00", "50.00", "9.50", "–"]
    click(browser, "Decode")
    assert column(browser, "Decode") == ["decode_b", "decode_greedy", "decode_joint", "–"]
    assert browser.evaluate(f"{HEADS}.filter(cell => cell.ariaSort).length") == 1


def test_in_chromium_a_split_can_be_chosen(toy: Path, browser: Browser) -> None:
    folder = scored("decode_joint", ROWS, 50.0)
    for name in ("nbest.jsonl.gz", "score.json"):
        (folder / f"dev.{name}").write_bytes((folder / f"test.{name}").read_bytes())
    report()
    browser.open(PAGE)
    assert set(column(browser, "Split")) == {"test"}
    browser.evaluate("Array.from(document.querySelectorAll('.filter button')).find(one => one.textContent === 'dev').click()")
    assert set(column(browser, "Split")) == {"dev"}


def test_in_chromium_the_audio_plays(toy: Path, browser: Browser) -> None:
    report()
    browser.open(PAGE)
    play = "const a = document.querySelector('audio'); await a.play(); await new Promise(r => a.onended = r);"
    seconds = browser.evaluate(f"(async () => {{ {play} return a.currentTime }})()")
    assert seconds == pytest.approx(0.5, abs=0.25)
    assert browser.complaints() == []
