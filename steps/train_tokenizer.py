"""Stage 3: the tokenizer that a system's conf asks for, learnt from the train text only."""

from __future__ import annotations

import argparse
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.files import read_jsonl_gz
from cyasr.stage import Stage
from cyasr.text.tokenizer import NO_TOKENIZER, PRETRAINED, parse_name, tokenizer_dir, train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data/<set>")
    parser.add_argument("--conf", type=Path, required=True, help="conf with a key `tokenizer` (train_*) or `tokens` (lm_*)")
    arguments = parser.parse_args()

    keys = confs.read(arguments.conf)
    name = keys.get("tokenizer") or keys.get("tokens")
    if not isinstance(name, str):
        raise UsageError(f"{arguments.conf}: key 'tokenizer' is missing")
    if name in {"word", PRETRAINED, NO_TOKENIZER}:
        return
    parse_name(name)
    cuts = arguments.data / "train.jsonl.gz"
    directory = tokenizer_dir(arguments.data, name)
    stage = Stage(directory / ".stamp.json", [cuts], {"tokenizer": name})
    if stage.fresh():
        return
    texts = (row["supervisions"][0]["text"] for row in read_jsonl_gz(cuts))
    tokenizer = train(texts, name, directory)
    stage.done(path for path in (directory / "tokens.txt", directory / "pieces.model") if path.exists())
    print(f"{directory}: {len(tokenizer.tokens)} tokens")


if __name__ == "__main__":
    run(main)
