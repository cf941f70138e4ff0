"""Subtitles: SubRip (.srt), WebVTT (.vtt) and Audacity's label tracks (.txt)."""

from __future__ import annotations

import html
import re
from itertools import pairwise

from cyasr.data.formats.columns import seconds
from cyasr.data.formats.cues import Cue
from cyasr.data.formats.texts import TextError

TIME = r"(?:\d+:)?\d{1,2}:\d{1,2}(?:[.,]\d+)?"
TIMES = re.compile(rf"\s*({TIME})\s*-->\s*({TIME})(?:\s.*)?")
VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
MARKUP = re.compile(r"<[^<>]*>|\{\\[^}]*\}|\{[ybi]:[^}]*\}", re.I)  # HTML and WebVTT, SubStation Alpha, MicroDVD
DASH = re.compile(r"^\s*[-–—]\s*")
LABELS = re.compile(r"-?\d+(?:[.,]\d+)?\t-?\d+(?:[.,]\d+)?(?:\t.*)?")
ROLLING = 0.3  # share of cues that begin with the line before, from which a file is taken for rolling captions


def read_srt(text: str) -> list[Cue]:
    """Cues in the order of the file; a line `00:00:01,000 --> 00:00:02,500` begins one. Raises TextError: none there."""
    return _read(text, blank_ends=False)


def read_vtt(text: str) -> list[Cue]:
    """As `read_srt`; a blank line ends a cue, so that notes, styles and names of cues are no part of one."""
    if not text.lstrip("\ufeff").startswith("WEBVTT"):
        raise TextError("no subtitles: a .vtt file begins with WEBVTT")
    return _read(text, blank_ends=True)


def is_labels(text: str) -> bool:
    """Whether every line is `start TAB end TAB text`, as Audacity exports labels."""
    rows = [line for line in text.split("\n") if line.strip() and not line.startswith("\\")]  # "\\": a label's frequencies
    return bool(rows) and all(LABELS.fullmatch(row) for row in rows)


def read_labels(text: str) -> list[Cue]:
    cues = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.startswith("\\"):
            start, end, label = (line + "\t").split("\t")[:3]
            cues.append(Cue(seconds(start), seconds(end), " ".join(label.split()), line=number))
    return cues


def _read(text: str, blank_ends: bool) -> list[Cue]:
    found: list[tuple[int, str, str, list[str]]] = []
    open_cue = False
    for number, line in enumerate(text.split("\n"), 1):
        if times := TIMES.fullmatch(line):
            if found and not blank_ends and found[-1][3] and found[-1][3][-1].strip().isdigit():
                found[-1][3].pop()  # the number of this cue
            found.append((number, times[1], times[2], []))
            open_cue = True
        elif "-->" in line and re.search(r"\d", line):
            raise TextError(f"no subtitles: line {number} has no time that can be read: {line.strip()[:60]!r}")
        elif not line.strip():
            open_cue = open_cue and not (blank_ends and not line)  # a line with a space is none that ends
        elif open_cue and found:
            found[-1][3].append(line)
    if not found and text.strip("\ufeff \n").removeprefix("WEBVTT").strip():
        raise TextError("no subtitles: no line with --> between two times")
    cues = [(Cue(seconds(start), seconds(end), "", line=number), _lines(lines)) for number, start, end, lines in found]
    return [
        Cue(cue.start, cue.end, " ".join(line for line, _ in lines), next((voice for _, voice in lines if voice), None), cue.line)
        for cue, lines in _unrolled(cues)
    ]


def _lines(lines: list[str]) -> list[tuple[str, str | None]]:
    """(what is said, whose voice) of each line, without markup."""
    result = []
    for line in lines:
        voice = VOICE.search(line)
        said = " ".join(html.unescape(DASH.sub("", MARKUP.sub("", line))).split())
        if said:
            result.append((said, html.unescape(voice[1]).strip() if voice else None))
    return result


def _unrolled(cues: list[tuple[Cue, list[tuple[str, str | None]]]]) -> list[tuple[Cue, list[tuple[str, str | None]]]]:
    """Rolling captions show each line twice, first below and then above the next one: kept where it came first."""
    repeated = [
        bool(lines and before and lines[0][0] == before[-1][0])
        and cue.start - previous.end < 0.1
        and (len(lines) > 1 or cue.end - cue.start < 0.1)
        for (previous, before), (cue, lines) in pairwise(cues)
    ]
    if sum(repeated) <= ROLLING * len(cues):
        return cues
    result = cues[:1]
    shown = cues[0][1]
    for cue, lines in cues[1:]:
        new = lines
        for length in range(min(len(lines), len(shown)), 0, -1):
            if lines[:length] == shown[-length:]:
                new = lines[length:]
                break
        shown = lines or shown
        result.append((cue, new))
    return result
