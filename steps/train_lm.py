"""Stage 4: a language model, as the conf's `kind` says: an n-gram or a neural one from the train cuts and extra text, dev
and test sentences kept out; or somebody's own, looked at and measured on dev."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.lm.conf import LmConf
from cyasr.lm.kinds import load_conf, module
from cyasr.process import peak_memory_mb
from cyasr.stage import Stage

PRODUCTS = ("lm.npz", "lm.arpa.gz", "leaks.tsv", "conf.yaml", "run.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data/<set>")
    parser.add_argument("--conf", type=Path, required=True, help="conf/lm_<name>.yaml")
    parser.add_argument("--ngpu", type=int, help="GPUs to train on (default: all there are; 0: none); n-grams use none")
    parser.add_argument("--redo", action="store_true", help="move a trained model to <name>.old-N and train anew")
    arguments = parser.parse_args()
    conf = load_conf(arguments.conf)
    if not arguments.data.is_relative_to("data"):
        raise UsageError(f"--data {arguments.data}: should be a data set below data/")
    if conf.kind == "ngram":
        make(arguments.data, arguments.conf, conf)
    else:
        module(conf.kind).make(arguments.data, arguments.conf, conf, arguments.ngpu, arguments.redo)


def make(data: Path, conf_path: Path, conf: LmConf) -> None:
    """An n-gram, where it is not there or something that it is made of changed."""
    directory = Path("exp") / data.relative_to("data") / conf_path.stem
    manifests = [data / f"{split}.jsonl.gz" for split in ("train", "dev", "test")]
    tokenizer = None if conf.tokens == "word" else data / f"tokenizer_{conf.tokens}"
    inputs = [*manifests, data / "conf.yaml", *map(Path, conf.text)]
    if tokenizer:
        inputs += [tokenizer / "tokens.txt", *([tokenizer / "pieces.model"] if conf.tokens != "char" else [])]
    stage = Stage(directory / ".stamp.json", inputs, dataclasses.asdict(conf))
    if not stage.fresh():
        train(data, manifests, tokenizer, conf, directory)
        stage.done(directory / name for name in PRODUCTS)


def train(data: Path, manifests: list[Path], tokenizer_dir: Path | None, conf: LmConf, directory: Path) -> None:
    """Write lm.npz, lm.arpa.gz, leaks.tsv, conf.yaml and run.json into `directory`."""
    from cyasr.data.progress import progress
    from cyasr.experiment import input_hashes, surroundings
    from cyasr.files import replacing, write_json
    from cyasr.licences import taint
    from cyasr.lm import text_cuts
    from cyasr.lm.arpa import write_arpa
    from cyasr.lm.backoff import pruned
    from cyasr.lm.counts import count_ngrams
    from cyasr.lm.kneser_ney import estimate
    from cyasr.lm.leaks import LeakGate
    from cyasr.lm.mixture import mixture
    from cyasr.lm.perplexity import perplexity
    from cyasr.lm.text import LmText, sentences
    from cyasr.lock import Lock

    started, record = time.monotonic(), surroundings()
    pieces, vocab = tokenization(tokenizer_dir)
    train_cuts, dev, test = manifests
    sources = text_cuts.sources(conf, train_cuts)
    profile = str(confs.read(data / "conf.yaml").get("profile", "t1"))
    text = LmText(sources, LeakGate(sentences([dev, test])), profile, conf.max_leaks)
    with Lock(directory) as lock:
        with replacing(directory / "leaks.tsv") as temporary, open(temporary, "w", encoding="utf-8") as listing:
            note = f"{directory}: lines read"
            if conf.mix:
                paths = [source.path for source in sources]
                read = progress(text.lines_by_source(listing), note)
                lm, parts = mixture(read, paths, pieces, vocab, conf.order, conf.prune, list(sentences([dev])))
            else:
                counted = count_ngrams((pieces(line) for line in progress(text.lines(listing), note)), conf.order, vocab)
        if conf.mix:
            record |= {key: sum(getattr(part, key) for part in parts) for key in ("sentences", "tokens")}
            record |= {"unknown_tokens": sum(part.unknown for part in parts), "mixture": list(map(dataclasses.asdict, parts))}
            for part in parts:
                print(
                    f"{directory}: {part.path}: weight {part.weight:.3f}, alone {part.dev.per_token:.2f} a token on dev",
                    flush=True,
                )
        else:
            record |= {"sentences": counted.sentences, "tokens": counted.tokens, "unknown_tokens": counted.unknown}
            print(
                f"{directory}: {counted.sentences} sentences, {counted.tokens} tokens; estimating order {conf.order}", flush=True
            )
            lm, discounts = estimate(counted, conf.prune)
            record["discounts"] = [dataclasses.asdict(one) for one in discounts]
            for n, discount in enumerate(discounts, 1):
                if discount.fallback:
                    print(f"{directory}: too few kinds of {n}-grams to estimate discounts; {discount.amounts} taken", flush=True)
        if conf.entropy:
            whole, before = lm.counts(), perplexity(lm, sentences([dev]), pieces)
            lm = pruned(lm, conf.entropy)
            record["pruned"] = {"ngrams_before": whole, "dev_before": dataclasses.asdict(before)}
        on_dev = perplexity(lm, sentences([dev]), pieces)
        lock.check()
        lm.save(directory / "lm.npz")
        write_arpa(lm, directory / "lm.arpa.gz")
        confs.freeze(conf, directory / "conf.yaml")
        record |= {
            "vocabulary": len(lm.vocab),
            "ngrams": lm.counts(),
            "dev": dataclasses.asdict(on_dev),
            "text": text.report(),
            "licences": text.licences,
            "taint": taint(text.licences),
            "leaks_dropped": sum(source.dropped for source in sources),
            "inputs": input_hashes([*manifests, *map(Path, conf.text)]),
            "seconds": round(time.monotonic() - started, 2),
            "peak_memory_mb": round(peak_memory_mb()),
        }
        write_json(directory / "run.json", record)
    print(
        f"{directory}: {sum(lm.counts())} n-grams over {len(lm.vocab)} tokens, perplexity on dev {on_dev.per_token:.2f} a token, "
        f"{on_dev.per_word:.1f} a word; {record['leaks_dropped']} lines dropped as dev or test sentences"
    )
    if record["taint"]:
        tainting = ", ".join(str(source.path) for source in sources if taint(source.licences))
        print(f"{directory}: {record['taint']} through {tainting} ({', '.join(text.licences)}); results that use it will say so")


def tokenization(directory: Path | None) -> tuple[Callable[[str], list[str]], list[str] | None]:
    """(what cuts a text into tokens, the closed list of tokens or None) for a tokenizer's directory; None: words."""
    if directory is None:
        return str.split, None
    from cyasr.text.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(directory)
    special = {tokenizer.blank_id, tokenizer.unk_id, tokenizer.sos_eos_id}
    return tokenizer.pieces, [token for i, token in enumerate(tokenizer.tokens) if i not in special]


if __name__ == "__main__":
    run(main)
