"""Stage 2 as a user runs it: a stranger's adapter and conf, bad audio, leaks, kills."""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from cyasr.lock import Lock

ROOT = Path(__file__).resolve().parents[2]
ADAPTER = '''
"""A corpus of our own: wav/*.wav and table.tsv with columns file, text, speaker, split."""
from cyasr.cli import run
from cyasr.data.corpus import Reject, Utterance, main
from cyasr.data.tables import read_table


def prepare(corpus_dir, raw, conf):
    for row in read_table(corpus_dir / "table.tsv", ["file", "text", "speaker", "split"]):
        if isinstance(row, Reject):
            yield row
            continue
        audio = corpus_dir / "wav" / row["file"]
        yield Utterance(audio.stem, audio, row["text"], row["speaker"] or None, row.where, split=row["split"] or None)


if __name__ == "__main__":
    run(lambda: main(prepare, get="Own: make it.", audio="wav/*.wav"))
'''
SENTENCES = ["Εν να πάμεν στην θάλασσαν αύριον.", "Τζ\u030cαι ’γόρασα [noise] τέσσερα αυκά, ρε!", "Ναι", "όι, εν ηξέρω"]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A repository with the adapter and 24 utterances of 4 speakers, half of them at 8 kHz. Returns the table's rows."""
    monkeypatch.chdir(tmp_path)
    for folder in ("local", "conf", "corpus/wav"):
        Path(folder).mkdir(parents=True)
    Path("local/__init__.py").touch()
    Path("local/data_own.py").write_text(ADAPTER)
    rows = [["file", "text", "speaker", "split"]]
    random = np.random.default_rng(0)
    for number in range(24):
        split = ("train", "train", "dev", "test")[number % 4]
        rows.append([f"u{number:02}.wav", SENTENCES[number % 4 if number < 20 else 0], f"s{number % 4}", split])
        rate = 8000 if number % 2 else 16000
        soundfile.write(f"corpus/wav/{rows[-1][0]}", random.uniform(-0.2, 0.2, int(rate * (1 + number / 17))), rate)
    return rows


def write_table(rows: list[list[str]]) -> None:
    Path("corpus/table.tsv").write_text("\n".join("\t".join(row) for row in rows) + "\n", encoding="utf-8")


def call(module: str, *arguments: str, conf: str = "own") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, "--conf", f"conf/data_{conf}.yaml", *arguments]
    environment = os.environ | {"PYTHONPATH": f"{Path.cwd()}:{ROOT}"}
    return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=60)


