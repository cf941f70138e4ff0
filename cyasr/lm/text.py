"""What a language model learns from: a data set's train cuts and extra text, dev and test sentences left out."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from cyasr.cli import RunError, UsageError
from cyasr.files import read_jsonl_gz
from cyasr.licences import UNSTATED
from cyasr.lm.leaks import LeakGate
from cyasr.text.normalize import normalize

EXAMPLES = 3


@dataclass
class Source:
    """One file.

    licences: those its lines may be used under. normalised: as train cuts are, in the data set's own profile.
    lines: with text in them. dropped: as leaks.
    """

    path: Path
    licences: list[str]
    normalised: bool = False
    lines: int = 0
    dropped: int = 0
    empty: int = 0


@dataclass
class LmText:
    """Streams the lines of `sources`; those that `gate` stops go to `listing`, tab-separated with the sentence they give away.

    profile: of the normaliser, for sources that have not been through it.
    """

    sources: list[Source]
    gate: LeakGate
    profile: str
    max_leaks: float
    examples: list[str] = field(default_factory=list)

    def lines(self, listing: IO[str]) -> Iterator[str]:
        """Raises RunError at the end where more than `max_leaks` of all lines were leaks."""
        return (text for _, text in self.lines_by_source(listing))

    def lines_by_source(self, listing: IO[str]) -> Iterator[tuple[int, str]]:
        """The same, each with its source's place among `sources`."""
        listing.write("line\tgives away\ttext\n")
        for place, source in enumerate(self.sources):
            texts = cut_texts(source) if source.path.name.endswith(".jsonl.gz") else file_texts(source)
            for where, raw in texts:
                text = raw if source.normalised else normalize(raw, self.profile)
                if not text:
                    source.empty += 1
                    continue
                source.lines += 1
                leaked = self.gate.leak(text)
                if leaked is None:
                    yield place, text
                    continue
                source.dropped += 1
                listing.write(f"{where}\t{leaked}\t{text}\n")
                if len(self.examples) < EXAMPLES:
                    self.examples.append(f"{where}: {text!r}")
        self._check()

    def _check(self) -> None:
        lines, dropped = sum(one.lines for one in self.sources), sum(one.dropped for one in self.sources)
        if lines == dropped:
            files = ", ".join(str(one.path) for one in self.sources)
            raise RunError(f"{files}: nothing to learn from ({lines} lines, {dropped} of them dev or test sentences)")
        if dropped > self.max_leaks * lines:
            raise RunError(
                f"{dropped} of {lines} lines are dev or test sentences, more than the {100 * self.max_leaks:g} % of max_leaks "
                f"({'; '.join(self.examples)}); take them out of the text, or mend the split"
            )

    @property
    def licences(self) -> list[str]:
        """Those of all sources read, hence of the model."""
        return sorted({licence for source in self.sources if source.lines > source.dropped for licence in source.licences})

    def report(self) -> list[dict[str, Any]]:
        """What run.json says of each source."""
        kept = ("licences", "lines", "dropped", "empty")
        return [{"path": str(one.path)} | {key: getattr(one, key) for key in kept} for one in self.sources]


def cut_texts(source: Source) -> Iterator[tuple[str, str]]:
    """("path:line", text) of each supervision of a manifest of cuts, or of texts alone; notes the licences found."""
    licences, given = set(source.licences), source.licences[0] if source.licences else UNSTATED
    for number, cut in enumerate(read_jsonl_gz(source.path), 1):
        try:
            for supervision in cut["supervisions"]:
                licence = (supervision.get("custom") or {}).get("licence") or given
                if licence not in licences:
                    licences.add(licence)
                    source.licences = sorted(licences)
                yield f"{source.path}:{number}", supervision["text"]
        except (KeyError, TypeError):
            raise RunError(f"{source.path}:{number}: no cut with a transcript; run stage 2 again") from None


def file_texts(source: Source) -> Iterator[tuple[str, str]]:
    """("path:line", text) of each line of a text file, gzipped or not. Raises UsageError where it is damaged."""
    path, number = source.path, 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as raw:
            for number, line in enumerate(raw, 1):
                yield f"{path}:{number}", line.decode("utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; take it out of `text:` or put it there") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}:{number}: not UTF-8 at byte {error.start} of the line") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{path}:{number + 1}: damaged gzip ({error})") from None


def sentences(manifests: Iterable[Path]) -> Iterator[str]:
    """The transcripts of several cut manifests."""
    for path in manifests:
        for _, text in cut_texts(Source(path, [])):
            yield text
