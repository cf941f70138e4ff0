"""100-best rescoring with a word n-gram: ours as stage 7 does it, and a peer, from one run.

    python tools/bench/rescore.py --utterances 10000 --rounds 1

Lists are made here: sentences over the vocabulary of a trigram that is estimated on others like them, and hypotheses with a
few words changed, with scores and tokens as a system writes them. Ours reads them, normalises every hypothesis, scores
it, ranks and writes the lists, gzipped. The peer is what users write with kenlm's Python
module over the same ARPA: json, kenlm.Model.score of each hypothesis, sorted, json again, gzipped at the same level, without
normalising, in as many processes as there are cores. It is left out, and says so, where kenlm is not installed. Where ours
spends its time is printed from a run of its parts, one after the other, in one process. CPU seconds are not stretched by other
work on the machine.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

LETTERS = "αβγδεζηθικλμνξοπρστυφχψω"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=10_000)
    parser.add_argument("--nbest", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(Path(work), arguments.utterances, arguments.nbest)
        bench.ours()  # imports, compiled code
        sides: dict[str, Callable[[], None]] = {"ours": bench.ours}
        if importlib.util.find_spec("kenlm"):
            sides["kenlm in a loop"] = bench.peer
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        walls: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(arguments.rounds):
            for name, side in sides.items():
                start, wall = cpu(), time.perf_counter()
                side()
                seconds[name].append(cpu() - start)
                walls[name].append(time.perf_counter() - wall)
        took = {name: statistics.median(values) for name, values in seconds.items()}
        print(f"{arguments.utterances:,} utterances, {arguments.nbest} hypotheses each; median of {arguments.rounds}")
        for name, value in took.items():
            print(f"  {name:18}{value:8.1f} s of CPU, {statistics.median(walls[name]):.1f} s of wall clock")
        if len(took) > 1:
            print(f"  ours is {took['kenlm in a loop'] / took['ours']:.2f} times as fast")
        else:
            print("  kenlm is not installed: no peer")
        for name, value in bench.parts():
            print(f"    {name:24}{value:8.1f} s of CPU")


class Bench:
    def __init__(self, work: Path, utterances: int, nbest: int) -> None:
        from cyasr.lm.arpa import write_arpa
        from cyasr.lm.counts import count_ngrams
        from cyasr.lm.kneser_ney import estimate

        draw = random.Random(1)
        words = ["".join(draw.choices(LETTERS, k=draw.randint(2, 9))) for _ in range(5000)]
        sentences = [draw.choices(words, k=draw.randint(5, 15)) for _ in range(20_000)]
        self.utterances = utterances
        self.path, self.out = work / "in.nbest.jsonl.gz", work / "out.nbest.jsonl.gz"
        directory = work / "exp" / "toy" / "lm_word3"
        directory.mkdir(parents=True)
        lm, _ = estimate(count_ngrams(sentences, 3))
        lm.save(directory / "lm.npz")
        (directory / "conf.yaml").write_text("tokens: word\norder: 3\n")
        self.arpa = work / "lm.arpa"
        write_arpa(lm, self.arpa)
        self.lm = directory
        self.data = work / "data"
        self._write(draw, words, sentences, nbest)

    def _write(self, draw: random.Random, words: list[str], sentences: list[list[str]], nbest: int) -> None:
        from cyasr.nbest import Hypothesis, Nbest, write_nbest

        def lists() -> Iterator[Nbest]:
            for number in range(self.utterances):
                said = draw.choice(sentences)
                hyps = []
                for rank in range(nbest):
                    heard = list(said)
                    for _ in range(draw.randint(0, 3)):
                        heard[draw.randrange(len(heard))] = draw.choice(words)
                    text = " ".join(heard)
                    tokens = list(text.replace(" ", "▁"))
                    scores = {"ctc": -draw.random() * 20, "att": -draw.random() * 20, "length": len(tokens) + 1.0}
                    hyps.append(Hypothesis(text, tokens, scores, -0.5 * rank))
                yield Nbest(f"u{number:06}", hyps, "toy", {"ctc": 0.3, "att": 0.7}, 0.1, 5.0)

        write_nbest(self.path, lists())

    def ours(self) -> None:
        from cyasr.fusion.blocks import rewrite
        from cyasr.fusion.lm_scores import open_lm
        from cyasr.fusion.rescore import Ranking
        from cyasr.score.references import normaliser

        lm = open_lm(self.lm, self.data)
        lm.load()
        ranking = Ranking({"lm_word3": lm}, normaliser("t1"), {"lm_word3": 0.3, "words": 0.5}, self.path)
        rewrite(self.path, self.out, ranking, parallel=True)

    def peer(self) -> None:
        shares = os.cpu_count() or 1
        with ProcessPoolExecutor(shares) as pool:
            list(pool.map(kenlm_share, [(self.path, self.arpa, self.out, share, shares) for share in range(shares)]))

    def parts(self) -> Iterator[tuple[str, float]]:
        """What the parts of ours take by themselves, in one process."""
        from cyasr.files import read_lines_gz
        from cyasr.fusion.blocks import BLOCK, LEVEL
        from cyasr.fusion.checked import checked
        from cyasr.fusion.lm_scores import open_lm
        from cyasr.fusion.rescore import ranked
        from cyasr.nbest import line_of, parsed
        from cyasr.score.references import normaliser

        start = cpu()
        lines = list(read_lines_gz(self.path))
        yield f"unpacking {sum(map(len, lines)) / 1e6:.0f} MB", cpu() - start
        some = lines[:1000]
        scale = len(lines) / len(some)
        start = cpu()
        lists = list(checked((parsed(line, self.path, 1) for line in some), self.path))
        yield "reading JSON", scale * (cpu() - start)
        texts = [hyp.text for nbest in lists for hyp in nbest.hyps]
        start = cpu()
        apply = normaliser("t1").apply
        texts = [apply(text) for text in texts]
        yield "normalising", scale * (cpu() - start)
        lm = open_lm(self.lm, self.data)
        lm.load()
        start = cpu()
        lm.scores(texts, self.path)
        yield "the n-gram", scale * (cpu() - start)
        start = cpu()
        lists = [ranked(nbest, {"words": 0.5}) for nbest in lists]
        yield "ranking", scale * (cpu() - start)
        start = cpu()
        written = [line_of(nbest) for nbest in lists]
        yield "writing JSON", scale * (cpu() - start)
        start = cpu()
        for at in range(0, len(written), BLOCK):
            gzip.compress(b"".join(written[at : at + BLOCK]), LEVEL)
        yield "packing", scale * (cpu() - start)


def cpu() -> float:
    """Seconds of this process, its threads and its children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def kenlm_share(work: tuple[Path, Path, Path, int, int]) -> None:
    """Every `shares`-th list, as a script of a user would do it."""
    import kenlm

    path, arpa, out, share, shares = work
    model = kenlm.Model(str(arpa))
    with gzip.open(path, "rt") as lines, gzip.open(out.with_suffix(f".{share}.gz"), "wt", compresslevel=6) as ranked:
        for number, line in enumerate(lines):
            if number % shares != share:
                continue
            row = json.loads(line)
            for hyp in row["hyps"]:
                hyp["scores"]["lm"] = 2.302585 * model.score(hyp["text"])
                hyp["total"] += 0.3 * hyp["scores"]["lm"] + 0.5 * len(hyp["text"].split())
            row["hyps"].sort(key=lambda hyp: -hyp["total"])
            ranked.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
