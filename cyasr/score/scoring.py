"""Which scores are due below a directory of exp/, and the files they are written to.

<split>.score.json: system, set, split, text (profile and signature), the figures of summary.summary, and for scores
pooled over folds `folds` (figures by fold) and `folds_missing`. <split>.utterances.jsonl.gz: texts, alignment and counts
by utterance. <split>.variants.tsv: every spelling variant that the ladder accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyasr.cli import RunError, UsageError
from cyasr.files import read_json, write_json, write_jsonl_gz
from cyasr.nbest import read_nbest
from cyasr.score.lists import DecodedList, exp_root, find_lists, folds_of, pools
from cyasr.score.references import Normaliser, data_conf, normaliser_of
from cyasr.score.utterances import Utterance, Word, without_repeats
from cyasr.stage import Stage

LEVELS = {"wer": "words", "cer": "NFC graphemes, spaces counted", "rates": "percent"}
FORMAT = 3  # of the files written; a new one makes scores anew


@dataclass(frozen=True)
class Due:
    """One score.json to be made: from one list, or from those of several folds."""

    score: Path
    lists: list[DecodedList]
    folds: list[str] | None  # all folds that the set has; None: not pooled
    normaliser: Normaliser

    @property
    def utterances(self) -> Path:
        return self.score.with_name(self.score.name.replace(".score.json", ".utterances.jsonl.gz"))

    @property
    def variants(self) -> Path:
        return self.score.with_name(self.score.name.replace(".score.json", ".variants.tsv"))

    def stage(self) -> Stage:
        inputs = [path for one in self.lists for path in (one.path, one.references, data_conf(one.data))]
        inputs += [record for one in self.lists if (record := one.path.with_name("run.json")).exists()]
        stamp = self.score.with_name(f".{self.score.name.removesuffix('.json')}.stamp.json")
        params = {"text": self.normaliser.rungs(), "folds": self.folds, "format": FORMAT}
        return Stage(stamp, inputs, params | LEVELS)


def due_scores(directory: Path) -> Iterator[Due]:
    """Every score that belongs below `directory`, pooled ones last. Raises UsageError where there is nothing to score."""
    lists = list(find_lists(directory))
    if not lists:
        raise UsageError(f"no n-best list below {directory}; run stage 6")
    normalisers: dict[Path, Normaliser] = {}
    for one in lists:
        if one.data not in normalisers:
            normalisers[one.data] = normaliser_of(one.data)
        yield Due(one.score, [one], None, normalisers[one.data])
    root = exp_root(directory)
    named = directory.relative_to(root).parts
    for name in sorted({one.trained_on.split("/")[0] for one in lists if "/" in one.trained_on and len(named) < 2}):
        folds = folds_of(root.with_name("data") / name)
        for score, members in pools(lists, name).items():
            yield Due(score, members, folds, normalisers[members[0].data])


def score_all(directory: Path) -> tuple[list[Due], int]:
    """Make what is due below `directory`. Returns the scores made anew, and how many stood.

    A list that cannot be scored does not keep others from it: RunError at the end names all of them.
    """
    made: list[Due] = []
    faults: list[str] = []
    standing = 0
    for due in due_scores(directory):
        stage = due.stage()
        if stage.fresh(quiet=True):
            standing += 1
            continue
        stage.stamp.unlink(missing_ok=True)
        try:
            make(due)
        except RunError as error:
            if str(error) not in faults:
                faults.append(str(error))
            continue
        stage.done([due.score, due.utterances, due.variants])
        made.append(due)
        print(_line(due))
    if faults:
        raise RunError(" | ".join(faults))
    return made, standing


def make(due: Due) -> None:
    """Score `due` and write its files, utterances as they are counted."""
    from cyasr.score import summary, tally
    from cyasr.score.join import Joined
    from cyasr.score.references import stream_references
    from cyasr.score.translated import stream_translations, targets

    parts: dict[str, tally.Tally] = {}

    def rows() -> Iterator[dict[str, Any]]:
        for one in due.lists:
            heard, to = _Heard(one), targets(one)
            said = stream_translations(one.references, to) if to else stream_references(one.references)
            joined = Joined(said, heard, (str(one.references), str(one.path)), advice="Decode again")
            counting = tally.Counting(due.normaliser, translation=bool(to))
            yield from counting.rows(joined.pairs())
            parts[one.trained_on] = counting.tally(heard.system, one.rescoring_seconds)

    write_jsonl_gz(due.utterances, rows())
    whole = tally.pooled(list(parts.values()))
    signatures = due.normaliser.rungs()
    first = due.lists[0]
    row: dict[str, Any] = {
        "system": whole.system,
        "set": first.tested_on if due.folds is None else first.tested_on.split("/")[0],
        "split": first.split,
        "text": {"profile": due.normaliser.profile, "signature": due.normaliser.signature},
        "levels": LEVELS,
    }
    if due.folds is not None:
        row["folds"] = {name.split("/")[1]: summary.totals(part, signatures) for name, part in parts.items()}
        row["folds_missing"] = [fold for fold in due.folds if fold not in row["folds"]]
    row |= summary.summary(whole, signatures)
    summary.write_variants(due.variants, whole)
    write_json(due.score, row)


class _Heard:
    """A list's utterances; `system` is that of the first of them."""

    def __init__(self, one: DecodedList) -> None:
        self.system = ""
        self._path = one.path

    def __iter__(self) -> Iterator[Utterance]:
        return without_repeats(self._utterances(), then="decode again")

    def _utterances(self) -> Iterator[Utterance]:
        for nbest in read_nbest(self._path):
            self.system = self.system or nbest.system
            texts = [hyp.text for hyp in nbest.hyps]
            one = Utterance(nbest.id, texts[0] if texts else "", str(self._path), hyps=texts)
            if nbest.hyps and nbest.hyps[0].words:
                one.words = [Word(word.w, word.start or 0.0, word.end or 0.0, word.conf) for word in nbest.hyps[0].words]
            one.decode_seconds, one.audio_seconds = nbest.decode_seconds, nbest.audio_seconds
            yield one


def _line(due: Due) -> str:
    score = read_json(due.score)
    low, high, note = (score["interval"][key] for key in ("low", "high", "note"))
    if score["wer"] is None:
        return f"{due.score}: no reference words in {score['utterances']} utterances"
    spread = f"[{low:.2f}, {high:.2f}]{f' {note}' if note else ''}"
    scores = {name: score["metrics"].get(key) for name, key in (("BLEU", "bleu"), ("chrF", "chrf"))}
    translated = "".join(f", {name} {one['score']:.2f}" for name, one in scores.items() if one)
    rates = f"WER {score['wer']:.2f} % {spread}, CER {score['cer']:.2f} %"
    return f"{due.score}: {rates}{translated}, {score['utterances']} utterances"
