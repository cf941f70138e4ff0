"""Joint beam search against ESPnet's own inference program: same weights, features, LM and search settings, one run.

    python tools/bench/decode.py --exp exp/mini/train_ebranchformer_mini --lm exp/mini/lm_ngram --noise-snr 5
    python tools/bench/decode.py --exp exp/mini/train_ebranchformer_mini --lm exp/mini/lm_transformer_mini

ESPnet's side is `espnet2.bin.asr_inference.Speech2Text`, an utterance at a time as it works. A neural language model it
builds and steps itself; our n-gram is one of its full scorers (its own needs kenlm, which has no wheel). Features are made
beforehand, for both sides alike. Imports, model loading and a first pass over a few utterances (compilation, caches) are not
counted. Every arrangement of processes and threads keeps its processes waiting and is run in turn, several times; the medians
are printed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

ARRANGEMENTS = [  # side, processes, threads of each
    ("ours", 1, 2),
    ("ours", 2, 1),
    ("espnet", 1, 2),
    ("espnet", 2, 1),
]
WARM_UP = 10  # utterances
FRAME_SECONDS = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exp", type=Path, required=True, help="exp/<set>/train_<system>, trained")
    parser.add_argument("--lm", type=Path, help="exp/<set>/lm_<name> over the system's tokens, n-gram or neural")
    parser.add_argument("--data", type=Path, help="data/<set> (default: the one it was trained on)")
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, default=100, help="utterances (default: 100)")
    parser.add_argument("--noise-snr", type=float, help="dB; white noise added to every utterance")
    parser.add_argument("--beam", type=int, default=10)
    parser.add_argument("--ctc-weight", type=float, default=0.3)
    parser.add_argument("--lm-weight", type=float, default=0.3)
    parser.add_argument("--penalty", type=float, default=0.0)
    parser.add_argument("--batch", type=int, default=10, help="utterances that ours decodes together (default: 10)")
    parser.add_argument("--guards", action="store_true", help="ours with its guards on, which ESPnet has none of")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--worker", help=argparse.SUPPRESS)  # what a process of an arrangement is started with
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments, **json.loads(arguments.worker))
        return
    with tempfile.TemporaryDirectory() as directory:
        compare(arguments, Path(directory))


def compare(arguments: argparse.Namespace, directory: Path) -> None:
    seconds, references = prepare(arguments, directory)
    print(f"{len(references)} utterances, {seconds:.0f} s; {arguments.exp}; noise {arguments.noise_snr} dB")
    lm = f"{arguments.lm.name} {arguments.lm_weight}" if arguments.lm else "no LM"
    weights = f"ctc {arguments.ctc_weight}, {lm}, penalty {arguments.penalty}"
    print(f"beam {arguments.beam}, {weights}; ours: batches of {arguments.batch}; OMP_WAIT_POLICY=PASSIVE")
    teams = {arrangement: start(arguments, directory, *arrangement) for arrangement in ARRANGEMENTS}
    times: dict[tuple[str, int, int], list[float]] = {arrangement: [] for arrangement in ARRANGEMENTS}
    results: dict[str, dict[int, Any]] = {}
    for repeat in range(arguments.repeats):
        for arrangement, team in teams.items():
            started = time.perf_counter()
            for worker in team:
                tell(worker)
            found = [hear(worker) for worker in team]
            times[arrangement].append(time.perf_counter() - started)
            print("repeat {}: {} {} x {} threads {:.2f} s".format(repeat + 1, *arrangement, times[arrangement][-1]), flush=True)
            results[arrangement[0]] = {int(n): hyp for part in found for n, hyp in part["hyps"].items()}
    for team in teams.values():
        for worker in team:
            worker.stdin.close()  # type: ignore[union-attr]
            worker.wait()
    report(seconds, references, times, results)


def report(seconds: float, references: list[str], times: dict[tuple[str, int, int], list[float]], results: Any) -> None:
    best: dict[str, float] = {}
    for (side, processes, threads), spent in times.items():
        median = statistics.median(spent)
        best[side] = min(best.get(side, median), median)
        runs = " ".join(f"{one:.2f}" for one in spent)
        print(f"{side:7s} {processes} x {threads} threads: {median:7.2f} s, real-time factor {median / seconds:.4f}   ({runs})")
    median = {arrangement: statistics.median(spent) for arrangement, spent in times.items()}
    for side in ("ours", "espnet"):
        print(f"{side:7s} WER {word_error_rate(references, [results[side][n]['text'] for n in range(len(references))]):.2f} %")
    ours, theirs = results["ours"], results["espnet"]
    same = sum(ours[n]["tokens"] == theirs[n]["tokens"] for n in range(len(references)))
    apart = [abs(ours[n]["total"] - theirs[n]["total"]) for n in ours if ours[n]["tokens"] == theirs[n]["tokens"]]
    print(f"same best hypothesis: {same} of {len(references)}, their scores within {max(apart, default=0.0):.1e}")
    one = median["espnet", 1, 2] / median["ours", 1, 2]
    print(f"ratio, each at its best: {best['espnet'] / best['ours']:.2f}; both in one process: {one:.2f}")


def word_error_rate(references: list[str], hypotheses: list[str]) -> float:
    from rapidfuzz.distance import Levenshtein

    pairs = [(reference.split(), hyp.split()) for reference, hyp in zip(references, hypotheses, strict=True)]
    return 100 * sum(Levenshtein.distance(*pair) for pair in pairs) / sum(len(reference) for reference, _ in pairs)


def prepare(arguments: argparse.Namespace, directory: Path) -> tuple[float, list[str]]:
    """Write features, weights and ESPnet's own files; return the seconds of audio and the references."""
    import numpy as np
    import torch
    from lhotse import CutSet

    from cyasr.data.audio import add_noise, load
    from cyasr.data.features import filterbank
    from cyasr.files import read_json

    data = arguments.data or Path(str(read_json(arguments.exp / "run.json")["data"]))
    cuts = list(CutSet.from_file(data / f"{arguments.split}.jsonl.gz").subset(first=arguments.limit))
    features = []
    for n, cut in enumerate(cuts):
        audio = load(cut)
        if arguments.noise_snr is not None:
            audio = add_noise(audio, arguments.noise_snr, np.random.default_rng(n))
        features.append(filterbank(audio))
    torch.save(features, directory / "features.pt")
    return sum(cut.duration for cut in cuts), [" ".join(one.text for one in cut.supervisions) for cut in cuts]


