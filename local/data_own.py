"""Stage 1 of anybody's own corpus in a known layout: `format` and `options` in its conf say how it is read.

steps/new_corpus.py looks into a folder and writes such a conf.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cyasr.cli import UsageError, run
from cyasr.data import formats
from cyasr.data.corpus import DataConf, Reject, Utterance, main

GET = "Your own corpus: give the folder that it lies in"


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    if not conf.format:
        raise UsageError(f"key 'format' is missing; it is one of {', '.join(formats.FORMATS)}")
    return formats.prepare(corpus_dir, raw, conf)


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET, inputs=sorted(Path("cyasr", "data", "formats").glob("*.py"))))
