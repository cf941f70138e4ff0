"""Utterances without audio, for language models: data/<name>/text.jsonl.gz, whose rows are read like cuts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyasr.data.conf import DataConf
from cyasr.data.rejects import writing_rejects
from cyasr.data.utterance import Reject
from cyasr.data.validate import NOTHING_LEFT, reject
from cyasr.files import read_jsonl_gz, write_json, writing_gz
from cyasr.text.normalize import normalize

KINDS = ("dialect", "label", "licence", "domain")


def products(folder: Path, alone: bool) -> tuple[Path, Path, Path]:
    """Texts, rejects and report of `folder`; where cuts stand there too (not alone), the latter two are theirs."""
    mark = "" if alone else "text."
    return folder / "text.jsonl.gz", folder / f"{mark}rejects.tsv", folder / f"{mark}report.json"


def write_texts(raw: Path, folder: Path, conf: DataConf, alone: bool) -> None:
    """Normalise the texts of `raw` into the `products` of `folder`. Raises RunError where too many are rejected."""
    texts, listed, report = products(folder, alone)
    totals: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    words = characters = 0
    with writing_gz(texts) as out, writing_rejects(listed, conf.max_reject_rate, conf.expected) as rejects:
        for row in usable_texts(raw, conf):
            if isinstance(row, Reject):
                rejects.add(row)
                continue
            rejects.taken += 1
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            [supervision] = row["supervisions"]
            words += supervision["text"].count(" ") + 1
            characters += len(supervision["text"])
            for kind in KINDS:
                totals[kind][supervision["custom"].get(kind) or "-"] += 1
    total = rejects.taken + rejects.count
    write_json(
        report,
        {
            "name": folder.name,
            "corpus": conf.corpus,
            "release": conf.release,
            "texts_in": total,
            "rejected": dict(sorted(rejects.reasons.items())),
            "text": {"utterances": rejects.taken, "words": words, "characters": characters}
            | {f"{kind}s": dict(sorted(counts.items())) for kind, counts in totals.items()},
        },
    )
    print(f"{texts}: {total} in = {rejects.taken} texts ({words} words) + {rejects.count} rejects")


def usable_texts(raw: Path, conf: DataConf) -> Iterator[dict[str, Any] | Reject]:
    """Every utterance of `raw` without audio, its text normalised, or why it cannot be used."""
    for row in read_jsonl_gz(raw / "text.jsonl.gz"):
        [supervision] = row["supervisions"]
        text = normalize(supervision["text"], conf.profile)
        if not text:
            yield reject(supervision, "", NOTHING_LEFT)
            continue
        custom = supervision["custom"] | {"text_raw": supervision["text"]}
        yield row | {"supervisions": [supervision | {"text": text, "custom": custom}]}
