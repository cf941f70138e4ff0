"""A transcript against its audio: which of it is said, when, how surely, and what else is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from cyasr.cli import UsageError
from cyasr.files import read_json
from cyasr.segment import graph as graphs
from cyasr.segment.align import Aligned, Alignment
from cyasr.segment.cutting import Levels
from cyasr.segment.log_probs import Window, log_probs
from cyasr.segment.stream import Samples
from cyasr.segment.transcript import Sentence


@dataclass(frozen=True)
class Heard:
    """A piece of the transcript, or (sentence None) speech that is not in it, from `start` to `end` seconds.

    log_prob: sum over `tokens` tokens of the natural log of their probabilities.
    """

    sentence: int | None
    piece: int
    start: float
    end: float
    log_prob: float = 0.0
    tokens: int = 0


class Aligner:
    """A trained system with a CTC head: that of exp/<set>/<system>, loaded when it is first used, or `system`."""

    def __init__(self, directory: Path, system: Any = None) -> None:
        self.directory = directory
        self._system = system

    @cached_property
    def system(self) -> Any:
        from cyasr.systems import restore

        return self._system or restore(self.directory)

    @cached_property
    def window(self) -> Window:
        """As long as the utterances that it was trained on, as far as can be told."""
        longest = None
        with suppress(UsageError, KeyError):
            data = read_json(self.directory / "run.json")["data"]
            longest = read_json(Path(data, "report.json"))["splits"]["train"]["longest_seconds"]
        return Window.like(longest)

    def align(self, sentences: Sequence[Sentence], blocks: Iterable[Samples], costs: graphs.Costs) -> list[Heard]:
        """In order of time, in seconds from the first of `blocks`; a sentence is heard as a whole or not at all."""
        levels = Levels()
        heard = list(_whole(sentences, self._pieces(sentences, levels.listening(blocks), costs)))
        return _to_pauses(heard, levels)

    def _pieces(self, sentences: Sequence[Sentence], blocks: Iterable[Samples], costs: graphs.Costs) -> Iterator[Heard]:
        """Each from its first token to its last."""
        tokenizer = self.system.tokenizer
        space = graphs.space_of(tokenizer)
        graph = graphs.build(graphs.tokenized(sentences, tokenizer), space, tokenizer.unk_id)
        places = [(s, p) for s, one in enumerate(sentences) for p, piece in enumerate(one.pieces) for _ in piece.words]
        alignment, frame, offset = None, 0.0, 0.0
        for part in log_probs(self.system, blocks, self.window):
            if alignment is None:
                frame, offset = part.seconds, part.offset
                alignment = Alignment(graph, costs, frame)
            alignment.feed(*graph.emissions(part.log_probs, space, costs.filler, costs.rest * frame))
        held: Heard | None = None
        for item in alignment.finish().items if alignment else ():
            found = _heard(item, places, graph, frame, offset)
            if held and found.sentence is not None and (held.sentence, held.piece) == (found.sentence, found.piece):
                both = held.log_prob + found.log_prob
                held = replace(held, end=found.end, log_prob=both, tokens=held.tokens + found.tokens)
                continue
            if held:
                yield held
            held = found
        if held:
            yield held


def _heard(item: Aligned, places: Sequence[tuple[int, int]], graph: graphs.Graph, frame: float, offset: float) -> Heard:
    start, end = offset + item.first * frame, offset + item.last * frame
    if item.word is None:
        return Heard(None, 0, start, end)
    return Heard(*places[item.word], start, end, item.log_prob, int(graph.counted[item.word]))


def _whole(sentences: Sequence[Sentence], heard: Iterable[Heard]) -> Iterator[Heard]:
    """`heard` without the pieces of sentences that the audio ends within."""
    held: list[Heard] = []
    for one in heard:
        if held and one.sentence != held[0].sentence:
            held = []
        if one.sentence is None:
            yield one
            continue
        held.append(one)
        if len(held) == len(sentences[one.sentence].pieces):
            yield from held
            held = []


def _to_pauses(heard: list[Heard], levels: Levels) -> list[Heard]:
    """Each from the pause before it to the one after it, where tokens only say about when something is said."""
    if not heard:
        return []
    found = []
    before = levels.pause(0.0, heard[0].start)
    for one, following in pairwise([*heard, None]):
        assert one is not None
        after = levels.pause(one.end, following.start if following else levels.seconds)
        found.append(replace(one, start=before.end, end=after.start))
        before = after
    return found
