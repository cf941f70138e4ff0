"""Stage 4: an n-gram language model from the train cuts and extra text, dev and test sentences kept out."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.lm.conf import LmConf
from cyasr.process import peak_memory_mb
from cyasr.stage import Stage

PRODUCTS = ("lm.npz", "lm.arpa.gz", "leaks.tsv", "conf.yaml", "run.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data/<set>")
    parser.add_argument("--conf", type=Path, required=True, help="conf/lm_<name>.yaml")
    arguments = parser.parse_args()
    conf = confs.load(arguments.conf, LmConf)
    if not arguments.data.is_relative_to("data"):
        raise UsageError(f"--data {arguments.data}: should be a data set below data/")
    directory = Path("exp") / arguments.data.relative_to("data") / arguments.conf.stem
    manifests = [arguments.data / f"{split}.jsonl.gz" for split in ("train", "dev", "test")]
    tokenizer = None if conf.tokens == "word" else arguments.data / f"tokenizer_{conf.tokens}"
    inputs = [*manifests, arguments.data / "conf.yaml", *map(Path, conf.text)]
    if tokenizer:
        inputs += [tokenizer / "tokens.txt", *([tokenizer / "pieces.model"] if conf.tokens != "char" else [])]
    stage = Stage(directory / ".stamp.json", inputs, dataclasses.asdict(conf))
    if not stage.fresh():
        train(arguments.data, manifests, tokenizer, conf, directory)
        stage.done(directory / name for name in PRODUCTS)


def train(data: Path, manifests: list[Path], tokenizer_dir: Path | None, conf: LmConf, directory: Path) -> None:
    """Write lm.npz, lm.arpa.gz, leaks.tsv, conf.yaml and run.json into `directory`."""
    from cyasr.data.progress import progress
    from cyasr.experiment import input_hashes, surroundings
    from cyasr.files import replacing, write_json
    from cyasr.licences import taint
    from cyasr.lm.arpa import write_arpa
    from cyasr.lm.counts import count_ngrams
    from cyasr.lm.kneser_ney import estimate
    from cyasr.lm.leaks import LeakGate
    from cyasr.lm.perplexity import perplexity
    from cyasr.lm.text import LmText, Source, sentences
    from cyasr.lock import Lock

    started, record = time.monotonic(), surroundings()
    pieces, vocab = tokenization(tokenizer_dir)
    train_cuts, dev, test = manifests
    extra = [Source(Path(path), [conf.licences[path]] if path in conf.licences else []) for path in conf.text]
    sources = [*([Source(train_cuts, [], normalised=True)] if conf.own else []), *extra]
    profile = str(confs.read(data / "conf.yaml").get("profile", "t1"))
    text = LmText(sources, LeakGate(sentences([dev, test])), profile, conf.max_leaks)
    with Lock(directory) as lock:
        with replacing(directory / "leaks.tsv") as temporary, open(temporary, "w", encoding="utf-8") as listing:
            lines = progress(text.lines(listing), f"{directory}: lines read")
            counted = count_ngrams((pieces(line) for line in lines), conf.order, vocab)
        record |= {"sentences": counted.sentences, "tokens": counted.tokens, "unknown_tokens": counted.unknown}
        print(f"{directory}: {counted.sentences} sentences, {counted.tokens} tokens; estimating order {conf.order}", flush=True)
        lm, discounts = estimate(counted, conf.prune)
        for n, discount in enumerate(discounts, 1):
            if discount.fallback:
                print(f"{directory}: too few kinds of {n}-grams to estimate discounts; {discount.amounts} taken", flush=True)
        on_dev = perplexity(lm, sentences([dev]), pieces)
        lock.check()
        lm.save(directory / "lm.npz")
        write_arpa(lm, directory / "lm.arpa.gz")
        confs.freeze(conf, directory / "conf.yaml")
        record |= {
            "vocabulary": len(lm.vocab),
            "ngrams": lm.counts(),
            "discounts": [dataclasses.asdict(one) for one in discounts],
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
