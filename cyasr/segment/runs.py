"""What was heard and what was not, in the order of the transcript: runs of speech that may be cut into segments."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from cyasr.segment.aligner import Heard
from cyasr.segment.cutting import Span
from cyasr.segment.transcript import Sentence

NOISE_SECONDS = 0.4  # speech outside the transcript that is shorter is not told
UNSAID_SECONDS = 2.0  # nor this much where the transcript marks a hesitation, or had a filler that is left out


@dataclass
class Run:
    """Pieces said one after the other and nothing else between them. heard, texts, spans: one each.

    after, before: seconds between which nothing else is said.
    """

    after: float
    before: float = 0.0
    heard: list[Heard] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)


@dataclass(frozen=True)
class Extra:
    """Speech that is not in the transcript, in seconds."""

    start: float
    end: float


def in_order(written: Sequence[Sentence], heard: Sequence[Heard], seconds: float) -> Iterator[Run | Extra | Sentence]:
    """Runs, speech outside the transcript, and the sentences that were not said, each where it belongs.

    seconds: where the audio ends.
    """
    run: Run | None = None
    before: Heard | None = None
    said = 0  # sentences told so far
    for one in heard:
        if one.sentence is None and _negligible(one, written, before):
            continue
        middle = (before.end + one.start) / 2 if before else 0.0
        if run and (one.sentence is None or one.sentence > said):
            run.before = middle
            yield run
            run = None
        before = one
        if one.sentence is None:
            yield Extra(one.start, one.end)
            continue
        yield from written[said : one.sentence]
        sentence = written[one.sentence]
        last = one.piece == len(sentence.pieces) - 1
        run = run or Run(middle)
        run.heard.append(one)
        run.texts.append(sentence.pieces[one.piece].raw)
        run.spans.append(Span(one.start, one.end, last and sentence.complete))
        said = one.sentence + last
    if run:
        run.before = seconds
        yield run
    yield from written[said:]


def by_sureness(run: Run, least: float) -> list[Run]:
    """`run` in parts: sentences of at least the confidence `least` together, and those below it together."""
    unsure = {
        sentence: confidence(list(pieces)) < least for sentence, pieces in groupby(run.heard, lambda one: one.sentence)
    }  # fmt: skip
    parts: list[Run] = []
    places = range(len(run.heard))
    for _, group in groupby(places, lambda place: unsure[run.heard[place].sentence]):
        part = list(group)
        first, stop = part[0], part[-1] + 1
        after = (run.spans[first - 1].end + run.spans[first].start) / 2 if first else run.after
        before = (run.spans[stop - 1].end + run.spans[stop].start) / 2 if stop < len(places) else run.before
        parts.append(Run(after, before, run.heard[first:stop], run.texts[first:stop], run.spans[first:stop]))
    return parts


def confidence(heard: Sequence[Heard]) -> float:
    """The geometric mean of the probabilities of all tokens; 0 where none is known."""
    tokens = sum(one.tokens for one in heard)
    return math.exp(sum(one.log_prob for one in heard) / tokens) if tokens else 0.0


def _negligible(one: Heard, written: Sequence[Sentence], before: Heard | None) -> bool:
    unsaid = before is not None and before.sentence is not None and written[before.sentence].pieces[before.piece].unsaid
    return one.end - one.start < (UNSAID_SECONDS if unsaid else NOISE_SECONDS)
