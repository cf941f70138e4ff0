"""The leak gate on real text: planted dev and test sentences found, ordinary sentences stopped for nothing.

    python tools/bench/leaks.py --data data/mini [--text FILE...]

A hundred sentences of five words or more are drawn from dev and test and planted as they are, within a longer line, with
a word changed, added or left out (from ten words on, where that still is a near-duplicate). Ordinary lines are the train
transcripts and --text, normalised; every line that is stopped is printed beside the sentence it is said to give away, since
on real text whether that is false is for a reader to say.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from cyasr.lm.leaks import MIN_WORDS, LeakGate
from cyasr.lm.text import Source, file_texts, sentences
from cyasr.text.normalize import normalize

PLANTED = 100
WAYS = ("as it is", "within a line", "a word changed", "a word added", "a word left out")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="data/<set>")
    parser.add_argument("--text", type=Path, nargs="*", default=[], help="files of one sentence a line")
    arguments = parser.parse_args()
    train, *held = (arguments.data / f"{split}.jsonl.gz" for split in ("train", "dev", "test"))
    gate = LeakGate(sentences(held))
    draw = random.Random(0)
    long_enough = [one for one in dict.fromkeys(sentences(held)) if len(one.split()) >= MIN_WORDS]
    found = {way: [0, 0] for way in WAYS}
    for i, sentence in enumerate(draw.sample(long_enough, min(PLANTED, len(long_enough)))):
        way, line = disguised(sentence.split(), WAYS[i % len(WAYS)], draw)
        found[way][0] += gate.leak(" ".join(line)) is not None
        found[way][1] += 1
    for way, (hits, planted) in found.items():
        print(f"  {way:16} {hits:3} of {planted:3} found")
    hits, planted = (sum(column) for column in zip(*found.values(), strict=True))
    print(f"planted sentences: {hits} of {planted} found")
    start, lines, stopped = time.perf_counter(), 0, 0
    for line in chain(sentences([train]), *map(normalised, arguments.text)):
        lines += 1
        leaked = gate.leak(line)
        if leaked is not None:
            stopped += 1
            print(f"  stopped: {line!r} gives away {leaked!r}")
    print(f"ordinary lines: {stopped} of {lines} stopped, {(time.perf_counter() - start) / max(lines, 1) * 1e6:.0f} us a line")


def normalised(path: Path) -> Iterator[str]:
    return (normalize(text, "t1") for _, text in file_texts(Source(path, [])))


def disguised(words: list[str], way: str, draw: random.Random) -> tuple[str, list[str]]:
    """(the way taken, the line); a sentence too short to be near anything but itself stays as it is."""
    at = draw.randrange(len(words))
    if way == "within a line":
        return way, ["και", "ύστερα", "είπεν", *words, "τζ̆αι", "έφυεν"]
    if len(words) < 10 or way == "as it is":
        return "as it is", words
    changed = {"a word changed": ["άλλον"], "a word added": ["άλλον", words[at]], "a word left out": []}[way]
    return way, [*words[:at], *changed, *words[at + 1 :]]


if __name__ == "__main__":
    main()
