"""Stage 1 for any corpus: what an adapter yields becomes Lhotse manifests, and nothing gets lost on the way.

An adapter is a file local/data_<corpus>.py with one function

    def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]

and the two lines `if __name__ == "__main__": run(lambda: main(prepare, get="…where to get it…"))`. It reads the
corpus's own tables and yields one Utterance for each transcript, the same ones in the same order each time; it
checks nothing that `main` can check: missing, unreadable, empty and wrongly described audio, duplicate ids,
segments outside their recording and audio without transcript are listed in rejects.tsv with a reason.
cyasr/data/tables.py reads tables so that a damaged line becomes a Reject too; `options` of the conf are checked with
`cyasr.conf.build(conf.options, <dataclass>, Path("options"))`.
"""

from __future__ import annotations

import argparse
import inspect
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.conf import RAW_KEYS
from cyasr.data.conf import SPLITS as SPLITS
from cyasr.data.conf import DataConf as DataConf
from cyasr.data.corpus_dir import fingerprint
from cyasr.data.corpus_dir import link_corpus as link_corpus
from cyasr.data.utterance import Reject as Reject
from cyasr.data.utterance import Utterance as Utterance
from cyasr.files import write_json, writing_gz
from cyasr.lock import Lock
from cyasr.stage import Stage

RAW_PRODUCTS = ("recordings.jsonl.gz", "supervisions.jsonl.gz", "text.jsonl.gz", "rejects.tsv", "summary.json")


Prepare = Callable[[Path, Path, DataConf], Iterable[Utterance | Reject]]


def name_of(conf_path: Path) -> str:
    """conf/data_fsdd.yaml -> fsdd. Raises UsageError for a file named otherwise."""
    if not conf_path.name.startswith("data_") or conf_path.suffix != ".yaml":
        raise UsageError(f"{conf_path}: a data conf is named data_<name>.yaml")
    return conf_path.stem.removeprefix("data_")


def raw_dir(conf_path: Path, conf: DataConf) -> Path:
    """Where stage 1 of this conf lies, relative to the repository root."""
    return Path("data", conf.raw_from or name_of(conf_path), "raw")


def main(prepare: Prepare, get: str | None = None, audio: str | None = None, inputs: Iterable[Path] = ()) -> None:
    """The command line of every adapter: `--conf conf/data_<name>.yaml [--corpus-dir DIR]`.

    get: what the corpus is called and where it is had, for the message when it is absent; None: the adapter makes
        its audio itself, needs no --corpus-dir, and is given `raw` for it.
    audio: pattern of audio files below the corpus dir ("clips/*.mp3"); those that no utterance names become rejects.
    inputs: files of this repository, besides the adapter, that decide what it makes (a lexicon, a module).
    """
    parser = argparse.ArgumentParser(description=f"Stage 1: make recordings and supervisions. {get or ''}".strip())
    parser.add_argument("--conf", type=Path, required=True, help="conf/data_<name>.yaml")
    parser.add_argument("--corpus-dir", type=Path, help="where the corpus lies: a folder or an archive; remembered")
    args = parser.parse_args()
    conf = confs.load(args.conf, DataConf)
    if conf.raw_from:
        args.conf = args.conf.with_name(f"data_{conf.raw_from}.yaml")
        conf = confs.load(args.conf, DataConf)
    raw = raw_dir(args.conf, conf)
    params = {key: getattr(conf, key) for key in RAW_KEYS}
    corpus_dir = raw
    if get is not None:
        corpus_dir = link_corpus(args.corpus_dir, raw, get)
        params["corpus_dir"] = fingerprint(corpus_dir)
    code = Path(os.path.relpath(inspect.getfile(prepare)))
    stage = Stage(raw / ".stamp.json", [code, *inputs], params)
    if stage.fresh():
        return
    with remaking(stage, [raw]):
        write_raw(prepare(corpus_dir, raw, conf), raw, conf, corpus_dir.glob(audio) if audio else ())
        stage.done(raw / name for name in RAW_PRODUCTS)


@contextmanager
def remaking(stage: Stage, folders: Iterable[Path]) -> Iterator[None]:
    """Make `stage` anew, alone: its stamp is gone until it is done, and with it what a killed run left in `folders`.

    Raises UsageError where another run is at it.
    """
    with Lock(stage.stamp.parent):
        stage.stamp.unlink(missing_ok=True)
        for folder in folders:
            for unfinished in folder.glob(".*.tmp"):
                unfinished.unlink()
        yield


def write_raw(items: Iterable[Utterance | Reject], raw: Path, conf: DataConf, audio: Iterable[Path] = ()) -> None:
    """Stream `items` into `raw`: RAW_PRODUCTS, where utterances without audio stand in text.jsonl.gz.

    They are made, and their audio opened, in a process of their own: what an adapter changes elsewhere in memory is lost.
    audio: files that should all be named by an utterance. Raises UsageError where nothing came, RunError where too
    much was rejected.
    """
    from cyasr.data.ahead import Ahead
    from cyasr.data.manifests import MANIFESTS, Checker
    from cyasr.data.mend import opened
    from cyasr.data.progress import progress
    from cyasr.data.rejects import writing_rejects

    checker = Checker(conf)
    coming = Ahead(opened(_readable(items), raw / "mended", look=conf.decode is not None))
    with ExitStack() as stack:
        outputs = {name: stack.enter_context(writing_gz(raw / f"{name}.jsonl.gz")) for name in MANIFESTS}
        # Entered last, so left first: too many rejects must stop the manifests above from being published.
        rejects = stack.enter_context(writing_rejects(raw / "rejects.tsv", conf.max_reject_rate, conf.expected))
        unnamed = ((reject, None) for reject in checker.unnamed(audio))
        for item, audio_file in progress(chain(coming, unnamed), f"{raw}: utterances"):
            result = item if isinstance(item, Reject) else checker.check(item, audio_file)
            if isinstance(result, Reject):
                rejects.add(result)
                continue
            rejects.taken += 1
            for name, row in result:
                outputs[name].write(row)
        if not rejects.taken and not rejects.count:
            raise UsageError(f"{raw}: the corpus holds no utterance; is --corpus-dir the right folder?")
    also = {"mended": coming.returned, "rejects": dict(sorted(rejects.reasons.items()))}
    write_json(raw / "summary.json", checker.summary() | also)
    print(f"{raw}: {rejects.taken + rejects.count} in = {rejects.taken} out + {rejects.count} rejects, {checker.hours:.2f} h")
    if coming.returned:
        print(f"{raw}/mended: copies of {coming.returned} audio files whose headers do not say how long they are")


def _readable(items: Iterable[Utterance | Reject]) -> Iterator[Utterance | Reject]:
    """`items`; where the adapter meets a text that is no UTF-8 or a missing file, that is the corpus's fault."""
    try:
        yield from items
    except UnicodeDecodeError as error:
        around = error.object[max(0, error.start - 20) : error.start + 20]
        raise UsageError(f"a text of the corpus is not UTF-8 at its byte {error.start}, around {around!r}") from None
    except FileNotFoundError as error:
        raise UsageError(f"{error.filename} does not exist; is --corpus-dir the right folder?") from None
