"""The length of audio files, known without decoding, is what decoding gives; a missing end is noticed."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cyasr.data.audiofile import AudioError, Header, read_header
from cyasr.data.headers import flac
from cyasr.data.headers.mpeg_frames import kind_of, make_tag
from cyasr.data.mend import Mended

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
MODES = ("CONSTANT", "AVERAGE", "VARIABLE")


def speech(seconds: float, rate: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Something with loud and quiet stretches, so that variable bit rates vary."""
    random = np.random.default_rng(seed)
    noise = random.uniform(-0.4, 0.4, (int(seconds * rate), channels))
    return noise * np.repeat(random.uniform(0.001, 1.0, 50), len(noise) // 50 + 1)[: len(noise), None]


def mp3(path: Path, seconds: float = 2.3, rate: int = 16000, mode: str = "CONSTANT", channels: int = 1, tag: bool = True) -> Path:
    """tag: with the Xing or Info frame that LAME writes first."""
    soundfile.write(path, speech(seconds, rate, channels), rate, format="MP3", bitrate_mode=mode, compression_level=0.5)
    if not tag:
        path.write_bytes(path.read_bytes()[frames(path)[1] :])
    return path


def frames(path: Path) -> list[int]:
    """Where the frames of an mp3 start, and where the last one ends."""
    data, starts = path.read_bytes(), [0]
    while starts[-1] < len(data):
        header = int.from_bytes(data[starts[-1] : starts[-1] + 4])
        kind = kind_of(header)
        assert kind
        starts.append(starts[-1] + kind.sizes[header >> 9 & 127])
    return starts


def mended(folder: Path, path: Path) -> tuple[Header, Path]:
    header, readable = Mended(folder / "mended").open(str(path))
    return header, Path(readable)


def decoded(path: Path) -> int:
    return len(soundfile.read(path, dtype="float32")[0])


@pytest.mark.parametrize("tag", [True, False])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("rate", "channels"), [*((rate, 1) for rate in RATES), (44100, 2), (24000, 2)])
def test_an_mp3_is_as_long_as_its_frames_whatever_its_rates_and_tags(
    tmp_path: Path, rate: int, channels: int, mode: str, tag: bool
) -> None:
    path = mp3(tmp_path / "a.mp3", rate=rate, mode=mode, channels=channels, tag=tag)
    header, readable = mended(tmp_path, path)
    assert (header.rate, header.channels) == (rate, channels)
    assert header.frames == decoded(readable)
    if tag:
        assert header.frames == int(2.3 * rate) and readable == path
    else:
        one = kind_of(int.from_bytes(path.read_bytes()[:4])).samples  # type: ignore[union-attr]
        assert 0 <= (len(frames(path)) - 1) * one - header.frames < one


def test_an_mp3_of_variable_bit_rate_without_a_tag_is_copied_behind_one_that_says_its_length(tmp_path: Path) -> None:
    path = mp3(tmp_path / "a.mp3", seconds=4, mode="VARIABLE", tag=False)
    _, readable = mended(tmp_path, path)
    assert decoded(path) < 3 * 16000 < decoded(readable)  # else libsndfile has learnt it, and mending can go
    mp3(path, seconds=4, mode="VARIABLE")
    told, whole, delay = soundfile.read(path)[0], soundfile.read(readable)[0], 576  # of LAME, which its tag would tell
    np.testing.assert_allclose(whole[delay:][5000:60000], told[5000:60000], atol=1e-3)


ID3V2 = b"ID3\x04\0\0" + bytes([0, 0, 2, 10]) + b"TIT2" + b"\0" * 262
ID3V1 = b"TAG" + b"x" * 125
APE = b"APETAGEX" + struct.pack("<IIII8x", 2000, 50, 1, 0xA0000000)
APE += b"k" * 18 + b"APETAGEX" + struct.pack("<IIII8x", 2000, 50, 1, 0x80000000)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize(
    ("before", "behind"), [(ID3V2, b""), (b"", ID3V1), (b"", APE), (b"", APE + ID3V1), (ID3V2 * 2, ID3V1), (b"", b"\0" * 700)]
)
def test_tags_around_an_mp3_are_no_audio(tmp_path: Path, mode: str, before: bytes, behind: bytes) -> None:
    path = mp3(tmp_path / "a.mp3", mode=mode)
    path.write_bytes(before + path.read_bytes() + behind)
    assert read_header(path).frames == decoded(path) == int(2.3 * 16000)


