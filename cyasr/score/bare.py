"""Two bare files, of any toolkit: references and hypotheses brought together, counted, and written to a directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from cyasr.cli import RunError, UsageError
from cyasr.files import replacing, write_json, writing_gz
from cyasr.score import formats, summary
from cyasr.score.formats import alignment_dump, nist
from cyasr.score.join import Joined
from cyasr.score.references import Normaliser
from cyasr.score.scoring import FORMAT, LEVELS
from cyasr.score.tally import Counting, Pair
from cyasr.score.utterances import Utterance, text_lines, without_repeats


@dataclass(frozen=True)
class Side:
    path: Path
    form: str  # of formats.FORMATS


@dataclass(frozen=True)
class Request:
    """missing, costs: see join.Joined and tally.Counting; out: where files go, None for none; write: the format in which
    both sides are written there too, as they were compared; speakers: a Kaldi utt2spk."""

    reference: Side
    hypothesis: Side
    normaliser: Normaliser
    missing: str = "error"
    costs: str = "levenshtein"
    translation: bool = False
    out: Path | None = None
    write: str | None = None
    speakers: Path | None = None


def score_files(asked: Request) -> dict[str, Any]:
    """The figures of score.json, which is written with utterances.jsonl.gz, variants.tsv and alignments.txt to `out`."""
    counting = Counting(asked.normaliser, asked.costs, asked.translation)
    joined, pairs = paired(asked)
    sources: dict[str, Pair] = {}  # of the rows to come, where both sides are to be written
    with ExitStack() as stack:
        rows = counting.rows(_kept(pairs, sources) if asked.write else pairs)
        if asked.out:
            asked.out.mkdir(parents=True, exist_ok=True)
            rows = _written(rows, asked, sources, stack)
        utterances = sum(1 for _ in rows)
        if not utterances:
            raise RunError(f"{asked.reference.path} has no utterance to score")
    tally = counting.tally()
    signatures = asked.normaliser.rungs()
    score = {
        "reference": {"file": str(asked.reference.path), "format": asked.reference.form},
        "hypothesis": {"file": str(asked.hypothesis.path), "format": asked.hypothesis.form},
        "text": {"profile": asked.normaliser.profile, "signature": asked.normaliser.signature},
        "levels": LEVELS,
        "format": FORMAT,
        "costs": asked.costs,
        "missing": {"rule": asked.missing, "references": joined.without_hypothesis, "hypotheses": joined.without_reference},
    } | summary.summary(tally, signatures)
    if asked.out:
        summary.write_variants(asked.out / "variants.tsv", tally)
        write_json(asked.out / "score.json", score)
    return score


def paired(asked: Request) -> tuple[Joined, Iterator[Pair]]:
    """The two files' utterances side by side; words of a ctm are dealt out to the segments of an stm."""
    reference, hypothesis = asked.reference, asked.hypothesis
    said = formats.read(reference.path, reference.form, "reference", hypothesis.form)
    heard = formats.read(hypothesis.path, hypothesis.form, "hypothesis", reference.form)
    names = (str(reference.path), str(hypothesis.path))
    advice = _advice(asked)
    if (reference.form, hypothesis.form) == ("stm", "ctm"):
        groups: dict[str, list[Utterance]] = {}
        joined = Joined(_recordings(said, groups), heard, names, asked.missing, advice)
        return joined, _dealt_out(joined, groups)
    if asked.speakers:
        said = _spoken(said, asked.speakers)
    joined = Joined(without_repeats(said), without_repeats(heard), names, asked.missing, advice)
    return joined, (pair for pair in joined.pairs() if not pair[0].ignored)


def side(path: Path, form: str | None) -> Side:
    """Raises UsageError for a format that does not exist or cannot be told."""
    if form is not None and form not in formats.FORMATS:
        raise UsageError(f"format {form!r}; there are {', '.join(formats.FORMATS)}")
    return Side(path, form or formats.detect(path))


def _recordings(segments: Iterable[Utterance], groups: dict[str, list[Utterance]]) -> Iterator[Utterance]:
    """A stand-in for each recording's channel; its segments wait in `groups`."""
    for name, group in nist.by_recording(segments):
        groups[name] = group
        yield Utterance(name, "", group[0].where)


def _dealt_out(joined: Joined, groups: dict[str, list[Utterance]]) -> Iterator[Pair]:
    for recording, heard in joined.pairs():
        yield from nist.deal_out(groups.pop(recording.id), heard)


def _spoken(utterances: Iterable[Utterance], path: Path) -> Iterator[Utterance]:
    speakers: dict[str, str] = {}
    for number, line in text_lines(path):
        cells = line.split()
        if cells and len(cells) != 2:
            raise RunError(f"{path}:{number}: {len(cells)} columns; utt2spk has an utterance and its speaker")
        if cells:
            speakers[cells[0]] = cells[1]
    for one in utterances:
        if one.id not in speakers:
            raise RunError(f"{one.where}: utterance {one.id} is not in {path}")
        one.speaker = speakers[one.id]
        yield one


def _advice(asked: Request) -> str:
    """What to try where ids do not meet."""
    ways = ["--missing deleted or --missing skipped scores the rest"]
    if "kaldi" in (asked.reference.form, asked.hypothesis.form):
        ways.append("for files without ids, line by line: --ref-format lines --hyp-format lines")
    return f"If that is meant: {'; '.join(ways)}"


def _kept(pairs: Iterable[Pair], sources: dict[str, Pair]) -> Iterator[Pair]:
    for pair in pairs:
        sources[pair[0].id] = pair
        yield pair


def _written(
    rows: Iterator[dict[str, Any]], asked: Request, sources: dict[str, Pair], stack: ExitStack
) -> Iterator[dict[str, Any]]:
    """The same rows, each written to the files of `out` on its way; `stack` publishes them at its end."""
    from json import dumps

    assert asked.out is not None
    table = stack.enter_context(writing_gz(asked.out / "utterances.jsonl.gz"))
    dump = _open(asked.out / "alignments.txt", stack)
    both: list[IO[str]] = []
    if asked.write:
        ending = formats.EXTENSIONS.get(asked.write, asked.write)
        both = [_open(asked.out / f"{name}.{ending}", stack) for name in ("ref", "hyp")]
    for row in rows:
        table.write(dumps(row, ensure_ascii=False) + "\n")
        dump.write(alignment_dump.lines(row))
        if both and asked.write:
            said, heard = sources.pop(row["id"])
            # with the reference's place and speaker on both sides, so that they still belong together
            here = {"id": row["id"], "pieces": None, "words": None}
            both[0].writelines(formats.lines_of(replace(said, text=row["ref"], **here), asked.write))
            timed = heard.words if [word.text for word in heard.words or ()] == row["hyp"].split() else None
            here["words"] = timed
            both[1].writelines(formats.lines_of(replace(said, text=row["hyp"], **here), asked.write))
        yield row


def _open(path: Path, stack: ExitStack) -> IO[str]:
    temporary = stack.enter_context(replacing(path))
    return stack.enter_context(open(temporary, "w", encoding="utf-8", newline="\n"))
