"""From the path that a manifest names, often written on another machine, to the file in this corpus."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from cyasr.cli import UsageError
from cyasr.data.seen import Seen
from cyasr.data.utterance import Reject
from cyasr.data.walk import folders

AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga", ".w64", ".rf64", ".aif", ".aiff", ".au", ".sph")  # libsndfile's
OTHER_AUDIO = (".m4a", ".mp4", ".aac", ".wma", ".webm", ".mkv", ".mov", ".3gp", ".amr")  # known, not readable without more


class PathError(Exception):
    """One line on why a path is no file of the corpus."""


class Locator:
    """Finds audio below the corpus dir, or below `audio_dir` where the conf names one.

    A path may be absolute or relative, to the corpus, to `audio_dir` or to the table it stands in; if its beginning is
    another machine's, it is left out as far as it takes to meet a file here, and said once. Other files are out of reach.
    """

    def __init__(self, corpus_dir: Path, raw: Path, audio_dir: str | None = None) -> None:
        self.bases = [corpus_dir]
        if audio_dir is not None:
            self.bases.insert(0, _linked(Path(audio_dir), raw) if os.path.isabs(audio_dir) else corpus_dir / audio_dir)
            if not self.bases[0].is_dir():
                raise UsageError(f"options: audio_dir: {audio_dir} does not exist")
        self._bases = [str(base) for base in self.bases]
        self._inside = tuple(f"{base}/" for base in self._bases)
        self._roots = [(os.path.realpath(base) + "/", base) for base in self._bases]
        self._moved: dict[str, str] = {}  # beginning of a path elsewhere -> where that is here

    def find(self, name: str, beside: Path | None = None) -> Path:
        """The file, or where it should be. beside: folder of the table that names it. Raises PathError."""
        name = name.strip().removeprefix("file://")
        if not name:
            raise PathError("no audio: the path is empty")
        if not name.isprintable() and any(ord(char) < 32 for char in name):
            raise PathError(f"audio is missing: no path is {name!r}")
        if "/" not in name:
            name = name.replace("\\", "/")  # written on Windows
        if os.path.isabs(name) or name[1:3] == ":/":
            return Path(self._moved_here(name) or self._rooted(name))
        should_be = None
        for base in self._bases if beside is None else (str(beside), *self._bases):
            path = self._within(base, name)
            if path and (found := _met(path)):
                return Path(found)
            if should_be is None or base == self._bases[0]:
                should_be = path or should_be
        if should_be is None:
            raise PathError(f"audio is missing: {name} leads out of the corpus; options: audio_dir may say where it lies")
        return Path(self._moved_here(name) or should_be)

    def _rooted(self, name: str) -> str:
        for root, base in self._roots:
            if name.startswith(root) and (path := self._within(base, name[len(root) :])):
                return _met(path) or path
        raise PathError(f"audio is missing: {name} is not below the corpus; options: audio_dir may say where it lies")

    def _moved_here(self, name: str) -> str | None:
        for start, base in self._moved.items():
            if name.startswith(start) and (path := self._within(base, name[len(start) :])):
                return _met(path) or path
        if any(name.startswith(root) for root, _ in self._roots):
            return None
        parts = name.split("/")
        for left_out in range(1, len(parts)):
            for base in self._bases:
                path = self._within(base, "/".join(parts[left_out:]))
                if path and (found := _met(path)):
                    start = "/".join(parts[:left_out]) + "/"
                    self._moved[start] = base
                    print(f"audio named {start}… is taken from {base}/", file=sys.stderr)
                    return found
        return None

    def _within(self, base: str, name: str) -> str | None:
        """base/name without "..", where that stays below one of the bases."""
        path = f"{base}/{name}"
        if ".." in name and ".." in name.split("/"):
            path = os.path.normpath(path)
        return path if path.startswith(self._inside) else None


def there(path: Path) -> Path | None:
    """`path` if there is such a file, or the audio file that it names without saying of what kind it is."""
    found = _met(str(path))
    return Path(found) if found else None


def _met(path: str) -> str | None:
    if os.path.isfile(path):
        return path
    for suffix in () if os.path.splitext(path)[1].lower() in AUDIO else AUDIO:
        for known in (suffix, suffix.upper()):
            if os.path.isfile(path + known):
                return path + known
    return None


def guess_audio_dir(corpus_dir: Path, names: list[str], beside: Path) -> dict[str, str]:
    """{"audio_dir": …} where these paths are met below another folder than the corpus dir or the table's; else {}."""
    names = [name for name in names if name.strip() and "\0" not in name]
    root = os.path.realpath(corpus_dir)
    outside = [name for name in names if os.path.isabs(name) and os.path.isfile(name) and not name.startswith(root + "/")]
    if outside and len(outside) >= len(names) / 2:
        return {"audio_dir": os.path.commonpath([os.path.dirname(name) for name in outside])}
    relative = [name for name in names if not os.path.isabs(name)]
    if not relative or any(there(folder / name) for name in relative for folder in (beside, corpus_dir)):
        return {}
    for folder, _ in walk(corpus_dir):
        below = folder.relative_to(corpus_dir)
        if len(below.parts) <= 3 and any(there(folder / name) for name in relative[:10]):
            return {"audio_dir": str(below)}
    return {}


def walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder from `folder` down with the names of its files, in order; hidden ones are left out.

    Raises UsageError for a folder that may not be read.
    """
    for where, names in folders(folder):
        if not any(part.startswith((".", "__MACOSX")) for part in where.relative_to(folder).parts):
            yield where, [name for name in names if not name.startswith(".")]


def unlisted(folder: Path, named: Seen) -> Iterator[Reject]:
    """A reject for each audio file below `folder` that is not among the paths `named`."""
    for where, names in walk(folder):
        for name in names:
            if Path(name).suffix.lower() in AUDIO + OTHER_AUDIO and str(where / name) not in named:
                yield Reject(Path(name).stem, str(where / name), "audio without transcript")


def _linked(target: Path, raw: Path) -> Path:
    """`raw`/audio_dir, a link to `target`, so that manifests stay relative."""
    link = raw / "audio_dir"
    if not link.is_symlink() or os.readlink(link) != str(target):
        raw.mkdir(parents=True, exist_ok=True)
        temporary = raw / f".audio_dir.{os.getpid()}.tmp"
        temporary.symlink_to(target)
        temporary.replace(link)
    return link
