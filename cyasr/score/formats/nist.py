"""NIST's transcript files: trn, stm and ctm, read and written, and recognised words dealt out to segments by time.

Formats after sclite's documentation (SCTK, doc/infmts.htm). As there, file and channel names are compared without
case, lines of `;;` are comments, and the segment a word belongs to is told by the word's middle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from cyasr.cli import RunError
from cyasr.score import markup
from cyasr.score.utterances import Utterance, Word, text_lines

COMMENT = ";;"
IGNORE = "ignore_time_segment_in_scoring"
TRN = re.compile(r"(.*)\(([^\s()]+)\)\s*", re.DOTALL)
LABELS = re.compile(r"<[^<>\s]*>")
ALTERNATION = ("<alt_begin>", "<alt>", "<alt_end>")


def read_trn(path: Path) -> Iterator[Utterance]:
    """`words … (speaker-utterance)`; the speaker is what stands before the id's first `-`, or else `_`."""
    file = str(path)
    for number, line in _lines(path):
        where = f"{file}:{number}"
        text, opened, rest = line.rpartition("(")
        name, closed, blank = rest.partition(")")
        if not (opened and closed and name) or " " in name or "\t" in name or (blank and blank.strip()):
            raise RunError(f"{where}: no (utterance id) at the end of the line, as trn has")
        one = Utterance(name, text.strip(), where, _speaker(name))
        yield _marked(one, where) if markup.marked(text) else one


def read_stm(path: Path) -> Iterator[Utterance]:
    """`file channel speaker begin end [<labels>] words …`, one utterance a line, named by all of these but the words."""
    for number, line in _lines(path):
        where = f"{path}:{number}"
        cells = line.split(None, 5)
        if len(cells) < 5:
            raise RunError(f"{where}: {len(cells)} columns; stm has file, channel, speaker, begin, end [<labels>] words")
        recording, channel, speaker = cells[:3]
        begin, end = _seconds(cells[3], where), _seconds(cells[4], where)
        if end < begin:
            raise RunError(f"{where}: the segment ends ({end:g} s) before it begins ({begin:g} s)")
        text = cells[5] if len(cells) > 5 else ""
        labels = LABELS.match(text)
        text = text[labels.end() :].strip() if labels else text.strip()
        one = Utterance(
            f"{recording}-{channel}-{speaker}-{begin:g}-{end:g}", text, where, speaker, duration=round(end - begin, 6)
        )
        one.recording, one.channel, one.begin = recording, channel, begin
        one.ignored = text.lower() == IGNORE
        if labels and len(labels[0]) > 2:
            one.labels = labels[0][1:-1]
        yield _marked(one, where) if markup.marked(text) else one


def read_ctm(path: Path, by_channel: bool = True) -> Iterator[Utterance]:
    """`file channel begin duration word [confidence …]`: an utterance for each file and channel, words as they stand.

    by_channel: the utterance is called `file-channel`, in lower case; else `file`, for ctm that names utterances.
    Alternatives lie between <ALT_BEGIN>, <ALT> and <ALT_END>.
    """
    seen: set[str] = set()
    name, rows = "", list[tuple[str, list[str]]]()
    for number, line in _lines(path):
        where = f"{path}:{number}"
        cells = line.split()
        if len(cells) < 5:
            raise RunError(f"{where}: {len(cells)} columns; ctm has file, channel, begin, duration, word [confidence]")
        this = f"{cells[0]}-{cells[1]}".lower() if by_channel else cells[0]
        if this != name:
            if rows:
                yield _of_words(name, rows)
            if this in seen:
                raise RunError(f"{where}: {cells[0]} {cells[1]} was there before; sort the file: sort -s -k1,1 -k2,2 -k3,3n")
            seen.add(this)
            name, rows = this, []
        elif rows and cells[1].lower() != rows[0][1][1].lower():
            raise RunError(f"{where}: {cells[0]} has several channels, and the other file names none")
        rows.append((where, cells))
    if rows:
        yield _of_words(name, rows)


def deal_out(segments: list[Utterance], recording: Utterance | None) -> Iterator[tuple[Utterance, Utterance]]:
    """Each scored segment with the words that fall into it; `segments` are one channel's, in the order of time.

    A word is the first segment's that ends after the word's middle, so that what lies between two goes to the later
    one, and what comes after all of them to the last (sclite's rule). Of an ignored segment nothing comes back.
    """
    timed = (recording.timed if recording else None) or []
    at = 0
    for number, segment in enumerate(segments):
        end = round((segment.begin or 0.0) + (segment.duration or 0.0), 6)
        first = at
        while at < len(timed) and (number == len(segments) - 1 or timed[at][0] < end):
            at += 1
        if segment.ignored:
            continue
        pieces = tuple(piece for _, piece in timed[first:at])
        where = recording.where if recording else ""
        yield segment, Utterance(segment.id, markup.plain(pieces), where, pieces=pieces)


