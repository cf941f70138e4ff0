"""Which lists are translations, and the references that they answer to: the cuts' translations instead of their texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cyasr.cli import RunError
from cyasr.conf import read_frozen
from cyasr.files import read_jsonl_gz
from cyasr.score.lists import DecodedList
from cyasr.score.utterances import Utterance, without_repeats

DEFAULT = ""  # the source that stands for all languages


def targets(one: DecodedList) -> dict[str, str]:
    """Language of the speech -> language that the list is in, where it is another; empty for transcripts.

    Read from the frozen confs: of the decoding (translate_to), of the list that a fuse conf ranks anew, or of a Whisper
    that was told to translate.
    """
    decode = read_frozen(one.path.with_name("conf.yaml"))
    first = decode.get("nbest")
    if isinstance(first, str):
        decode = read_frozen(one.path.parent.with_name(first) / "conf.yaml")
    found = decode.get("translate_to") or {}
    if not found and read_frozen(one.path.parent.with_name("conf.yaml")).get("task") == "translate":
        found = {DEFAULT: "en"}
    return {str(source): str(target) for source, target in found.items()}


def stream_translations(path: Path, to: dict[str, str]) -> Iterator[Utterance]:
    """References in the manifest's order: of cuts in a language of `to` the translation, of others the text.

    Raises RunError for a cut that has none.
    """
    return without_repeats(_references(path, to), "cut", "run stage 2 again")


def _references(path: Path, to: dict[str, str]) -> Iterator[Utterance]:
    from cyasr.score.references import reference, supervisions

    for number, row in enumerate(read_jsonl_gz(path), 1):
        made = reference(row, f"{path}:{number}")
        parts = supervisions(row)
        source = (parts[0].get("language") or "").partition("-")[0].lower()
        target = to.get(source) or to.get(DEFAULT)
        if target is not None:
            texts = [((one.get("custom") or {}).get("translation") or {}).get(target) for one in parts]
            if not all(texts):
                raise RunError(f"{path}:{number}: cut {row.get('id')} has no translation into {target!r} to score against")
            made.text = " ".join(map(str, texts))
        yield made