def prepare(rows: list[list[str]], **keys: Any) -> subprocess.CompletedProcess[str]:
    write_table(rows)
    lines = {"corpus": "own", "licence": "CC0-1.0", "language": "el-CY", "dialect": "cypriot"} | keys
    Path("conf/data_own.yaml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return call("local.data_own", "--corpus-dir", "corpus")


def complaints(made: subprocess.CompletedProcess[str]) -> int:
    """Lines on standard error, without those on progress."""
    return sum(" a second" not in line for line in made.stderr.splitlines())


def cuts(split: str, data: str = "data/own") -> list[dict[str, Any]]:
    with gzip.open(f"{data}/{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def rejects(path: str = "data/own/rejects.tsv") -> dict[str, str]:
    with open(path, encoding="utf-8", newline="") as rows:
        return {row["id"]: row["reason"] for row in csv.DictReader(rows, delimiter="\t")}


def products() -> dict[str, bytes]:
    names = ("train.jsonl.gz", "dev.jsonl.gz", "test.jsonl.gz", "rejects.tsv", "report.json", "conf.yaml")
    return {name: Path("data/own", name).read_bytes() for name in names}


def test_a_strangers_corpus_becomes_cuts_that_lhotse_loads_at_16_khz(corpus: list[list[str]]) -> None:
    from lhotse import CutSet
    from lhotse.qa import validate

    made = prepare(corpus)
    assert made.returncode == 0, made.stderr
    made = call("steps.make_cuts")
    assert made.returncode == 0, made.stderr
    assert "24 in = train 12" in made.stdout and "+ 0 rejects" in made.stdout
    loaded = CutSet.from_file("data/own/train.jsonl.gz")
    assert loaded.is_lazy
    validate(loaded)
    for cut in loaded:
        audio = cut.load_audio()
        number = int(cut.id[1:])
        assert cut.sampling_rate == 16000 and audio.shape == (1, cut.num_samples)
        assert cut.duration == pytest.approx(1 + number / 17, abs=1e-3)
        assert (cut.custom.get("telephone") is True) == (number % 2 == 1)
        custom = cut.supervisions[0].custom
        assert custom["text_raw"] == corpus[number + 1][1] and custom["split_source"] == "official"
        for key, value in [
            ("corpus", "own"),
            ("licence", "CC0-1.0"),
            ("dialect", "cypriot"),
            ("label", "gold"),
            ("split", "train"),
        ]:
            assert cut.custom[key] == custom[key] == value
    assert cuts("train")[1]["supervisions"][0]["text"] == "τζ\u0306αι 'γόρασα τέσσερα αυκά ρε"
    report = json.loads(Path("data/own/report.json").read_text())
    assert report["sampling_rates"] == {"8000": 12, "16000": 12}
    assert report["splits"]["train"]["speakers"] == 2 and report["overlap"]["speakers"]["train-test"]["shared"] == 0
    assert report["overlap"]["sentences"]["train-dev"] == {"shared": 1, "examples": ["εν να πάμεν στην θάλασσαν αύριον"]}


def test_unusable_audio_and_text_are_listed_and_in_equals_out_plus_rejects(corpus: list[list[str]]) -> None:
    wav = Path("corpus/wav")
    truncated = wav / "u00.wav"
    truncated.write_bytes(truncated.read_bytes()[:-9000])
    flac = wav / "u01.flac"
    soundfile.write(flac, soundfile.read(wav / "u01.wav")[0], 8000)
    flac.write_bytes(flac.read_bytes()[:4000])
    (wav / "u01.wav").unlink()
    corpus[2][0] = "u01.flac"
    lying = bytearray((wav / "u02.wav").read_bytes())
    lying[40:44] = struct.pack("<I", 10_000_000)
    (wav / "u02.wav").write_bytes(lying)
    soundfile.write(wav / "u03.wav", np.zeros(16000), 16000)
    soundfile.write(wav / "u04.wav", np.full(16000, np.nan), 16000, subtype="FLOAT")
    soundfile.write(wav / "u05.wav", np.random.default_rng(1).uniform(-0.1, 0.1, 31 * 8000), 8000)
    soundfile.write(wav / "u06.wav", np.random.default_rng(2).uniform(-0.1, 0.1, 800), 16000)
    corpus[8][1] = "[noise]"  # u07
    corpus[9][1] = "τόσα πολλά λόγια σε τόσο λλίον " * 20  # u08
    assert prepare(corpus, max_reject_rate=0.5, min_seconds=0.2).returncode == 0
    made = call("steps.make_cuts")
    assert made.returncode == 0, made.stderr
    first = {identity: reason.partition(":")[0] for identity, reason in rejects("data/own/raw/rejects.tsv").items()}
    assert first == {"u00": "truncated", "u01": "truncated", "u02": "truncated"}
    reasons = {identity: reason.partition(":")[0] for identity, reason in rejects().items()}
    assert reasons == {
        "u03": "digital silence",
        "u04": "samples that are no numbers",
        "u05": "too long",
        "u06": "too short",
        "u07": "nothing left of the transcript after normalisation",
        "u08": "too fast",
    }
    report = json.loads(Path("data/own/report.json").read_text())
    kept = sum(len(cuts(split)) for split in ("train", "dev", "test"))
    assert kept + sum(report["rejected"].values()) == report["utterances_in"] == 24 - len(first)


def test_too_many_rejects_stop_stage_2_with_one_line_and_leave_no_cuts(corpus: list[list[str]]) -> None:
    prepare(corpus, max_reject_rate=0.1, min_seconds=1.5)
    made = call("steps.make_cuts")
    assert made.returncode == 1 and complaints(made) == 1
    assert "9 of 24 rejected, more than max_reject_rate 0.1 allows: u00" in made.stderr
    assert sorted(path.name for path in Path("data/own").glob("[!.]*")) == ["raw", "rejects.tsv"]


@pytest.mark.parametrize(
    ("column", "value", "keys", "status", "message"),
    [
        (2, "only", {"split": "speakers"}, 2, "own: split: speakers needs three speakers at least, this corpus names 1"),
        (3, "train", {}, 2, "data/own: dev would be empty (split: official, 24 utterances, 0 of them in no split, 0 rejected)"),
        (3, "", {"split": "given"}, 2, "data/own: train would be empty"),
        (2, "same", {"split": "given"}, 1, "data/own: train and dev share 1 speakers (same)"),
        (2, "", {"split": "folds"}, 2, "this corpus names 0"),
    ],
)
def test_a_split_that_cannot_be_is_one_clear_line(
    corpus: list[list[str]], column: int, value: str, keys: dict[str, str], status: int, message: str
) -> None:
    for row in corpus[1:]:
        row[column] = value
    assert prepare(corpus, **keys).returncode == 0
    made = call("steps.make_cuts")
    assert made.returncode == status and message in made.stderr and complaints(made) == 1
    assert not list(Path("data").glob("own/*.jsonl.gz"))


def test_our_own_split_takes_no_audio_twice(corpus: list[list[str]]) -> None:
    copy = Path("corpus/wav/u03.wav")
    copy.write_bytes(Path("corpus/wav/u00.wav").read_bytes())
    prepare(corpus, split="speakers", seed=3)
    assert call("steps.make_cuts").returncode == 0
    assert list(rejects().items()) == [("u03", "duplicate audio: another recording before it has the same samples")]
    prepare(corpus, split="official")
    assert call("steps.make_cuts").returncode == 0
    report = json.loads(Path("data/own/report.json").read_text())
    assert report["overlap"]["audio"]["train-test"]["shared"] == 1


def test_folds_are_listed_and_hold_every_utterance_once_in_test(corpus: list[list[str]]) -> None:
    prepare(corpus, split="folds")
    names = call("steps.make_cuts", "--list-sets").stdout.split()
    assert names == ["own/s0", "own/s1", "own/s2", "own/s3"]
    assert call("steps.make_cuts").returncode == 0
    tested = [cut["id"] for name in names for cut in cuts("test", f"data/{name}")]
    assert sorted(tested) == [f"u{number:02}" for number in range(24)]
    for name in names:
        speakers = [
            {cut["supervisions"][0]["speaker"] for cut in cuts(split, f"data/{name}")} for split in ("train", "dev", "test")
        ]
        assert sum(map(len, speakers)) == len(set.union(*speakers)) == 4
        assert Path(f"data/{name}/conf.yaml").is_file() and Path(f"data/{name}/rejects.tsv").is_file()


def test_an_unchanged_set_is_skipped_and_a_changed_conf_or_corpus_rebuilds_it(corpus: list[list[str]]) -> None:
    prepare(corpus)
    call("steps.make_cuts")
    assert call("steps.make_cuts").stdout == "steps.make_cuts: data/own is up to date\n"
    prepare(corpus, min_seconds=0.3)
    assert "is rebuilt: changed: min_seconds" in call("steps.make_cuts").stdout
    prepare(corpus[:-1], min_seconds=0.3)
    Path("corpus/wav/u23.wav").unlink()
    assert call("local.data_own").returncode == 0
    made = call("steps.make_cuts")
    assert "is rebuilt: data/own/raw/" in made.stdout and "23 in = " in made.stdout


def test_without_stage_1_the_step_says_what_to_run(corpus: list[list[str]]) -> None:
    Path("conf/data_own.yaml").write_text("corpus: own\nlicence: CC0-1.0\nlanguage: el\n")
    made = call("steps.make_cuts")
    assert made.returncode == 2 and "data/own/raw/summary.json does not exist" in made.stderr


def test_killed_at_any_moment_and_run_again_it_makes_the_same_bytes(corpus: list[list[str]]) -> None:
    prepare(corpus)
    call("steps.make_cuts")
    expected = products()
    started = time.monotonic()
    Path("data/own/.stamp.json").unlink()
    call("steps.make_cuts")
    whole = time.monotonic() - started
    environment = os.environ | {"PYTHONPATH": f"{Path.cwd()}:{ROOT}"}
    for moment in (0.5, 0.75, 0.9, 1.0):
        Path("data/own/.stamp.json").unlink(missing_ok=True)
        step = subprocess.Popen(
            [sys.executable, "-m", "steps.make_cuts", "--conf", "conf/data_own.yaml"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(whole * moment)
        step.send_signal(signal.SIGKILL)
        step.wait()
        for path in Path("data/own").glob("*.jsonl.gz"):
            gzip.decompress(path.read_bytes())  # whole or absent
        assert call("steps.make_cuts").returncode == 0
        assert products() == expected
        assert not list(Path("data/own").glob(".*.tmp"))


def test_two_runs_on_one_set_are_refused(corpus: list[list[str]]) -> None:
    prepare(corpus)
    with Lock(Path("data/own")):
        made = call("steps.make_cuts")
    assert made.returncode == 2 and f"data/own is in use by process {os.getpid()}" in made.stderr


def test_two_confs_may_share_one_raw_corpus(corpus: list[list[str]]) -> None:
    prepare(corpus)
    Path("conf/data_other.yaml").write_text("base: data_own.yaml\nraw_from: own\nsplit: speakers\n")
    shared = call("local.data_own", conf="other")
    assert shared.stdout == "local.data_own: data/own/raw is up to date\n"
    assert call("steps.make_cuts", conf="other").returncode == 0
    assert Path("data/other/test.jsonl.gz").is_file() and not Path("data/other/raw").exists()


def test_decode_takes_so_many_files_always_the_same_and_says_how_the_others_were_checked(corpus: list[list[str]]) -> None:
    copy = Path("corpus/wav/u03.wav")
    copy.write_bytes(Path("corpus/wav/u00.wav").read_bytes())
    cut_off = Path("corpus/wav/u05.wav")
    cut_off.write_bytes(cut_off.read_bytes()[:-100])
    assert prepare(corpus, decode=4, split="speakers", max_reject_rate=0.1).returncode == 0
    assert rejects("data/own/raw/rejects.tsv") == {"u05": "truncated: claims 10352 samples, has 10302"}
    seen = []
    for _ in range(2):
        Path("data/own/.stamp.json").unlink(missing_ok=True)
        made = call("steps.make_cuts")
        assert made.returncode == 0, made.stderr
        assert "4 of 23 audio files decoded, 0 of them unusable; of the others header, ends and size" in made.stdout
        report = json.loads(Path("data/own/report.json").read_text())
        seen.append((report["audio"], products()["train.jsonl.gz"]))
    assert seen[0] == seen[1]
    assert seen[0][0] == {"files": 23, "decoded": 4, "unusable": 0, "digest": "size and 8 KB from the middle of each file"}
    assert set(rejects()) == {"u03"}


def test_where_too_many_of_the_decoded_files_are_unusable_the_others_are_not_believed(corpus: list[list[str]]) -> None:
    for number in range(24):
        soundfile.write(f"corpus/wav/u{number:02}.wav", np.zeros(8000), 8000)
    prepare(corpus, decode=4, max_reject_rate=0.9)
    made = call("steps.make_cuts")
    assert made.returncode == 1 and "4 of the 4 audio files that were decoded are unusable" in made.stderr
    assert not list(Path("data").glob("own/*.jsonl.gz"))


TEXTS = """
from cyasr.cli import run
from cyasr.data.corpus import Utterance, main


def prepare(corpus_dir, raw, conf):
    for number, line in enumerate((corpus_dir / "lines.txt").read_text().splitlines(), 1):
        audio = corpus_dir / "wav" / line[1:] if line.startswith("@") else None
        text = "" if conf.label == "none" else "ναι" if audio else line
        yield Utterance(f"t{number}", audio, text, "s", f"lines.txt:{number}", translation=None if audio else {"en": "yes"})


if __name__ == "__main__":
    run(lambda: main(prepare, get="Own: make it."))
"""


def prepare_lines(lines: list[str], **keys: Any) -> subprocess.CompletedProcess[str]:
    Path("local/data_lines.py").write_text(TEXTS)
    Path("corpus/lines.txt").write_text("\n".join(lines) + "\n")
    keys = {"corpus": "lines", "licence": "CC-BY-4.0", "language": "el-CY", "dialect": "cypriot", "split": "train"} | keys
    Path("conf/data_lines.yaml").write_text("".join(f"{key}: {value}\n" for key, value in keys.items()))
    made = call("local.data_lines", "--corpus-dir", "corpus", conf="lines")
    return call("steps.make_cuts", conf="lines") if made.returncode == 0 else made


def test_utterances_without_audio_become_texts_that_language_models_read(corpus: list[list[str]]) -> None:
    from cyasr.lm.text import Source, cut_texts

    made = prepare_lines(["Τζ\u030cαι ’γόρασα τέσσερα αυκά!", "", "[noise]", "Ναι."], max_reject_rate=0.5)
    assert made.returncode == 0, made.stderr
    assert "3 in = 2 texts (5 words) + 1 rejects" in made.stdout
    source = Source(Path("data/lines/text.jsonl.gz"), [])
    assert [text for _, text in cut_texts(source)] == ["τζ\u0306αι 'γόρασα τέσσερα αυκά", "ναι"]
    assert source.licences == ["CC-BY-4.0"]
    [first, _] = cuts("text", "data/lines")
    custom = first["supervisions"][0]["custom"]
    assert custom["text_raw"] == "Τζ\u030cαι ’γόρασα τέσσερα αυκά!" and custom["translation"] == {"en": "yes"}
    assert sorted(path.name for path in Path("data/lines").glob("[!.]*")) == [
        *("conf.yaml", "raw", "rejects.tsv", "report.json", "text.jsonl.gz"),
    ]
    report = json.loads(Path("data/lines/report.json").read_text())
    assert report["texts_in"] == 3 == report["text"]["utterances"] + sum(report["rejected"].values())
    assert call("steps.make_cuts", conf="lines").stdout == "steps.make_cuts: data/lines is up to date\n"


def test_texts_beside_audio_stand_in_a_file_of_their_own_and_go_when_they_are_gone(corpus: list[list[str]]) -> None:
    made = prepare_lines(["Ναι.", "@u00.wav", "@u01.wav", "όι"])
    assert made.returncode == 0, made.stderr
    assert len(cuts("train", "data/lines")) == len(cuts("text", "data/lines")) == 2
    assert json.loads(Path("data/lines/report.json").read_text())["utterances_in"] == 2
    assert json.loads(Path("data/lines/text.report.json").read_text())["texts_in"] == 2
    assert prepare_lines(["@u00.wav", "@u01.wav"]).returncode == 0
    assert not Path("data/lines/text.jsonl.gz").exists()


def test_audio_without_transcripts_is_for_training_only(corpus: list[list[str]]) -> None:
    made = prepare_lines([f"@u{number:02}.wav" for number in range(20)], label="none")
    assert made.returncode == 0, made.stderr
    assert len(cuts("train", "data/lines")) == 20 and not cuts("dev", "data/lines") and not cuts("test", "data/lines")
    assert {cut["supervisions"][0]["text"] for cut in cuts("train", "data/lines")} == {""}
    refused = prepare_lines(["@u00.wav"], label="none", split="speakers")
    assert refused.returncode == 2 and "label: none needs split: train" in refused.stderr


def test_expected_rejects_are_listed_and_do_not_count_as_too_many(corpus: list[list[str]]) -> None:
    keys = {"max_reject_rate": 0.1, "min_seconds": 1.5}
    prepare(corpus, **keys)
    assert call("steps.make_cuts").returncode == 1
    prepare(corpus, expected="[too short]", **keys)
    made = call("steps.make_cuts")
    assert made.returncode == 0 and "+ 9 rejects" in made.stdout, made.stderr
    assert {reason.partition(":")[0] for reason in rejects().values()} == {"too short"}
    corpus[1][1] = corpus[2][1] = corpus[3][1] = ""
    assert "3 of 24 rejected" in prepare(corpus, expected="[too short]", **keys).stderr


def test_audio_much_shorter_than_the_corpus_says_is_rejected(corpus: list[list[str]]) -> None:
    adapter = Path("local/data_own.py")
    told = "seconds=float(audio.stem[1:]) / 17 + (4 if row['text'] == 'Ναι' else 1), split=row"
    adapter.write_text(adapter.read_text().replace("split=row", told))
    assert prepare(corpus, max_reject_rate=0.5).returncode == 0
    found = rejects("data/own/raw/rejects.tsv")
    assert set(found) == {f"u{number:02}" for number in (2, 6, 10, 14, 18)}
    assert found["u02"] == "wrong duration: 1.12 s of audio, 4.12 s by the corpus's own table"


def test_mp3_of_variable_bit_rate_without_a_tag_is_loaded_whole(corpus: list[list[str]]) -> None:
    from lhotse import CutSet

    from cyasr.data.headers.mpeg_frames import kind_of

    quiet = np.random.default_rng(0).uniform(-0.3, 0.3, 16000 * 6) * np.repeat([1, 0.001, 0.5], 32000)
    for number in (0, 1):
        mp3 = Path(f"corpus/wav/u{number:02}.mp3")
        soundfile.write(mp3, np.roll(quiet, number), 16000, format="MP3", bitrate_mode="VARIABLE")
        data = mp3.read_bytes()
        header = int.from_bytes(data[:4])
        mp3.write_bytes(data[kind_of(header).sizes[header >> 9 & 127] :])  # type: ignore[union-attr]
        mp3.with_suffix(".wav").unlink()
        corpus[number + 1][0] = mp3.name
    made = prepare(corpus)
    assert "data/own/raw/mended: copies of 2 audio files" in made.stdout, made.stderr
    made = call("steps.make_cuts")
    assert made.returncode == 0 and "+ 0 rejects" in made.stdout, made.stderr
    cut = next(cut for cut in CutSet.from_file("data/own/train.jsonl.gz") if cut.id == "u00")
    audio = cut.load_audio()[0]
    assert len(audio) / 16000 == pytest.approx(6, abs=0.2) and np.abs(audio[-16000:]).max() > 0.05


def test_segments_are_counted_so_that_nothing_gets_lost() -> None:
    from cyasr.cli import RunError
    from cyasr.data.corpus import Reject
    from cyasr.data.cuts import Tally

    tally = Tally(utterances=3)
    before = [{"id": "a"}, {"id": "b"}, {"id": "c"}]
    tally.segmented(
        before,
        [{"id": "a"}, {"id": "b-0001"}, Reject("b-0002", "", "not spoken"), {"id": "b-0003"}, Reject("c", "", "no speech")],
    )
    assert (tally.cut, tally.segments) == (1, 3)
    tally.prove(3, 5)
    assert tally.report()["segmented"] == {"utterances": 1, "segments": 3}
    for utterances, items in ((3, 4), (4, 5)):
        with pytest.raises(RunError, match="do not add up"):
            tally.prove(utterances, items)
    with pytest.raises(RunError, match="c: lost in segmentation"):
        tally.segmented(before, [{"id": "a"}, {"id": "b"}])


def test_help_needs_nothing_heavy() -> None:
    code = "import sys, steps.make_cuts; assert not {'torch', 'lhotse', 'numpy', 'soundfile'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
