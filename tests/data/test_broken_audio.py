"""Audio broken in every way we could think of is a listed reject, and takes no good utterance with it."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.data.broken import RATE, Case, Rejected, check, prepare_table, sound, speech, table_rows, write_table


def audio_case(suffix: str, reason: str, damage: Callable[[Path], object], made: bool = True) -> Case:
    """u00 is `suffix`, damaged."""

    def case(corpus: Path) -> Rejected:
        (corpus / "wav/u00.wav").unlink()
        path = corpus / "wav" / f"u00.{suffix}"
        if made:
            sound(path, 3.0)
        damage(path)
        write_table(corpus, table_rows(suffix))
        return {"u00": reason}

    return case


def cut(keep: float) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


def patched(at: int, data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(path.read_bytes()[:at] + data + path.read_bytes()[at + len(data) :])


def holed(path: Path) -> None:
    """Garbage over the middle third."""
    data = path.read_bytes()
    third = len(data) // 3
    path.write_bytes(data[:third] + np.random.default_rng(5).bytes(third) + data[2 * third :])


def riff(
    samples: bytes = b"", rate: int = RATE, channels: int = 1, bits: int = 16, claimed: int | None = None, code: int = 1
) -> bytes:
    width = channels * bits // 8
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, code, channels, rate, min(rate * width, 2**32 - 1), width & 0xFFFF, bits)
    data = struct.pack("<4sI", b"data", len(samples) if claimed is None else claimed) + samples
    return struct.pack("<4sI4s", b"RIFF", (4 + len(head) + len(data)) & 0xFFFFFFFF, b"WAVE") + head + data


def written(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def nothing(path: Path) -> None:
    pass


NOISE = (speech(1.0) * 32767).astype("<i2").tobytes()
ID3 = b"ID3\x04\x00\x00" + bytes([0x7F] * 4)  # claims 256 MB of tags

AUDIO: dict[str, Case] = {
    "missing": audio_case("wav", "audio is missing", nothing, made=False),
    "an empty file": audio_case("wav", "empty file", written(b"")),
    "a broken link": audio_case("wav", "audio is missing", lambda path: path.symlink_to("nowhere"), made=False),
    "a link to itself": audio_case("wav", "unreadable audio", lambda path: path.symlink_to(path.name), made=False),
    "a folder named as audio": audio_case("wav", "", lambda path: path.mkdir(), made=False),
    "a pipe that nobody writes to": audio_case("wav", "", lambda path: os.mkfifo(path), made=False),
    "a link to a device": audio_case("wav", "", lambda path: path.symlink_to("/dev/zero"), made=False),
    "an HTML page, as of a failed download": audio_case("mp3", "unreadable audio", written(b"<!DOCTYPE html><p>403</p>" * 50)),
    "a git-lfs pointer": audio_case("wav", "unreadable audio", written(b"version https://git-lfs.github.com/spec/v1\n")),
    "zeros": audio_case("wav", "unreadable audio", written(bytes(20_000))),
    "random bytes": audio_case("flac", "unreadable audio", written(np.random.default_rng(0).bytes(20_000))),
    "a wav header alone": audio_case("wav", "", written(riff())),
    "half a wav header": audio_case("wav", "", written(riff(NOISE)[:30])),
    "a wav cut in two": audio_case("wav", "truncated", cut(0.5)),
    "a wav that claims 4 GB": audio_case("wav", "truncated", written(riff(NOISE, claimed=0x7FF00000))),
    "a wav without channels": audio_case("wav", "", written(riff(NOISE, channels=0))),
    "a wav of rate 0": audio_case("wav", "", written(riff(NOISE, rate=0))),
    "a wav of 4 GHz": audio_case("wav", "impossible header", written(riff(NOISE, rate=4_000_000_000))),
    "a wav of 1 Hz": audio_case("wav", "impossible header", written(riff(NOISE[:2000], rate=1))),
    "a wav of 0 bits": audio_case("wav", "", written(riff(NOISE, bits=0))),
    "a wav of an unknown coding": audio_case("wav", "unreadable audio", written(riff(NOISE, code=0x1234))),
    "a wav of 60,000 channels": audio_case("wav", "impossible header", written(riff(NOISE * 8, channels=60_000))),
    "samples that are no numbers": audio_case(
        "wav", "samples that are no numbers", lambda path: soundfile.write(path, np.full(RATE, np.nan), RATE, subtype="FLOAT")
    ),
    "infinite samples": audio_case(
        "wav", "samples that are no numbers", lambda path: soundfile.write(path, np.full(RATE, np.inf), RATE, subtype="FLOAT")
    ),
    "digital silence": audio_case("wav", "digital silence", written(riff(bytes(RATE * 2)))),
    "a flac cut in two": audio_case("flac", "", cut(0.5)),
    "a flac without its last bytes": audio_case("flac", "", cut(0.98)),
    "a flac with garbage in it": audio_case("flac", "", holed),
    "a flac that claims more samples": audio_case("flac", "", patched(21, b"\x0f\xff\xff\xff\xff")),
    "a flac header alone": audio_case("flac", "", cut(0.002)),
    "an mp3 of tags alone": audio_case("mp3", "unreadable audio", written(b"ID3\x03\x00\x00\x00\x00\x00\x10" + bytes(16))),
    "an mp3 that claims 256 MB of tags": audio_case(
        "mp3", "unreadable audio", lambda path: path.write_bytes(ID3 + path.read_bytes()[10:])
    ),
    "an ogg cut in two": audio_case("ogg", "", cut(0.5)),
    "an ogg header alone": audio_case("ogg", "", cut(0.02)),
    "an ogg with garbage in it": audio_case("ogg", "", holed),
    "an opus cut in two": audio_case("opus", "", cut(0.5)),
    "an opus header alone": audio_case("opus", "", written(b"OggS" + bytes(200))),
    "audio of 20 ms": audio_case("wav", "too short", written(riff(NOISE[:640]))),
    "audio of half an hour": audio_case("wav", "too long", written(riff(NOISE * 1800))),
}


@pytest.mark.parametrize("case", AUDIO.values(), ids=AUDIO.keys())
def test_bad_audio_is_a_listed_reject(case: Case, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(prepare_table, case, monkeypatch, "corpus: broken\n", audio="wav/*")
