"""n-gram estimation against lmplz and look-up against kenlm: ours, the peer's and the ratio, from one run.

    python tools/bench/ngram.py --words 10000000 --order 3 --best 100 --utterances 10000

The text is made here: words by Zipf's law, two in three drawn from the few that follow the word before, sentences of
6 to 24 words. Estimation runs in processes of their own, whose wall time and peak memory are the kernel's, text file to
ARPA file; ours are shown without the ARPA file, too. Both ARPA files are then asked, by our look-up, for the perplexity of
the last fiftieth of the sentences, kept apart: the same text, vocabulary and unknown-word rule. Look-up is whole sentences
in one process and thread, model loading apart. lmplz has to be on PATH and kenlm importable; else their columns are left
out.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from cyasr.lm.ngram import NgramLM
from cyasr.lm.perplexity import perplexity

TYPES = 200_000
FOLLOWERS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=10_000_000)
    parser.add_argument("--text", type=Path, help="a file of one sentence a line instead")
    parser.add_argument("--order", type=int, default=3)
    parser.add_argument("--prune", type=int, nargs="*", default=[], help="count cut-offs by order, as [0, 0, 1] in a conf")
    parser.add_argument("--repeats", type=int, default=1, help="interleaved runs of estimation, of which the median is printed")
    parser.add_argument("--best", type=int, default=100, help="hypotheses of each utterance in look-up")
    parser.add_argument("--utterances", type=int, default=10_000)
    parser.add_argument("--estimate", nargs=3, metavar=("TEXT", "NPZ", "ARPA"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.estimate:
        text, npz, arpa = map(Path, arguments.estimate)
        return estimate_ours(text, npz, arpa if arpa.name != "-" else None, arguments.order, arguments.prune)
    with tempfile.TemporaryDirectory() as work:
        text, whole = Path(work) / "text", arguments.text
        if whole is None:
            whole = Path(work) / "whole"
            write_text(whole, arguments.words)
        held = split(whole, text)
        bench_estimation(text, arguments.order, arguments.prune, arguments.repeats)
        bench_perplexity(text, held)
        bench_lookup(text, arguments.best, arguments.utterances)


def write_text(path: Path, words: int) -> None:
    """About `words` words of Zipf text with some order in it."""
    rng = np.random.default_rng(0)
    ranks = np.minimum(rng.zipf(1.15, words), TYPES) - 1
    follows = rng.random(words) < 2 / 3
    which = np.minimum(rng.zipf(1.5, words), FOLLOWERS)
    tokens = ranks.copy()
    for start in range(1, 7):  # chains of followers, up to six words long
        places = np.flatnonzero(follows[1:]) + 1
        places = places[places % 7 == start]
        tokens[places] = (tokens[places - 1] * 7919 + which[places] * which[places] * 31) % 20_011
    ends = np.cumsum(rng.integers(6, 25, words // 10))
    ends = ends[ends < words]
    with open(path, "w", encoding="utf-8") as out:
        begin = 0
        for end in [*ends.tolist(), words]:
            out.write(" ".join([f"w{token}" for token in tokens[begin:end].tolist()]) + "\n")
            begin = end


def split(whole: Path, text: Path) -> list[str]:
    """All sentences of `whole` but the last fiftieth go to `text`; those are returned."""
    lines = whole.read_text(encoding="utf-8").splitlines()
    kept = len(lines) - max(1, len(lines) // 50)
    text.write_text("".join(f"{line}\n" for line in lines[:kept]), encoding="utf-8")
    return lines[kept:]


def estimate_ours(text: Path, npz: Path, arpa: Path | None, order: int, prune: list[int]) -> None:
    from cyasr.lm.arpa import write_arpa
    from cyasr.lm.counts import count_ngrams
    from cyasr.lm.kneser_ney import estimate

    with open(text, encoding="utf-8") as lines:
        lm, _ = estimate(count_ngrams((line.split() for line in lines), order), prune)
    lm.save(npz)
    if arpa:
        write_arpa(lm, arpa)


def bench_estimation(text: Path, order: int, prune: list[int], repeats: int) -> None:
    cut = ["--prune", *map(str, prune)] if prune else []
    ours = [sys.executable, __file__, "--order", str(order), *cut, "--estimate", str(text), str(text.with_name("lm.npz"))]
    runs = {"ours, lm.npz alone": [*ours, "-"], "ours, with lm.arpa.gz": [*ours, str(text.with_name("lm.arpa.gz"))]}
    if lmplz := shutil.which("lmplz"):
        peer = [lmplz, "-o", str(order), *cut, "-S", "1G", "-T", str(text.parent), "--discount_fallback", "--text", str(text)]
        runs["lmplz -S 1G"] = [*peer, "--arpa", str(text.with_name("lm.arpa"))]
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    memory = dict.fromkeys(runs, 0.0)
    for _ in range(repeats):
        for name, command in runs.items():
            wall, peak = measure(command)
            seconds[name].append(wall)
            memory[name] = max(memory[name], peak)
    print(f"estimation, order {order}, {os.path.getsize(text) / 1e6:.0f} MB of text, {len(os.sched_getaffinity(0))} cores")
    for name in runs:
        print(f"  {name:24} {statistics.median(seconds[name]):7.1f} s {memory[name]:7.0f} MiB")
    if lmplz:
        ratio = statistics.median(seconds["ours, with lm.arpa.gz"]) / statistics.median(seconds["lmplz -S 1G"])
        print(f"  ours takes {ratio:.2f} times lmplz's time")
    else:
        print("  lmplz is not on PATH: no peer")


def bench_perplexity(text: Path, held: list[str]) -> None:
    """Of the sentences kept apart, with each side's ARPA file."""
    made = {"ours": text.with_name("lm.arpa.gz"), "lmplz": text.with_name("lm.arpa")}
    found = {name: perplexity(NgramLM.load(path), held, str.split) for name, path in made.items() if path.is_file()}
    print(f"perplexity of {len(held)} sentences kept apart, {found['ours'].tokens} tokens, {found['ours'].unknown} unknown")
    for name, one in found.items():
        print(f"  {name:24} {one.per_token:.4f} a token, {one.per_known_token:.4f} a known one")
    if "lmplz" in found:
        print(f"  ours differs by {100 * (found['ours'].per_token / found['lmplz'].per_token - 1):+.4f} % from lmplz's")