def start(arguments: argparse.Namespace, directory: Path, side: str, processes: int, threads: int) -> list[subprocess.Popen[str]]:
    """The processes of one arrangement, loaded and warm."""
    team = []
    for share in range(processes):
        worker = {"directory": str(directory), "side": side, "share": share, "shares": processes, "threads": threads}
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
        command = [sys.executable, *sys.argv, "--worker", json.dumps(worker)]
        team.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment))
        hear(team[-1])
    return team


def tell(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()


def hear(worker: subprocess.Popen[str]) -> Any:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        sys.exit("decode.py: a process ended early; see above")
    return json.loads(line)


def work(arguments: argparse.Namespace, directory: str, side: str, share: int, shares: int, threads: int) -> None:
    """Load, say so, then decode this process's share at every line read."""
    answers = sys.stdout
    del sys.argv[1:]  # ESPnet's default configurations heed the command line
    with contextlib.redirect_stdout(io.StringIO()):  # the toolkit prints
        import torch

        torch.set_num_threads(threads)
        features = torch.load(Path(directory) / "features.pt")
        # Like utterances together, and as much for every process
        mine = sorted(range(len(features)), key=lambda n: -len(features[n]))[share::shares]
        decode = {"ours": our_decoder, "espnet": espnet_decoder}[side](arguments, Path(directory))
        decode([features[n] for n in mine[:: max(1, len(mine) // WARM_UP)]])
    print("{}", file=answers, flush=True)
    for _ in sys.stdin:
        with contextlib.redirect_stdout(io.StringIO()):
            hyps = decode([features[n] for n in mine])
        print(json.dumps({"hyps": dict(zip(mine, hyps, strict=True))}), file=answers, flush=True)


def restore(arguments: argparse.Namespace) -> tuple[Any, Any]:
    from cyasr.search.token_lm import open_token_lm
    from cyasr.systems import restore

    system = restore(arguments.exp)
    lm = None if arguments.lm is None else open_token_lm(arguments.lm, system.conf.tokenizer, system.tokenizer.tokens)
    return system, lm


def our_decoder(arguments: argparse.Namespace, directory: Path) -> Any:
    import torch

    from cyasr.data.features import pad
    from cyasr.modules.espnet_decoder import IncrementalDecoder
    from cyasr.process import keep_freed_memory
    from cyasr.search.conf import SearchConf
    from cyasr.search.joint import joint_search

    system, lm = restore(arguments)
    tokenizer = system.tokenizer
    keep_freed_memory()
    decoder = IncrementalDecoder(system.decoder)
    conf = SearchConf(
        beam=arguments.beam,
        ctc_weight=arguments.ctc_weight,
        lm_weight=arguments.lm_weight if lm else 0.0,
        penalty=arguments.penalty,
        guards=arguments.guards,
    )

    @torch.inference_mode()
    def decode(features: list[torch.Tensor]) -> list[dict[str, Any]]:
        hyps = []
        for first in range(0, len(features), arguments.batch):
            encoded, lens = system.encode(*pad(features[first : first + arguments.batch], 0.0))
            log_probs = system.log_probs(encoded)
            for nbest in joint_search(conf, log_probs, lens, tokenizer.sos_eos_id, decoder=decoder, encoded=encoded, lm=lm):
                text = tokenizer.decode(nbest[0].tokens)
                hyps.append({"tokens": nbest[0].tokens, "total": nbest[0].total, "text": text})
        return hyps

    return decode


def espnet_decoder(arguments: argparse.Namespace, directory: Path) -> Any:
    import torch
    from espnet2.bin.asr_inference import Speech2Text

    system, lm = restore(arguments)
    tokenizer = system.tokenizer
    ngram = lm is not None and (arguments.lm / "lm.npz").exists()
    neural = lm is not None and not ngram
    speech_to_text = Speech2Text(
        *espnet_files(system, directory),
        **(espnet_lm_files(arguments.lm, directory) if neural else {}),
        beam_size=arguments.beam,
        ctc_weight=arguments.ctc_weight,
        lm_weight=arguments.lm_weight if neural else 0.0,
        ngram_weight=arguments.lm_weight,
        penalty=arguments.penalty,
        nbest=10,
    )
    if ngram:
        search = speech_to_text.beam_search
        search.scorers["ngram"] = search.full_scorers["ngram"] = espnet_scorer(lm)

    def decode(features: list[torch.Tensor]) -> list[dict[str, Any]]:
        best = [speech_to_text(one)[0] for one in features]
        return [{"tokens": ids, "total": float(hyp.score), "text": tokenizer.decode(ids)} for _, _, ids, hyp in best]

    return decode


def espnet_scorer(lm: Any) -> Any:
    """Our n-gram as an ESPnet full scorer, with the same kept rows; a state is that of the prefix before its last token."""
    import numpy as np
    import torch
    from espnet.nets.scorer_interface import BatchScorerInterface

    class Scorer(BatchScorerInterface):  # type: ignore[misc]
        def batch_init_state(self, x: torch.Tensor) -> None:
            return None

        def batch_score(self, ys: torch.Tensor, states: list[Any], xs: torch.Tensor) -> tuple[torch.Tensor, list[int]]:
            if ys.shape[1] == 1:
                now = lm.start(len(ys))
            else:
                before = np.array(states)
                lm.rows(before)
                now = lm.advance(before, ys[:, -1].numpy())
            table, rows = lm.rows(now)
            return torch.from_numpy(table[rows]), now.tolist()

    return Scorer()


def espnet_files(system: Any, directory: Path) -> tuple[Path, Path]:
    """ESPnet's train_config and model file with our weights."""
    import torch
    import yaml
    from espnet2.tasks.asr import ASRTask

    conf = system.conf
    config = ASRTask.get_default_config()
    config |= {
        "token_list": system.tokenizer.tokens,
        "token_type": None,
        "input_size": 80,
        "frontend": None,
        "specaug": None,
        "normalize": None,
        "encoder": conf.encoder,
        "encoder_conf": conf.encoder_options(),
        "decoder": "transformer",
        "decoder_conf": conf.decoder_options(),
    }
    config_path, model_path = directory / f"config.{os.getpid()}.yaml", directory / f"model.{os.getpid()}.pth"
    config_path.write_text(yaml.safe_dump(config), encoding="utf-8")
    torch.save(system.state_dict(), model_path)
    return config_path, model_path


def espnet_lm_files(lm: Path, directory: Path) -> dict[str, Path]:
    """One of our neural language models as ESPnet is told of it."""
    import yaml
    from espnet2.tasks.lm import LMTask

    from cyasr.lm.kinds import load_conf, neural

    system, conf = neural.restore(lm), load_conf(lm / "conf.yaml")
    config = LMTask.get_default_config()
    name = {"transformer": "transformer", "lstm": "seq_rnn"}[conf.network]
    config |= {"token_list": system.vocabulary, "lm": name, "lm_conf": conf.options()}
    path = directory / f"lm.{os.getpid()}.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return {"lm_train_config": path, "lm_file": lm / "model.pt"}


if __name__ == "__main__":
    main()
