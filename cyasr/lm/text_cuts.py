"""Text as the one trainer takes it: cuts without audio, whose duration is their number of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyasr import conf as confs
from cyasr.cli import RunError
from cyasr.data.progress import progress
from cyasr.files import read_json, replacing, write_json, write_jsonl_gz
from cyasr.lm.conf import TextConf
from cyasr.lm.leaks import LeakGate
from cyasr.lm.text import LmText, Source, sentences
from cyasr.stage import Stage

Encode = Callable[[str], list[int]]  # text -> ids of its tokens


@dataclass
class Counts:
    """tokens: ends of sentence included; too_long: sentences left out."""

    sentences: int = 0
    tokens: int = 0
    unknown: int = 0
    too_long: int = 0


def sources(conf: TextConf, train_cuts: Path) -> list[Source]:
    """The train cuts, unless the conf leaves them out, and its extra text."""
    own = [Source(train_cuts, [], normalised=True)] if conf.own else []
    return own + [Source(Path(path), [conf.licences[path]] if path in conf.licences else []) for path in conf.text]


def gather(conf: TextConf, data: Path, directory: Path, encode: Encode, unknown: int, longest: int) -> dict[str, Any]:
    """Write text/train.jsonl.gz, text/dev.jsonl.gz and leaks.tsv into `directory`; return what run.json keeps of the text.

    unknown: id of the token for what the tokenizer does not know; longest: tokens of a sentence. Left as they are where
    nothing changed. Raises RunError where there are too many leaks or nothing is left.
    """
    train, dev, test = (data / f"{split}.jsonl.gz" for split in ("train", "dev", "test"))
    record, listing = directory / "text" / "text.json", directory / "leaks.tsv"
    outputs = [directory / "text" / train.name, directory / "text" / dev.name, listing, record]
    inputs = [train, dev, test, data / "conf.yaml", *map(Path, conf.text)]
    of_text = {key: getattr(conf, key) for key in ("tokens", "own", "text", "licences", "max_leaks")}
    stage = Stage(directory / "text" / ".stamp.json", inputs, of_text | {"longest": longest})
    if stage.fresh(quiet=True):
        made: dict[str, Any] = read_json(record)
        return made
    profile = str(confs.read(data / "conf.yaml").get("profile", "t1"))
    text = LmText(sources(conf, train), LeakGate(sentences([dev, test])), profile, conf.max_leaks)
    counts = Counts()
    with replacing(listing) as temporary, open(temporary, "w", encoding="utf-8") as out:
        lines = progress(text.lines(out), f"{directory}: lines read")
        write_jsonl_gz(outputs[0], _cuts(lines, encode, unknown, longest, counts))
    if not counts.sentences:
        raise RunError(f"{directory}: no sentence of at most {longest} tokens to learn from; see `longest`")
    if counts.too_long:
        print(f"{directory}: {counts.too_long} lines of more than {longest} tokens left out (longest)", flush=True)
    if not write_jsonl_gz(outputs[1], _cuts(sentences([dev]), encode, unknown, longest, Counts())):
        raise RunError(f"{dev}: no sentence to choose the model by")
    made = {
        "sentences": counts.sentences,
        "tokens": counts.tokens,
        "unknown_tokens": counts.unknown,
        "too_long": counts.too_long,
        "text": text.report(),
        "licences": text.licences,
        "leaks_dropped": sum(source["dropped"] for source in text.report()),
    }
    write_json(record, made)
    stage.done(outputs)
    return made


def _cuts(texts: Iterable[str], encode: Encode, unknown: int, longest: int, counts: Counts) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(texts, 1):
        ids = encode(text)
        if len(ids) > longest:
            counts.too_long += 1
            continue
        counts.sentences += 1
        counts.tokens += len(ids) + 1
        counts.unknown += ids.count(unknown)
        name = str(number)
        span = {"start": 0, "duration": len(ids) + 1, "channel": 0}
        supervision = {"id": name, "recording_id": name, "text": text} | span
        yield {"id": name, "supervisions": [supervision], "type": "MonoCut"} | span