def by_recording(segments: Iterable[Utterance]) -> Iterator[tuple[str, list[Utterance]]]:
    """Segments of one file and channel after the other, named `file-channel` in lower case, by time in each.

    Raises RunError where a channel's segments do not stand together.
    """
    seen: set[str] = set()
    name, group = "", list[Utterance]()
    for one in segments:
        this = f"{one.recording}-{one.channel}".lower()
        if this != name:
            if group:
                yield name, sorted(group, key=lambda segment: segment.begin or 0.0)
            if this in seen:
                raise RunError(f"{one.where}: {this} was there before; sort the file: sort -s -k1,1 -k2,2 -k4,4n")
            seen.add(this)
            name, group = this, []
        group.append(one)
    if group:
        yield name, sorted(group, key=lambda segment: segment.begin or 0.0)


def trn_line(one: Utterance) -> str:
    return f"{_written(one)} ({_name(one)})" if one.text else f"({_name(one)})"


def stm_line(one: Utterance) -> str:
    """Raises RunError for an utterance whose times are not known."""
    if one.duration is None:
        raise RunError(f"{one.where}: utterance {one.id} has no duration, which stm needs")
    begin = one.begin or 0.0
    head = [_column(one.recording or one.id, one), one.channel or "A", _column(one.speaker or one.id, one)]
    head += [f"{begin:.3f}", f"{begin + one.duration:.3f}", *([f"<{one.labels}>"] if one.labels else [])]
    return " ".join([*head, _written(one)]).strip()


def ctm_lines(one: Utterance) -> Iterator[str]:
    """Raises RunError for an utterance whose words have no times."""
    if one.words is None and one.text:
        raise RunError(f"{one.where}: the words of utterance {one.id} have no times, which ctm needs")
    name = _column(one.recording or one.id, one)
    for word in one.words or ():
        confidence = "" if word.confidence is None else f" {word.confidence:.4f}"
        yield f"{name} {one.channel or 'A'} {word.start:.3f} {word.end - word.start:.3f} {word.text}{confidence}"


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that say something: no comments, no blank ones."""
    for number, line in text_lines(path):
        # a letter at the start settles it for most lines
        if line[:1] > ";" or (line.strip() and not line.lstrip().startswith(COMMENT)):
            yield number, line


def _speaker(name: str) -> str | None:
    return name.partition("-")[0] if name.find("-") > 0 else name.partition("_")[0] if name.find("_") > 0 else None


def _marked(one: Utterance, where: str) -> Utterance:
    try:
        one.pieces = markup.parse(one.text)
    except ValueError as error:
        raise RunError(f"{where}: {error}, in utterance {one.id}") from None
    one.text = markup.plain(one.pieces)
    return one


def _of_words(name: str, rows: list[tuple[str, list[str]]]) -> Utterance:
    """One file and channel from its (where, columns)."""
    where, cells = rows[0]
    one = Utterance(name, "", where, recording=cells[0], channel=cells[1], words=[], timed=[])
    assert one.words is not None and one.timed is not None
    readings: list[list[Word]] | None = None  # of the alternation that is open
    for where, cells in rows:
        mark = cells[4].lower()
        if mark not in ALTERNATION:
            begin, length = _seconds(cells[2], where), _seconds(cells[3], where)
            word = Word(cells[4], begin, begin + length, _confidence(cells))
            if readings is None:
                one.words.append(word)
                one.timed.append((_middle(word), markup.word(word.text)))
            else:
                readings[-1].append(word)
        elif (mark == "<alt_begin>") == (readings is not None):
            raise RunError(f"{where}: {cells[4]} {'inside an alternation' if readings else 'outside of any alternation'}")
        elif mark == "<alt_begin>":
            readings = [[]]
        elif mark == "<alt>":
            assert readings is not None
            readings.append([])
        else:
            assert readings is not None
            middles = [_middle(word) for reading in readings for word in reading]
            if middles:
                one.words += readings[0]
                one.timed.append((max(middles), markup.Choice(tuple(map(_reading, readings)))))
            readings = None
    if readings is not None:
        raise RunError(f"{where}: <ALT_BEGIN> without <ALT_END>")
    pieces = tuple(piece for _, piece in one.timed)
    one.text = markup.plain(pieces)
    one.pieces = None if all(isinstance(piece, str) for piece in pieces) else pieces
    return one


def _middle(word: Word) -> float:
    """Seconds, rounded so that a middle on a boundary is equal to it."""
    return round((word.start + word.end) / 2, 6)


def _reading(words: list[Word]) -> tuple[markup.Piece, ...]:
    return tuple(markup.word(word.text) for word in words if word.text != markup.NOTHING)


def _seconds(cell: str, where: str) -> float:
    value = _number(cell)
    if value is None or not 0 <= value < float("inf"):
        raise RunError(f"{where}: {cell!r} is no time in seconds")
    return value


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _confidence(cells: list[str]) -> float | None:
    return _number(cells[5]) if len(cells) > 5 else None


def _written(one: Utterance) -> str:
    """The text for trn and stm. Raises RunError where they would take it for markup."""
    if markup.marked(one.text) and markup.parse(one.text) != tuple(one.text.split()):
        raise RunError(f"{one.where}: utterance {one.id} has marks in its text that mean something in NIST's formats")
    return " ".join(one.text.split())


def _name(one: Utterance) -> str:
    if any(mark in one.id for mark in "() \t"):
        raise RunError(f"{one.where}: {one.id!r} cannot be an utterance id in trn")
    return one.id


def _column(cell: str, one: Utterance) -> str:
    if not cell or cell.split() != [cell]:
        raise RunError(f"{one.where}: {cell!r} cannot be a column")
    return cell
