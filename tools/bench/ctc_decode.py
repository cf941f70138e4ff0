"""CTC beam search with a word n-gram against pyctcdecode and flashlight-text: same posteriors, same ARPA, same beam, one run.

    python -m steps.decode --exp exp/mini/train_ebranchformer_mini --conf conf/decode_greedy_noise0.yaml  # and --gather
    pip install --no-deps pyctcdecode==0.5.0 pygtrie==2.5.0 flashlight-text==0.0.7 kenlm==0.3.0  # kenlm needs a C++ compiler
    python tools/bench/ctc_decode.py --exp exp/mini/train_ebranchformer_mini --lm exp/mini/lm_word3

Every side gets the posteriors without the tokens that write nothing, in float32. Its weights, two at a time, and pruning are
tuned on dev; then it takes the fastest pruning that costs at most 0.1 points of dev WER. What is timed is from an
utterance's posteriors to its ten best texts (flashlight: the best text alone), without loading and compiling, in processes
that are kept waiting and run in turn. A side that is not installed is said to be absent.

flashlight's lexicon spells a word with the ▁ behind it, so its posteriors end with a frame of ▁; its lists are closed, and
the words outside them, which the other two can write, are errors of its own.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

Posteriors = list[NDArray[np.float32]]

SIDES = ("ours", "pyctcdecode", "flashlight")
NBEST = 10
WEIGHTS = {"lm": [0.5, 0.3, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7], "word": [2.0, 0.0, 1.0, 3.0, 4.0, 6.0]}  # every side's
OWN_WEIGHTS: dict[str, dict[str, list[float]]] = {
    "ours": {"unknown": [0.0, -2.0, 2.0, -4.0, -6.0], "spelling": [0.5, 0.3, 0.7, 1.0, 0.2]},
    "pyctcdecode": {"unknown": [-10.0, -3.0, -6.0, -20.0]},
    "flashlight": {},
}
PRUNING: dict[str, list[dict[str, float]]] = {
    "ours": [{"distance": d, "floor": f} for d, f in ((10, -6), (7, -5), (5, -5), (7, -6), (10, -5), (14, -7))],
    "pyctcdecode": [
        {"beam_prune_logp": b, "token_min_logp": t}
        for b, t in ((-10.0, -5.0), (-7.0, -5.0), (-5.0, -5.0), (-7.0, -6.0), (-10.0, -6.0), (-14.0, -7.0))
    ],
    "flashlight": [
        {"beam_size_token": k, "beam_threshold": b}
        for k, b in ((15, 20.0), (60, 20.0), (8, 12.0), (15, 12.0), (60, 12.0), (60, 50.0))
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exp", type=Path, required=True, help="exp/<set>/train_<system>, decoded with posteriors")
    parser.add_argument("--lm", type=Path, required=True, help="exp/<set>/lm_<name> over words")
    parser.add_argument("--decodes", default="decode_greedy decode_greedy_noise0", help="decodes that kept posteriors")
    parser.add_argument("--beam", type=int, default=50)
    parser.add_argument("--tune-limit", type=int, default=242, help="dev utterances that weights are tuned on")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--worker", help=argparse.SUPPRESS)  # what a process is started with
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments, **json.loads(arguments.worker))
        return
    with tempfile.TemporaryDirectory() as directory:
        present = [side for side in SIDES if available(side)]
        for decode in arguments.decodes.split():
            compare(arguments, Path(directory), arguments.exp / decode, present)


def available(side: str) -> bool:
    needs = {"ours": [], "pyctcdecode": ["pyctcdecode", "kenlm"], "flashlight": ["flashlight", "kenlm"]}[side]
    missing = [module for module in needs if importlib.util.find_spec(module) is None]
    if missing:
        print(f"{side}: absent ({', '.join(missing)} not installed)")
    return not missing


def compare(arguments: argparse.Namespace, directory: Path, decode: Path, present: list[str]) -> None:
    seconds = prepare(arguments, directory, decode)
    compiling = start(arguments, directory, "ours", 0, 1, {"NUMBA_CACHE_DIR": str(directory / decode.name)})[1]["loaded"]
    print(f"ours, first use ever: {compiling:.1f} s more to compile, kept on disk", flush=True)
    teams = {}
    for side in present:
        for processes in (1, 2):
            team = [start(arguments, directory, side, share, processes)[0] for share in range(processes)]
            if processes == 1:
                chosen = ask(team, "tune")[0]
                (directory / f"{side}.json").write_text(json.dumps(chosen["settings"]))
                print(f"{side:12s} dev WER {chosen['wer']:.2f} %, {chosen['settings']}", flush=True)
            else:
                ask(team, "settings")
            teams[side, processes] = team
    times: dict[tuple[str, int], list[tuple[float, float]]] = {key: [] for key in teams}
    errors: dict[tuple[str, int], float] = {}
    for _ in range(arguments.repeats):
        for key, team in teams.items():
            started = time.perf_counter()
            found = ask(team, "test")
            times[key].append((time.perf_counter() - started, sum(one["cpu"] for one in found)))
            errors[key] = 100 * sum(one["errors"] for one in found) / sum(one["words"] for one in found)
    for team in teams.values():
        for worker in team:
            worker.stdin.close()  # type: ignore[union-attr]
            worker.wait()
    for processes in (1, 2):
        best = {side: statistics.median(wall for wall, _ in times[side, processes]) for side in present}
        for side in present:
            cpu = statistics.median(spent for _, spent in times[side, processes])
            print(
                f"{side:12s} {processes} process(es) of one thread: {best[side]:7.3f} s, CPU {cpu:7.3f} s, "
                f"RTF {best[side] / seconds:.5f}, WER {errors[side, processes]:.2f} %"
            )
        if len(best) > 1:
            peer = min(value for side, value in best.items() if side != "ours")
            print(f"ratio, the faster of the peers over ours: {peer / best['ours']:.1f}", flush=True)


def prepare(arguments: argparse.Namespace, directory: Path, decode: Path) -> float:
    """Write dev's and test's posteriors, their references and the ARPA file; return the seconds of test."""
    from cyasr.nbest import read_nbest
    from cyasr.score.lists import describe, set_of
    from cyasr.score.references import normaliser_of, read_references
    from cyasr.search.posteriors import Posteriors, find_shards
    from cyasr.text.tokenizer import Tokenizer

    tokens = Tokenizer.load(arguments.exp / "tokenizer").tokens
    seconds = 0.0
    for split in ("dev", "test"):
        one = describe(decode / f"{split}.nbest.jsonl.gz", set_of(arguments.exp), arguments.exp.name, decode.name)
        apply = normaliser_of(one.data).apply
        references = {name: apply(reference.text) for name, reference in read_references(one.references).items()}
        with closing(Posteriors(find_shards(decode, split), len(tokens))) as kept:
            posteriors = {nbest.id: kept[nbest.id] for nbest in read_nbest(one.path)}
        arrays = {f"{name}|{references[name]}": log_probs for name, log_probs in posteriors.items()}
        np.savez(directory / f"{split}.npz", **arrays)  # type: ignore[arg-type]
        if split == "test":
            seconds = sum(nbest.audio_seconds for nbest in read_nbest(one.path))
            frames = np.concatenate(list(posteriors.values())).astype(np.float64)
            entropy = float(-(np.exp(frames) * frames).sum(axis=1).mean())
            print(f"\n{decode}: {len(posteriors)} utterances, {seconds:.0f} s, {len(frames)} frames")
            print(f"mean frame entropy {entropy:.3f} nats; {arguments.lm}; beam {arguments.beam}; {NBEST} best", flush=True)
    with gzip.open(arguments.lm / "lm.arpa.gz", "rb") as packed, open(directory / "lm.arpa", "wb") as plain:
        shutil.copyfileobj(packed, plain)
    return seconds


def start(
    arguments: argparse.Namespace, directory: Path, side: str, share: int, shares: int, more: dict[str, str] | None = None
) -> tuple[subprocess.Popen[str], Any]:
    """One process, loaded and warm, and what it said of it."""
    worker = {"directory": str(directory), "side": side, "share": share, "shares": shares}
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"} | (more or {})
    command = [sys.executable, *sys.argv, "--worker", json.dumps(worker)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    return process, hear(process)


def ask(team: list[subprocess.Popen[str]], what: str) -> list[Any]:
    for worker in team:
        assert worker.stdin is not None
        worker.stdin.write(what + "\n")
        worker.stdin.flush()
    return [hear(worker) for worker in team]


def hear(worker: subprocess.Popen[str]) -> Any:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        sys.exit("ctc_decode.py: a process ended early; see above")
    return json.loads(line)


def work(arguments: argparse.Namespace, directory: str, side: str, share: int, shares: int) -> None:
    """Load, say so, then do what every line read asks for."""
    from cyasr.text.tokenizer import Tokenizer

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes elsewhere
    folder = Path(directory)
    tokenizer = Tokenizer.load(arguments.exp / "tokenizer")
    sets = {}
    for split in ("dev", "test"):
        with np.load(folder / f"{split}.npz") as arrays:
            mine = sorted(arrays.files, key=lambda name: len(arrays[name]))[share::shares]
            sets[split] = ([name.partition("|")[2] for name in mine], [arrays[name] for name in mine])
    engine = {"ours": Ours, "pyctcdecode": PyCtcDecode, "flashlight": Flashlight}[side](arguments, folder, tokenizer)
    started = time.perf_counter()
    engine.set(first_weights(side) | PRUNING[side][0])
    engine.decode(sets["dev"][1][:3])
    print(json.dumps({"loaded": time.perf_counter() - started}), file=answers, flush=True)
    for line in sys.stdin:
        if line.strip() == "tune":
            some = tuple(part[:: max(1, len(sets["dev"][0]) // arguments.tune_limit)] for part in sets["dev"])
            answer = tune(side, engine, *some)  # type: ignore[arg-type]
        elif line.strip() == "settings":
            engine.set(json.loads((folder / f"{side}.json").read_text()))
            answer = {}
        else:
            answer = run(engine, *sets["test"])
        print(json.dumps(answer), file=answers, flush=True)


def first_weights(side: str) -> dict[str, float]:
    return {name: values[0] for name, values in (WEIGHTS | OWN_WEIGHTS[side]).items()}


def run(engine: Any, references: list[str], posteriors: Posteriors) -> dict[str, float]:
    from rapidfuzz.distance import Levenshtein

    wall, cpu = time.perf_counter(), time.process_time()
    texts = engine.decode(posteriors)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    pairs = [(reference.split(), text.split()) for reference, text in zip(references, texts, strict=True)]
    errors = sum(Levenshtein.distance(*pair) for pair in pairs)
    return {"wall": wall, "cpu": cpu, "errors": errors, "words": sum(len(reference) for reference, _ in pairs)}


def tune(side: str, engine: Any, references: list[str], posteriors: Posteriors) -> dict[str, Any]:
    """The weights, in pairs, and pruning with the fewest errors, twice; then the fastest pruning within 0.1 points."""
    from cyasr.fusion.tuning import descend

    def tried(settings: dict[str, float]) -> dict[str, float]:
        engine.set(settings)
        return run(engine, references, posteriors)

    best, pruning = first_weights(side), PRUNING[side][0]
    known: dict[str, int] = {}

    def errors(settings: dict[str, float]) -> int:
        key = json.dumps(settings, sort_keys=True)
        if key not in known:
            known[key] = int(tried(settings)["errors"])
        return known[key]

    candidates = WEIGHTS | OWN_WEIGHTS[side]
    groups = [tuple(WEIGHTS), tuple(OWN_WEIGHTS[side])]
    for _ in range(2):
        best, _fewest = descend(lambda weights, limits=pruning: errors(weights | limits), candidates, best, 1, groups)
        pruning = min([pruning, *PRUNING[side]], key=lambda limits: errors(best | limits))
    results = [(tried(best | limits), limits) for limits in PRUNING[side]]
    fewest = min(result["errors"] for result, _ in results)
    good = [one for one in results if one[0]["errors"] - fewest <= 0.001 * one[0]["words"]]
    result, pruning = min(good, key=lambda one: one[0]["cpu"])
    engine.set(best | pruning)
    return {"settings": best | pruning, "wer": 100 * result["errors"] / result["words"]}


class Ours:
    def __init__(self, arguments: argparse.Namespace, directory: Path, tokenizer: Any) -> None:
        from cyasr.lm.ngram import NgramLM
        from cyasr.search.ctc_beam import CtcBeam

        self.search = CtcBeam(tokenizer.tokens, NgramLM.load(arguments.lm / "lm.npz"), beam=arguments.beam)
        self.tokenizer = tokenizer

    def set(self, settings: dict[str, float]) -> None:
        self.search.distance, self.search.floor = settings["distance"], settings["floor"]
        self.search.set_weights(
            {"lm": settings["lm"], "words": settings["word"], "unknown": settings["unknown"], "spelling": settings["spelling"]}
        )

    def decode(self, posteriors: Posteriors) -> list[str]:
        found = self.search.decode(map(self.search.pack, posteriors), NBEST)
        texts = [[self.tokenizer.decode(hyp.tokens) for hyp in hyps] for hyps in found]
        return [one[0] for one in texts]


class PyCtcDecode:
    def __init__(self, arguments: argparse.Namespace, directory: Path, tokenizer: Any) -> None:
        import logging

        from pyctcdecode import build_ctcdecoder

        logging.getLogger("pyctcdecode").setLevel(logging.ERROR)
        self.beam = arguments.beam
        self.writing = [0, *range(2, len(tokenizer.tokens) - 1)]
        pieces = any(token.startswith("▁") and token != "▁" for token in tokenizer.tokens)
        labels = [tokenizer.tokens[i] if pieces else tokenizer.tokens[i].replace("▁", " ") for i in self.writing]
        self.decoder = build_ctcdecoder(["", *labels[1:]], str(directory / "lm.arpa"))

    def set(self, settings: dict[str, float]) -> None:
        self.decoder.reset_params(alpha=settings["lm"], beta=settings["word"], unk_score_offset=settings["unknown"])
        self.pruning = {name: settings[name] for name in ("beam_prune_logp", "token_min_logp")}

    def decode(self, posteriors: Posteriors) -> list[str]:
        best = []
        for log_probs in posteriors:
            beams = self.decoder.decode_beams(log_probs[:, self.writing], beam_width=self.beam, **self.pruning)
            best.append(beams[0][0])
        return best


class Flashlight:
    def __init__(self, arguments: argparse.Namespace, directory: Path, tokenizer: Any) -> None:
        from flashlight.lib.text.decoder import SmearingMode, Trie
        from flashlight.lib.text.decoder.kenlm import KenLM
        from flashlight.lib.text.dictionary import Dictionary

        self.beam, self.tokenizer = arguments.beam, tokenizer
        self.writing = [0, *range(2, len(tokenizer.tokens) - 1)]
        tokens = [tokenizer.tokens[i] for i in self.writing]
        places = {token: place for place, token in enumerate(tokens)}
        if "▁" not in places:
            sys.exit("ctc_decode.py: flashlight's side is written for characters")
        self.space = places["▁"]
        unigrams = (directory / "lm.arpa").read_text(encoding="utf-8").partition("\\1-grams:\n")[2].partition("\n\n")[0]
        words = [word for word in (line.split("\t")[1] for line in unigrams.splitlines()) if word not in {"<s>", "</s>", "<unk>"}]
        self.words = Dictionary()
        for word in [*words, "<unk>"]:
            self.words.add_entry(word)
        self.words.set_default_index(self.words.get_index("<unk>"))
        self.lm = KenLM(str(directory / "lm.arpa"), self.words)
        self.trie = Trie(len(tokens), self.space)
        begin = self.lm.start(False)
        for word in words:
            pieces = tokenizer.pieces(word)
            if all(piece in places for piece in pieces):
                index = self.words.get_index(word)
                score = self.lm.score(begin, index)[1]
                self.trie.insert([*(places[piece] for piece in pieces), self.space], index, score)
        self.trie.smear(SmearingMode.MAX)

    def set(self, settings: dict[str, float]) -> None:
        from flashlight.lib.text.decoder import CriterionType, LexiconDecoder, LexiconDecoderOptions

        options = LexiconDecoderOptions(
            beam_size=self.beam,
            beam_size_token=min(int(settings["beam_size_token"]), len(self.writing)),
            beam_threshold=settings["beam_threshold"],
            lm_weight=settings["lm"],
            word_score=settings["word"],
            unk_score=float("-inf"),
            sil_score=0.0,
            log_add=True,
            criterion_type=CriterionType.CTC,
        )
        unknown = self.words.get_index("<unk>")
        self.decoder = LexiconDecoder(options, self.trie, self.lm, self.space, 0, unknown, [], False)

    def decode(self, posteriors: Posteriors) -> list[str]:
        best = []
        for log_probs in posteriors:
            emissions = np.full((len(log_probs) + 1, len(self.writing)), -30.0, np.float32)
            emissions[:-1] = log_probs[:, self.writing]
            emissions[-1, self.space] = 0.0
            results = self.decoder.decode(emissions.ctypes.data, *emissions.shape)
            words = [self.words.get_entry(word) for word in results[0].words if word >= 0] if results else []
            best.append(" ".join(words))
        return best


if __name__ == "__main__":
    main()