def measure(command: list[str]) -> tuple[float, float]:
    """(seconds, peak MiB) of a command."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{said.decode()[-2000:]}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def bench_lookup(text: Path, best: int, utterances: int) -> None:
    start = time.perf_counter()
    lm = NgramLM.load(text.with_name("lm.npz"))
    loading = time.perf_counter() - start
    lists = nbest(text, best, utterances)
    words = sum(line.count(" ") + 1 for line in lists)
    start = time.perf_counter()
    ours = lm.score_sentences([line.split() for line in lists])
    seconds = time.perf_counter() - start
    print(f"look-up, order {lm.order}, {sum(lm.counts())} n-grams, {len(lists)} hypotheses, {words} words")
    print(f"  {'ours':24} {seconds:7.1f} s {words / seconds / 1e6:7.2f} M words/s, loaded in {loading:.1f} s")
    if importlib.util.find_spec("kenlm") is None:
        print("  kenlm is not importable: no peer")
    else:
        import kenlm

        peer = kenlm.Model(str(text.with_name("lm.arpa.gz")))
        start = time.perf_counter()
        theirs = np.array([peer.score(line) for line in lists]) * np.log(10)
        peer_seconds = time.perf_counter() - start
        print(f"  {'kenlm (probing)':24} {peer_seconds:7.1f} s {words / peer_seconds / 1e6:7.2f} M words/s")
        print(
            f"  ours takes {seconds / peer_seconds:.2f} times kenlm's time; largest difference {np.abs(ours - theirs).max():.1e}"
        )
    bench_rows(lm)


def nbest(text: Path, best: int, utterances: int) -> list[str]:
    """`best` variants of each of the text's first lines, a word or two of each changed."""
    rng = np.random.default_rng(1)
    lists: list[str] = []
    with open(text, encoding="utf-8") as lines:
        for _, line in zip(range(utterances), lines, strict=False):
            words = line.split()
            for place, other in zip(rng.integers(len(words), size=best), rng.integers(TYPES, size=best).tolist(), strict=True):
                lists.append(" ".join([*words[:place], f"w{other % 3000}", *words[place + 1 :]]))
    return lists


def bench_rows(lm: NgramLM) -> None:
    """Dense rows as the search asks for them: 200 states it has not met before, each step, the first 500 tokens as text."""
    rng = np.random.default_rng(2)
    from cyasr.lm.counts import count_ngrams
    from cyasr.lm.kneser_ney import estimate

    for size in (13, 500, 5000):
        tokens = rng.zipf(1.3, 400_000) % size
        sentences = [[str(token) for token in line] for line in tokens.reshape(-1, 20).tolist()]
        small, _ = estimate(count_ngrams(sentences, 4, [str(token) for token in range(size)]))
        states = np.full(200, small.start())
        small.scores(states)
        start = time.perf_counter()
        for _ in range(50):
            states = small.advance(states, 3 + rng.zipf(1.3, 200) % size)
            small.scores(states)
        print(f"  rows of {size:4} tokens, order 4: {(time.perf_counter() - start) / 50 * 1e3:6.2f} ms for 200 hypotheses a step")


if __name__ == "__main__":
    main()
