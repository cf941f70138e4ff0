"""The file behind a line of wav.scp. Commands are never run: those that only read or convert a file are seen through."""

from __future__ import annotations

import shlex

from cyasr.data.formats.locate import PathError

SOX_VALUES = ("-t", "-r", "-b", "-c", "-e", "-C", "--rate", "--bits", "--channels", "--encoding", "--type")
SOX_FLAGS = (
    "-B",
    "-L",
    "-x",
    "-G",
    "-V",
    "-V0",
    "-V1",
    "-V2",
    "-q",
    "-R",
    "-D",
    "--no-dither",
    "--guard",
    "-s",
    "-u",
    "-2",
    "-1",
)
SOX_EFFECTS = {"rate", "dither", "channels", "remix"}  # of no matter here: audio is resampled and channels chosen on loading
FFMPEG_CHANGES = ("-ss", "-t", "-to", "-sseof", "-af", "-filter", "-filter:a", "-filter_complex", "-atempo", "-vol")
KNOWN = "a file, or one of cat, flac, sox, sph2pipe, ffmpeg reading one file"


def behind(spec: str) -> tuple[str, int | None]:
    """(file, channel from 0 where the command chooses one). Raises PathError for what changes the audio or is not known."""
    spec = spec.strip()
    if not spec.endswith("|"):
        if not spec or spec == "-":
            raise PathError("no audio: wav.scp names none")
        head, _, offset = spec.rpartition(":")
        if head.endswith(".ark") and offset.isdigit():
            raise PathError(f"audio in an archive: {head} is an ark; write files first, as with kaldiio or copy-wav")
        return spec, None
    try:
        words = shlex.split(spec[:-1])
    except ValueError:
        raise PathError(f"pipe not understood: {spec[:80]!r} has an open quote") from None
    if not words or any(word in ("|", ";", "&&", ">", "<") or word.startswith("|") for word in words):
        raise PathError(f"pipe not understood: {spec[:80]!r} is more than one command; expected {KNOWN}")
    command = words[0].rpartition("/")[2]
    readers = {"cat": _cat, "flac": _flac, "sph2pipe": _sph2pipe, "sox": _sox, "ffmpeg": _ffmpeg, "gunzip": None, "zcat": None}
    if command not in readers:
        raise PathError(f"pipe not understood: {command}; expected {KNOWN}")
    reader = readers[command]
    if reader is None:
        raise PathError(f"pipe not understood: unpack what {command} reads first")
    return reader(words[1:], spec)


def _cat(words: list[str], spec: str) -> tuple[str, int | None]:
    return _one(words, spec), None


def _flac(words: list[str], spec: str) -> tuple[str, int | None]:
    if any(word.startswith(("--skip", "--until", "--cue")) for word in words):
        raise _changed(spec)
    return _one([word for word in words if not word.startswith("-")], spec), None


def _sph2pipe(words: list[str], spec: str) -> tuple[str, int | None]:
    files, channel = [], None
    rest = iter(words)
    for word in rest:
        if word == "-c":
            number = next(rest, "")
            channel = {"1": 0, "2": 1}.get(number)
        elif word == "-f":
            next(rest, None)
        elif word in ("-t", "-s"):
            raise _changed(spec)
        elif not word.startswith("-"):
            files.append(word)
    return _one(files[:1], spec), channel


def _sox(words: list[str], spec: str) -> tuple[str, int | None]:
    files: list[str] = []
    effects: list[str] = []
    rest = iter(words)
    for word in rest:
        if len(files) == 2:
            effects.append(word)
        elif word in SOX_VALUES:
            next(rest, None)
        elif word in SOX_FLAGS:
            continue
        elif word.startswith("-") and word != "-":
            raise _changed(spec)
        else:
            files.append(word)
    if len(files) != 2 or files[1] not in ("-", "/dev/stdout") or files[0] == "-":
        raise PathError(f"pipe not understood: {spec[:80]!r}; expected sox FILE … -")
    names = [word for word in effects if word[:1].isalpha() and not word.rstrip("k").isdigit()]
    if any(name not in SOX_EFFECTS for name in names):
        raise _changed(spec)
    if "remix" in names:
        sides = effects[effects.index("remix") + 1 :][:1]
        if not sides or not sides[0].isdigit() or int(sides[0]) < 1:
            raise _changed(spec)
        return files[0], int(sides[0]) - 1
    return files[0], None


def _ffmpeg(words: list[str], spec: str) -> tuple[str, int | None]:
    if words.count("-i") != 1 or any(word in FFMPEG_CHANGES for word in words):
        raise _changed(spec)
    at = words.index("-i") + 1
    return _one(words[at : at + 1], spec), None


def _one(files: list[str], spec: str) -> str:
    if len(files) != 1 or files[0] == "-":
        raise PathError(f"pipe not understood: {spec[:80]!r} reads {len(files)} files; expected one")
    return files[0]


def _changed(spec: str) -> PathError:
    return PathError(f"pipe not understood: {spec[:80]!r} changes the audio; write its output to files first")
