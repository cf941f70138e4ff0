"""SAM label files as SpeechDat uses them: lines `MNEMONIC: value` about a recording and what is said in it."""

from __future__ import annotations

import re
import wave
from collections.abc import Mapping
from pathlib import Path

from cyasr.files import replacing

LINE = re.compile(r"([A-Z][A-Z0-9]{2})(?::\s*|\s+|$)(.*)")
NOISE = re.compile(r"\[([a-zA-Z_]+)\]")
MARKS = {"*": "mispronounced", "~": "truncated"}
CODINGS = {"ALAW": "ALAW", "ULAW": "ULAW", "MULAW": "ULAW", "MUELAW": "ULAW"}


def read_label(path: Path, encoding: str = "auto") -> dict[str, str] | None:
    """Mnemonic -> value, EXT lines joined to the line before; None where the file is no label file.

    Of a mnemonic that comes again the first value counts; of LBO, which comes once a stretch, the texts are joined.
    """
    values: dict[str, str] = {}
    last = ""
    for line in re.split(r"\r\n?|\n", decoded(path.read_bytes(), encoding)):
        if not line.strip():
            continue
        match = LINE.match(line.strip())
        if not values and (not match or match[1] not in {"LHD", "LDH"}):
            return None
        if match and match[1] != "EXT":
            last = match[1]
            more = (said_of(match[2]) or "") if last in values and last == "LBO" else ""
            values[last] = f"{values[last]} {more}".strip() if last in values else match[2].strip()
        else:
            values[last] = f"{values[last]} {match[2] if match else line.strip()}".strip()
    return values or None


def said_of(value: str, fields: int = 3) -> str | None:
    """What stands behind the `fields` numbers of LBO or LBR (the text may hold commas); None where these are missing."""
    cells = value.split(",", fields)
    numbers = [cell.strip() for cell in cells[:fields]]
    if len(cells) <= fields or not all(re.fullmatch(r"[-+]?\d*\.?\d*", number) for number in numbers):
        return None
    return " ".join(cells[fields].split())


def without_marks(said: str) -> tuple[str, list[str]]:
    """(the words alone, which marks there were)."""
    tags = [noise.lower() for noise in NOISE.findall(said)]
    words = NOISE.sub(" ", said).replace("**", " ")
    tags += [tag for mark, tag in MARKS.items() if mark in words]
    return " ".join(words.replace("*", "").replace("~", "").split()), list(dict.fromkeys(tags))


def as_wav(recorded: Path, wav: Path, label: Mapping[str, str]) -> Path:
    """The samples of a file without header as 16 bit; a file that has one as it is. Raises ValueError for what cannot be read."""
    with open(recorded, "rb") as f:
        if f.read(7).startswith((b"RIFF", b"NIST_1A")):
            return recorded
    import soundfile

    rate = int(digits(label.get("SAM", "")) or 8000)
    if not 1000 <= rate <= 192_000:
        raise ValueError(f"unknown sampling rate: SAM {label['SAM']}")
    subtype, width, endian = coding(recorded, label)
    if (digits(label.get("NCH", "")) or "1") != "1":
        raise ValueError(f"more than one channel: NCH {label['NCH']}")
    frames, rest = divmod(recorded.stat().st_size, width)
    claimed = int(digits(label.get("END", "")) or -1) + 1
    if rest or frames < claimed:
        raise ValueError(f"truncated: claims {claimed} samples, has {frames}")
    if not frames:
        raise ValueError("empty file")
    raw = {"samplerate": rate, "channels": 1, "format": "RAW", "subtype": subtype, "endian": endian}
    samples = soundfile.read(str(recorded), dtype="int16", **raw)[0]
    with replacing(wav) as temporary, wave.open(str(temporary), "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(samples.astype("<i2").tobytes())
    return wav


def coding(recorded: Path, label: Mapping[str, str]) -> tuple[str, int, str]:
    """(soundfile's subtype, bytes of a sample, byte order) by QNT and SNB, or by the last letter of the file's name."""
    width = int(digits(label.get("SNB", "")) or 1)
    named = re.sub(r"[^A-Z]", "", label.get("QNT", "").upper())
    if width == 2 and (not named or "LAW" not in named):
        order = re.sub(r"[^A-Z0-9]", "", label.get("SBF", "").upper())
        return "PCM_16", 2, "BIG" if order in {"HILO", "10", "1"} else "LITTLE"
    if not named:
        named = "ULAW" if recorded.name.upper().endswith("U") else "ALAW"
    if width != 1 or named not in CODINGS:
        raise ValueError(f"unknown coding: QNT {label.get('QNT', '')}, SNB {width}")
    return CODINGS[named], 1, "FILE"


def decoded(data: bytes, encoding: str = "auto") -> str:
    """auto: UTF-8 where it is that, else ISO 8859-7, which is UTF-8 by a very rare accident only."""
    if encoding != "auto":
        return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("iso-8859-7", errors="replace")


def digits(text: str) -> str:
    """The first number in it, without leading zeros; "" for none."""
    match = re.search(r"\d+", text)
    return str(int(match[0])) if match else ""
