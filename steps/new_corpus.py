"""Look into a folder of speech and write conf/data_<name>.yaml for it, each choice with its reason, to be corrected.

A conf that is there already is never changed. `--adapter CONF` prints which program reads that corpus (stage 1).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.data.conf import DataConf
from cyasr.data.split import SAFE_NAME
from cyasr.files import write_text

GET = "Give the folder, or the archive, that holds the corpus"
ORDER = ("corpus", "format", "licence", "language", "dialect", "label", "split", "seed", "expected", "segment", "options", "card")
COMMENTS = {
    "corpus": "read by local/data_own.py",
    "format": "cyasr/data/formats/{}.py; its Options say what may stand under options",
    "licence": "travels with every cut into every model made of it",
    "language": "BCP 47",
    "dialect": "cypriot | standard | english | …",
    "seed": "of the split",
    "expected": "rejects that are no fault",
}


MORE = {  # options that a user may want, with what they do
    "folder": {
        "speaker": 'folder | none | tier | a pattern over the path, as "([^/_]+)_": its group is the speaker',
        "cues": "of subtitles: each | joined (neighbours together) | whole (aligned by `segment` above)",
        "tiers": '["tx@*"]: the tiers of ELAN or Praat that hold the transcript',
        "transcripts": "[.txt]: where a recording has several, the kind to take",
        "encoding": "cp1253: of texts that are not UTF-8",
        "audio_dir": "wav: with text_dir, where audio and texts lie in folders apart",
    },
    "table": {
        "columns": "audio, text, id, speaker, start, end, duration, split, language, dialect, licence, …",
        "splits": "{other: train}: the table's own names of splits",
        "time_unit": "0.001: where times are milliseconds",
        "rest": "false: do not list audio that no row names",
    },
    "kaldi": {"dirs": "data directories, each with its split: train, dev, test", "audio_dir": "where relative paths begin"},
    "nemo": {"manifests": "each with its split: train, dev, test", "text": "the key with the transcript"},
    "lhotse": {"manifests": "each with its split: train, dev, test", "audio_dir": "where relative paths begin"},
    "hf": {"files": '["el_gr/*.parquet"]: of several configurations one', "splits": "{other: train}: its own names of splits"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a data conf for a folder of speech in a known layout.")
    parser.add_argument("--adapter", type=Path, metavar="CONF", help="print the program that reads this corpus, and go")
    parser.add_argument("--name", help="of the conf to write, conf/data_<name>.yaml")
    parser.add_argument("--corpus-dir", type=Path, help="where the corpus lies")
    parser.add_argument("--format", default="auto", help="kaldi, hf, lhotse, nemo, table, folder, or auto: found out")
    parser.add_argument("--licence", help="of the corpus, as SPDX writes it: CC-BY-4.0")
    parser.add_argument("--language", help="BCP 47: el-CY, el, en")
    args = parser.parse_args()
    if args.adapter:
        print(adapter(args.adapter))
        return
    if not args.name:
        raise UsageError("needs --name NAME and --corpus-dir DIR")
    write_conf(args.name, args.corpus_dir, args.format, args.licence, args.language)


def adapter(path: Path) -> str:
    """`local.data_<corpus>` for a conf; "" for a mixture, which has none. Raises UsageError where there is no such file."""
    conf = confs.load(path, DataConf)
    if conf.mixture:
        return ""
    if conf.format:
        return "local.data_own"
    if not Path("local", f"data_{conf.corpus}.py").is_file():
        known = [each.stem.removeprefix("data_") for each in Path("local").glob("data_*.py")]
        near = confs.nearest(conf.corpus, known)
        raise UsageError(f"{path}: its key corpus asks for local/data_{conf.corpus}.py, which does not exist{near}")
    return f"local.data_{conf.corpus}"


def write_conf(name: str, corpus_dir: Path | None, form: str, licence: str | None, language: str | None) -> None:
    """Raises UsageError where the folder holds nothing that is known, or the name cannot be one."""
    from cyasr.data import formats
    from cyasr.data.corpus import link_corpus
    from cyasr.data.formats.survey import propose, survey, survey_encoded

    path = Path("conf", f"data_{name}.yaml")
    if not SAFE_NAME.fullmatch(name):
        raise UsageError(f"--corpus {name}: a name has letters, digits, - and _, 32 at most")
    if path.exists():
        print(f"{path} is there and counts; --corpus-format, --licence and --language were not looked at")
        return
    only = None if form == "auto" else form
    if only and only not in formats.FORMATS:
        near = confs.nearest(only, formats.FORMATS)
        raise UsageError(f"--corpus-format {only}: none of auto, {', '.join(formats.FORMATS)}{near}")
    folder = link_corpus(corpus_dir, Path("data", name, "raw"), GET)
    corpus_dir = corpus_dir or folder.resolve()
    found = formats.look(folder, only)
    if not found:
        raise UsageError(f'{corpus_dir}: {_nothing(only)}; README.md, "Your own corpus", shows the layouts that are known')
    seen = survey_encoded(folder, found, language or "und")
    if not seen.utterances and set(seen.rejects) <= {"audio without transcript"} and seen.rejects:
        seen = survey(folder, found, language or "und", label="none")
    if not seen.utterances:
        kinds = [f"{count} {kind}, as {seen.first[kind].where}" for kind, count in seen.rejects.most_common()]
        raise UsageError(f"{corpus_dir}: no usable utterance as {found.format}: {'; '.join(kinds) or 'it is empty'}")
    proposal = propose(found, seen, licence, language)
    write_text(path, render(name, corpus_dir, proposal.keys, proposal.comments))
    confs.load(path, DataConf)
    print(f"{corpus_dir} is read as {found.format}:")
    print("\n".join(f"  {line}" for line in proposal.lines))
    print(f"{path} is written: read it over, correct what is wrong")


def render(name: str, corpus_dir: Path, keys: dict[str, Any], comments: dict[str, str]) -> str:
    """The conf's text, a comment behind each key."""
    lines = [f"# {name}: a corpus of your own, {corpus_dir.name}. Written by steps/new_corpus.py, to be corrected."]
    keys = {"seed": 0} | keys | {"card": {"title": name, "source": "own", "hours": "see report.json", "layout": "seen"}}
    for key in ORDER:
        comment = comments.get(key) or COMMENTS.get(key, "").format(keys.get("format"))
        if key not in keys:
            if key == "segment" and comment:
                lines += [f"# segment:                # {comment}", "#   aligner: exp/<set>/train_<system>"]
            continue
        text = yaml.safe_dump({key: keys[key]}, allow_unicode=True, sort_keys=False, width=10_000).rstrip("\n")
        first, *rest = text.split("\n")
        lines += [f"{first:<26}# {comment}" if comment else first, *rest]
        if key == "options":
            lines += [f"  # {option}: {said}" for option, said in MORE[keys["format"]].items()]
    return "\n".join(lines) + "\n"


def _nothing(only: str | None) -> str:
    return f"nothing there reads as {only}" if only else "holds no audio, table or manifest that is known"


if __name__ == "__main__":
    run(main)
