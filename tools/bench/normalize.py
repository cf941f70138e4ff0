"""The normaliser in words a second, against whisper's own and a plain one: ours, the peers and the ratio, from one run.

    python tools/bench/normalize.py --words 1000000 [--text FILE]

Without --text, sentences made here: Cypriot-looking words by Zipf's law, a sixteenth of them with a mark, capitals and
punctuation about them, in every hundred words a number, a filler and a tag. `plain` is what a few lines of Python do
(NFC, lower case, a space for whatever is no letter, mark or digit), which is no equal work; whisper's BasicTextNormalizer
(transformers), where it is installed, breaks τζ̆αι in two. One process and thread, line by line, CPU time, runs interleaved, each
side with an empty memory. Peak memory is that of a process of its own over the same text once and four times.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from cyasr.text import normalize

VOCABULARY = 100_000
SYLLABLES = [c + v for c in "κτπσνλμρδθγβφχζ" for v in "αεοιηυω"] + [
    "τζ̆α",
    "σ̆ι",
    "ππα",
    "λλου",
    "νναν",
    "ά",
    "έ",
    "ού",
    "στη",
    "κκο",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--profile", default="t1", choices=normalize.PROFILES)
    parser.add_argument("--text", type=Path, help="UTF-8, a text a line; read again until there are --words words")
    parser.add_argument("--memory", type=int, metavar="TIMES", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory:
        for _ in range(args.memory):
            for line in texts(args):
                normalize.normalize(line, args.profile)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    lines = list(texts(args))
    words = sum(len(line.split()) for line in lines)
    print(f"{words} words in {len(lines)} lines, {len({word for line in lines for word in line.split()})} different ones")
    sides = {f"ours {args.profile}": ours(args.profile), "plain": plain} | whisper()
    for line in lines[:100]:
        for side in sides.values():
            side(line)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(args.repeats):
        for name, side in sides.items():
            normalize.forget()
            start = time.process_time()
            for line in lines:
                side(line)
            seconds[name].append(time.process_time() - start)
    reference = statistics.median(seconds[f"ours {args.profile}"])
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        print(f"{name:>10}  {middle:6.2f} s  {words / middle:>10,.0f} words/s  {middle / reference:5.2f}x the time of ours")
    once, fourfold = (peak_memory(times) for times in (1, 4))
    print(f"peak memory {once:.0f} MB over the text once, {fourfold:.0f} MB over it four times")


def ours(profile: str) -> Callable[[str], str]:
    return lambda text: normalize.normalize(text, profile)


def plain(text: str) -> str:
    composed = unicodedata.normalize("NFC", text).lower()
    return " ".join("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in composed).split())


def whisper() -> dict[str, Callable[[str], str]]:
    try:
        from transformers.models.whisper.english_normalizer import BasicTextNormalizer
    except ImportError:
        print("transformers is not installed: whisper's normaliser is left out")
        return {}
    return {"whisper": BasicTextNormalizer()}


def peak_memory(times: int) -> float:
    """MB of a process of its own."""
    command = [sys.executable, __file__, *sys.argv[1:], "--memory", str(times)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


def texts(args: argparse.Namespace) -> Iterator[str]:
    words = 0
    while words < args.words:
        for line in args.text.read_text(encoding="utf-8").splitlines() if args.text else made(args.words):
            words += len(line.split())
            yield line
            if words >= args.words:
                return


def made(words: int) -> Iterator[str]:
    """Sentences of 6 to 24 words, about `words` words together."""
    draw = random.Random(0)
    vocabulary = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(VOCABULARY)]
    weights = [1 / (rank + 3) for rank in range(VOCABULARY)]
    stream = iter(draw.choices(vocabulary, weights, k=words))
    while sentence := [word for word, _ in zip(stream, range(draw.randint(6, 24)), strict=False)]:
        sentence[0] = sentence[0].capitalize()
        place = draw.randrange(len(sentence))
        sentence[place] += draw.choice([",", "...", "", ""])
        for rare in (str(draw.randint(1, 2030)), "εεε,", "[noise]", "εν’"):
            if draw.random() < 0.15:
                sentence.insert(place, rare)
        yield " ".join(sentence) + draw.choice([".", ";", "!", ""])


if __name__ == "__main__":
    main()