def test_what_stands_between_frames_is_passed_over_or_an_error_as_decoding_has_it(tmp_path: Path) -> None:
    path = mp3(tmp_path / "a.mp3", tag=False)
    data, starts = path.read_bytes(), frames(path)
    whole, middle = (len(starts) - 1) * 576, starts[len(starts) // 2]
    for between in (b"\1" * 500, ID3V2 + b"\0" * 20):
        path.write_bytes(data[:middle] + between + data[middle:])
        assert abs(read_header(path).frames - whole) <= 576
    path.write_bytes(data[:middle] + b"\1" * 3000 + data[middle:])
    with pytest.raises(AudioError, match="unreadable audio: 3000 bytes at"):
        read_header(path)


def test_a_tag_that_claims_fewer_frames_than_there_are_is_corrected(tmp_path: Path) -> None:
    path = mp3(tmp_path / "a.mp3", seconds=4, mode="VARIABLE", tag=False)
    data, count = path.read_bytes(), len(frames(path)) - 1
    path.write_bytes(make_tag(int.from_bytes(data[:4]), count // 2, len(data)) + data + data)
    header, readable = mended(tmp_path, path)
    assert header.frames == decoded(readable) == 2 * count * 576 - 529
    assert decoded(path) < header.frames


@pytest.mark.parametrize("tag", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_an_mp3_cut_within_a_frame_is_truncated(tmp_path: Path, mode: str, tag: bool) -> None:
    path = mp3(tmp_path / "a.mp3", mode=mode, tag=tag)
    data, starts = path.read_bytes(), frames(path)
    first, second = starts[len(starts) // 3 : len(starts) // 3 + 2]
    for cut in (first + 1, first + 5, (first + second) // 2, second - 1, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(AudioError, match="truncated: claims"):
            read_header(path)


@pytest.mark.parametrize("mode", MODES)
def test_an_mp3_with_a_tag_cut_between_frames_is_truncated(tmp_path: Path, mode: str) -> None:
    path = mp3(tmp_path / "a.mp3", mode=mode)
    path.write_bytes(path.read_bytes()[: frames(path)[20]])
    with pytest.raises(AudioError, match=rf"truncated: claims \d+ samples, has {19 * 576}"):
        read_header(path)


@pytest.mark.parametrize("seconds", [0.02, 2.3])
@pytest.mark.parametrize(
    ("codec", "rates"), [("VORBIS", RATES), ("OPUS", (8000, 12000, 16000, 24000, 48000))], ids=["vorbis", "opus"]
)
def test_ogg_is_as_long_as_its_last_page_says(tmp_path: Path, codec: str, rates: tuple[int, ...], seconds: float) -> None:
    for rate in rates:
        path = tmp_path / f"{rate}.ogg"
        soundfile.write(path, speech(seconds, rate, 2), rate, format="OGG", subtype=codec)
        header = read_header(path)
        assert (header.rate, header.channels) == (rate, 2)
        assert header.frames == decoded(path) == int(seconds * rate)


@pytest.mark.parametrize("said", [0, 11025, 44100, 96000])
def test_opus_that_was_made_from_another_rate_counts_as_libsndfile_does(tmp_path: Path, said: int) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, speech(1.7, 48000), 48000, format="OGG", subtype="OPUS")
    pages = ogg_pages(path)
    head = pages[0].index(b"OpusHead")
    pages[0] = pages[0][: head + 12] + struct.pack("<I", said) + pages[0][head + 16 :]
    write_pages(path, pages)
    info = soundfile.info(path)
    header = read_header(path)
    assert (header.rate, header.frames) == (info.samplerate, info.frames)


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_ogg_out_of_the_middle_of_a_longer_stream_is_as_long_as_it_decodes(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, speech(4, 48000), 48000, format="OGG", subtype=codec)
    pages = ogg_pages(path)
    for number, page in enumerate(pages):
        granule = struct.unpack("<Q", page[6:14])[0]
        if 0 < granule < 1 << 63:
            pages[number] = page[:6] + struct.pack("<Q", granule + 10_000_000) + page[14:]
    write_pages(path, pages)
    assert abs(read_header(path).frames - soundfile.info(path).frames) < 1000


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_ogg_without_its_last_page_or_a_part_of_it_is_truncated(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, speech(6, 48000), 48000, format="OGG", subtype=codec)
    data, pages = path.read_bytes(), ogg_pages(path)
    for cut in (len(data) - 1, len(data) - len(pages[-1]), len(data) // 2):
        path.write_bytes(data[:cut])
        with pytest.raises(AudioError, match="truncated: "):
            read_header(path)


def ogg_pages(path: Path) -> list[bytes]:
    data = path.read_bytes()
    starts = [at for at in range(len(data)) if data.startswith(b"OggS\0", at)]
    return [data[start:end] for start, end in pairwise([*starts, len(data)])]


def write_pages(path: Path, pages: list[bytes]) -> None:
    """With the checksums that their bytes need."""
    out = b""
    for page in pages:
        page, value = page[:22] + bytes(4) + page[26:], 0
        for byte in page:
            value ^= byte << 24
            for _ in range(8):
                value = value << 1 ^ (0x104C11DB7 if value >> 31 else 0)
        out += page[:22] + struct.pack("<I", value) + page[26:]
    path.write_bytes(out)


@pytest.mark.parametrize("seconds", [0.001, 2.3])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 96000, 12345])
def test_flac_says_its_length_also_where_its_writer_did_not(tmp_path: Path, rate: int, seconds: float) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, speech(seconds, rate, 2), rate, subtype="PCM_24")
    length = decoded(path)
    header = read_header(path)
    assert (header.rate, header.channels, header.frames) == (rate, 2, length) and not header.mend
    data = bytearray(path.read_bytes())
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])
    path.write_bytes(ID3V2 + data)
    header, readable = mended(tmp_path, path)
    assert header.frames == decoded(readable) == length


def test_flac_without_its_last_frame_or_a_part_of_it_is_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, speech(3, 16000), 16000)
    data = path.read_bytes()
    for unknown in (False, True):
        if unknown:
            data = data[:21] + bytes([data[21] & 0xF0, 0, 0, 0, 0]) + data[26:]
        for cut in (len(data) - 1, len(data) - 3000, len(data) // 2):
            path.write_bytes(data[:cut])
            with pytest.raises(AudioError, match="truncated: claims"):
                read_header(path)


def test_bytes_within_a_flac_frame_that_look_like_the_head_of_one_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    false = b"\xff\xf8\x69\x08\x00"
    false += bytes([0, flac.crc8(false + b"\0")])
    noise = np.random.default_rng(1).integers(-(2**15), 2**15, 4096, np.int16)
    soundfile.write(path, noise, 16000)  # one frame, which holds noise as it is
    data = path.read_bytes()
    start = data.index(b"\xff\xf8")
    for at in range(start + 100, len(data) - 10, 97):
        bad = data[:at] + false + data[at + len(false) : -2]
        path.write_bytes(bad + flac.crc16(bad[start:]).to_bytes(2))
        assert read_header(path).frames == 4096


def test_the_checksum_of_a_flac_frame_is_the_standards(tmp_path: Path) -> None:
    assert flac.crc16(b"123456789") == 0xFEE8 and flac.crc8(b"123456789") == 0xF4  # CRC-16/UMTS, CRC-8/SMBUS
    long = np.random.default_rng(0).bytes(10_001)
    assert flac.crc16(long + flac.crc16(long).to_bytes(2)) == 0


def rf64(path: Path) -> None:
    soundfile.write(path, speech(1, 16000), 16000, format="RF64")


def wav(**options: str) -> Callable[[Path], None]:
    return lambda path: soundfile.write(path, speech(1, 16000, 2), 16000, format="WAV", **options)


def extra_chunks(path: Path) -> None:
    soundfile.write(path, speech(1, 16000), 16000)
    data = path.read_bytes()
    path.write_bytes(
        data[:12] + b"LIST" + struct.pack("<I", 5001) + b"x" * 5002 + data[12:] + b"id3 " + struct.pack("<I", 4) + b"xxxx"
    )


def piped(path: Path) -> None:
    soundfile.write(path, speech(1, 16000), 16000)
    data = path.read_bytes()
    path.write_bytes(data[:40] + b"\xff\xff\xff\xff" + data[44:])


@pytest.mark.parametrize(
    "write",
    [
        *(wav(subtype=kind) for kind in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ALAW", "ULAW", "IMA_ADPCM")),
        *(rf64, extra_chunks, piped),
    ],
)
def test_wav_of_all_codecs_and_with_other_chunks_is_as_long_as_it_decodes(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "a.wav"
    write(path)
    info, header = soundfile.info(path), read_header(path)
    assert (header.rate, header.channels, header.frames) == (info.samplerate, info.channels, decoded(path))


def test_a_wav_that_claims_more_than_is_there_is_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for format in ("WAV", "RF64"):
        soundfile.write(path, speech(1, 16000), 16000, format=format)
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(AudioError, match="truncated: claims 16000 samples, has 15900"):
            read_header(path)


@pytest.mark.parametrize("format", ["AIFF", "AU", "CAF", "W64", "NIST"])
def test_other_formats_are_left_to_libsndfile(tmp_path: Path, format: str) -> None:
    path = tmp_path / "a.bin"
    soundfile.write(path, speech(1, 16000), 16000, format=format, subtype="PCM_16")
    assert read_header(path).frames == 16000


@pytest.mark.parametrize("format", ["MP3", "OGG", "FLAC", "WAV"])
def test_damaged_bytes_anywhere_give_a_header_or_one_line(tmp_path: Path, format: str) -> None:
    path, random = tmp_path / "a", np.random.default_rng(1)
    soundfile.write(path, speech(0.4, 16000), 16000, format=format)
    data = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(150):
        bad = data[: random.integers(1, len(data) + 1)].copy()
        places = random.integers(0, min(len(bad), random.choice([60, 10_000])), 4)
        bad[places] = random.integers(0, 256, 4)
        path.write_bytes(bad.tobytes())
        try:
            assert read_header(path).frames > 0
        except AudioError as error:
            assert str(error) and "\n" not in str(error)


@pytest.mark.parametrize("name", ["pipe", "folder", "no", "a\0b", "x" * 300, "loop", "empty"])
def test_what_is_no_audio_file_is_one_line_and_never_a_wait(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "empty").touch()
    with pytest.raises(AudioError, match=r"unreadable audio|audio is missing|empty file"):
        read_header(f"{tmp_path}/{name}")
