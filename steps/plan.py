"""By hand: what a training will need, before it is paid for; or, with --choose, which conf to take.

Parameters, memory, the batch that fits and hours come from the conf's real architecture on torch's meta device: nothing
is downloaded. Memory is for the longest utterance.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr.cli import UsageError, run
from cyasr.planning.choose import Candidate, Question, choose

if TYPE_CHECKING:
    from cyasr.planning.plan import Plan

UTILISATION = 0.4  # of a GPU's peak that training sustains
GPU_TERAFLOPS = 100.0  # peak in bf16 where --teraflops says nothing: about an L4's (121); an A100 has 312
CPU_TERAFLOPS = 0.1  # sustained by two cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conf", type=Path, help="conf/train_<system>.yaml")
    parser.add_argument("--choose", action="store_true", help="choose a conf by the options below")
    parser.add_argument("--gpu", default="24G", help="its memory, as 24G; none: train on CPU cores (default: 24G)")
    parser.add_argument("--teraflops", type=float, help=f"the GPU's peak in bf16 (default: {GPU_TERAFLOPS:g})")
    parser.add_argument("--hours", type=float, help="of transcribed speech (default: the data set's, or 10)")
    parser.add_argument("--data", type=Path, help="data/<set>: its hours, longest cut and tokenizer")
    parser.add_argument("--seconds", type=float, help="of the longest utterance (default: the data set's, or 15; Whisper: 30)")
    parser.add_argument("--task", choices=["asr", "translation", "understanding", "dialogue"], default="asr")
    parser.add_argument("--licence", choices=["any", "commercial"], default="any")
    parser.add_argument("--streaming", action="store_true", help="text while it is spoken")
    parser.add_argument("--greek", action="store_true", help="only models that have learnt from Greek transcripts")
    parser.add_argument("--published-data", action="store_true", help="only models whose training data is known")
    arguments = parser.parse_args()
    if arguments.choose == (arguments.conf is not None):
        raise UsageError("give either --conf conf/train_<system>.yaml or --choose")
    for option in ("hours", "seconds", "teraflops"):
        value = getattr(arguments, option)
        if value is not None and not value > 0:
            raise UsageError(f"--{option}: should be above 0, not {value:g}")
    if arguments.choose:
        _choose(arguments)
    else:
        _print(arguments, arguments.conf, *_plan(arguments, arguments.conf))


def _choose(arguments: argparse.Namespace) -> None:
    """Print the first candidate that exists and fits, with the reasons."""
    hours = arguments.hours or _data(arguments)[0]
    candidates, reasons = choose(
        Question(
            arguments.task, hours, arguments.licence == "commercial", arguments.streaming, arguments.greek,
            arguments.published_data, cpu=_memory(arguments.gpu) is None,
        )
    )  # fmt: skip
    print("\n".join(reasons))
    for one in candidates:
        path = Path("conf") / f"train_{one.name}.yaml"
        if path.exists() and _fits(arguments, path):
            _print_choice(one, path)
            if arguments.task == "translation":
                print("set in it: task: translate")
            return
    raise UsageError(f"--gpu {arguments.gpu}: none of {', '.join(one.name for one in candidates)} fits into it")


def _print_choice(one: Candidate, path: Path) -> None:
    print(f"{path}: {one.why} ({one.licence}; trained so at {one.hours:g} hours or more)")


def _fits(arguments: argparse.Namespace, path: Path) -> bool:
    memory = _memory(arguments.gpu)
    if memory is None:
        return True
    made, _ = _plan(arguments, path)
    if made.fitting(memory) < 1:
        print(f"{path}: does not fit, {made.peak(1) / 1e9:.1f} GB for one utterance")
        return False
    return True


def _plan(arguments: argparse.Namespace, path: Path) -> tuple[Plan, Any]:
    from cyasr.planning.plan import plan
    from cyasr.systems import load_conf

    conf = load_conf(path)
    longest = 30.0 if conf.system == "hf_seq2seq" else _data(arguments)[1]
    return plan(conf, arguments.data, arguments.seconds or longest, _memory(arguments.gpu) is not None), conf


def _print(arguments: argparse.Namespace, path: Path, made: Plan, conf: Any) -> None:
    from cyasr.planning.plan import GB, micro_batch, padded, refuse_if_too_large

    planned = micro_batch(conf, made.seconds)
    activations = made.peak(planned) - made.states
    rows = [
        ("parameters", f"{made.parameters:,}"),
        ("trained", f"{made.trained:,}"),
        ("weights", f"{made.weights / GB:.2f} GB"),
        ("gradients", f"{made.gradients / GB:.2f} GB"),
        ("optimizer", f"{made.optimizer / GB:.2f} GB"),
        (
            "activations",
            f"{activations / GB:.2f} GB, {planned} utterances of {made.seconds:g} s in a micro-batch, as the conf says",
        ),
        ("together", f"{made.peak(planned) / GB:.2f} GB"),
    ]
    if made.kv_cache:
        rows.append(("KV cache", f"{made.kv_cache / GB:.3f} GB for each hypothesis of a beam, while decoding"))
    memory = _memory(arguments.gpu)
    if memory is not None:
        refuse_if_too_large(made, memory)
        most = made.fitting(memory)
        limit = most * padded(conf, made.seconds)
        verdict = "the conf fits" if most >= planned else f"the conf does not: set micro_batch_seconds: {limit:g}"
        rows.append((f"in {arguments.gpu}", f"{most} utterances, {limit:g} s, in a micro-batch; {verdict}"))
    hours, rate = arguments.hours or _data(arguments)[0], _rate(arguments, memory)
    told = f"{made.hours(hours, conf.epochs, rate):.1f} for {conf.epochs:g} epochs of {hours:g} h of speech"
    rows.append(("hours", f"{told}, at {rate / 1e12:g} TFLOP/s sustained (assumed, not measured)"))
    print("\n".join(f"{name:12} {value}" for name, value in rows))


def _rate(arguments: argparse.Namespace, memory: float | None) -> float:
    """Operations a second."""
    return (CPU_TERAFLOPS if memory is None else UTILISATION * (arguments.teraflops or GPU_TERAFLOPS)) * 1e12


def _memory(text: str) -> float | None:
    """Bytes of `24G` (GiB, as graphics cards count); None for `none`."""
    if text == "none":
        return None
    size = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:G|GB|GiB)?", text)
    if size is None or float(size[1]) == 0:
        raise UsageError(f"--gpu: memory as 24G, or none; not {text!r}")
    return float(size[1]) * 2**30


def _data(arguments: argparse.Namespace) -> tuple[float, float]:
    """Hours of speech and seconds of the longest cut in the data set's train; 10 and 15 where there is no set."""
    if arguments.data is None:
        return 10.0, 15.0
    path = arguments.data / "train.jsonl.gz"
    if not path.exists():
        raise UsageError(f"{path} does not exist; run stage 2")
    from cyasr.files import read_jsonl_gz

    durations = [float(cut["duration"]) for cut in read_jsonl_gz(path)]
    return sum(durations) / 3600, max(durations)


if __name__ == "__main__":
    run(main)
