"""A downloaded corpus's folder: where its tables lie, which release it is, and the audio that no table names."""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cyasr.cli import UsageError
from cyasr.data.conf import SPLITS
from cyasr.data.utterance import Reject
from cyasr.files import write_json

RELEASE = re.compile(r"\b[a-z]+-corpus-(\d+(?:\.\d+)*)-")  # cv-corpus-25.0-2026-03-09, sps-corpus-5.0-2026-09-11-el-CY
AUDIO = (".mp3", ".wav", ".flac", ".ogg", ".opus")


def find(corpus_dir: Path, name: str, release: str = "") -> Path:
    """The file `name` in `corpus_dir` or up to two folders below; of several the one of `release`. Raises UsageError."""
    found: list[Path] = []
    for above in ("", "*/", "*/*/"):
        found = found or sorted(path for path in corpus_dir.glob(above + name) if path.is_file())
    if not found:
        raise UsageError(f"{shown(corpus_dir)}: there is no {name}, nor two folders below; is --corpus-dir the right folder?")
    if len(found) > 1:
        found = [path for path in found if release and release_of(path) == release] or found
    if len(found) > 1:
        places = ", ".join(str(path.relative_to(corpus_dir).parent) for path in found[:5])
        raise UsageError(f"{shown(corpus_dir)} holds {name} {len(found)} times ({places}): give one of these folders")
    return found[0]


def release_of(path: Path) -> str:
    """The release that Common Voice's folder names say, "" where they say none."""
    said = RELEASE.findall(os.path.realpath(path))
    return said[-1] if said else ""


def identify(
    tables: Sequence[Path],
    raw: Path,
    release: str,
    sha256: str | None,
    sizes: Mapping[str, int] | None = None,
    known: Mapping[str, tuple[int, int, int]] | None = None,
) -> None:
    """Say which release `tables` are, and keep it in `raw`/identity.json.

    By folder name, and by the `sizes` of train, dev and test where the sizes of releases are `known`. Raises UsageError
    where that is not the `release` or the `sha256` (of all tables, one after the other) that the conf names.
    """
    digest = hashlib.sha256()
    for table in tables:
        with open(table, "rb") as f:
            while block := f.read(1 << 20):
                digest.update(block)
    checksum, names = digest.hexdigest(), " + ".join(table.name for table in tables)
    where = f"{tables[0].parent}/{names}" if len(tables) > 1 else str(tables[0])
    if sha256 and checksum != sha256.lower():
        raise UsageError(f"{where}: sha256 is {checksum}, the conf's options ask for {sha256}: another release, or changed")
    counted = tuple(sizes.get(split, 0) for split in SPLITS) if sizes else ()
    by_size = [name for name, published in (known or {}).items() if published == counted]
    found = release_of(tables[0]) or "".join(by_size[:1])
    said = f"release {found or 'unknown'}"
    if counted:
        said += f", splits {'/'.join(map(str, counted))}"
    if counted and known:
        said += f" as published in {', '.join(by_size)}" if by_size else f", as in no release known ({', '.join(known)})"
    if release and found and release not in (found, *by_size):
        raise UsageError(f'{where}: {said}, the conf says {release}; their splits differ: set `release: "{found}"` there')
    print(f"{where}: {said}; sha256 {checksum}{'' if sha256 else ', which `options: {sha256: …}` would pin'}")
    identity = {"release": found or release, "tables": names, "sha256": checksum, "sizes": dict(sizes or {})}
    write_json(raw / "identity.json", identity)


def inside(folder: Path, name: str) -> Path | None:
    """`folder`/`name`, or None where that would lead out of `folder` or is no file name."""
    if not name or "\0" in name or name.startswith("/") or ".." in name.split("/"):
        return None
    return folder / name


def shown(corpus_dir: Path) -> Path:
    """The folder as the user gave it, where `corpus_dir` is our link to it."""
    return Path(os.readlink(corpus_dir)) if corpus_dir.is_symlink() else corpus_dir


class Names:
    """File names with a number each, 16 bytes an entry: a million clips' durations, or which clips came before.

    By Python's own hash: two of 10⁶ names are taken for one another with a chance of 3·10⁻⁸.
    """

    def __init__(self) -> None:
        self._keys = array("q")
        self._values = array("q")
        self._sorted = True

    def add(self, name: str, value: int = 0) -> None:
        self._keys.append(hash(name))
        self._values.append(value)
        self._sorted = False

    def get(self, name: str) -> int | None:
        """The first number that was added for `name`."""
        if not self._sorted:
            self._sort()
        key = hash(name)
        place = bisect_left(self._keys, key)
        return self._values[place] if place < len(self._keys) and self._keys[place] == key else None

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __len__(self) -> int:
        return len(self._keys)

    def _sort(self) -> None:
        import numpy as np

        keys, values = np.array(self._keys), np.array(self._values)
        order = np.argsort(keys, kind="stable")
        self._keys, self._values = array("q", keys[order].tobytes()), array("q", values[order].tobytes())
        self._sorted = True


def unlisted(folder: Path, *named: Names) -> Iterator[Reject]:
    """Rejects, by name, for the audio files in `folder` that are in none of `named`."""
    with os.scandir(folder) as entries:
        names = (entry.name for entry in entries if os.path.splitext(entry.name)[1].lower() in AUDIO)
        left = sorted(name for name in names if not name.startswith(".") and not any(name in each for each in named))
    for name in left:
        yield Reject(os.path.splitext(name)[0], str(folder / name), "audio without transcript")
