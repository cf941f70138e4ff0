"""Where a corpus lies: the folder or archive that the user names once, and how a change in it is noticed."""

from __future__ import annotations

import hashlib
import heapq
import os
from pathlib import Path

from cyasr.cli import UsageError

UNPACKED = "unpacked"  # below raw/: an archive's files


def link_corpus(given: Path | None, raw: Path, get: str) -> Path:
    """`raw`/corpus, a link to the corpus dir `given` now or remembered from before, so that manifests stay relative.

    given: a folder, or an archive, which is unpacked to `raw`/unpacked once (and again when it has changed); what
    lies in its only folder is the corpus then. Raises UsageError where there is neither, or nothing in it.
    """
    from cyasr.data.archives import KINDS, is_archive, unpacked_from

    link = raw / "corpus"
    if given is None and not link.is_symlink():
        raise UsageError(f"needs --corpus-dir DIR. {get}")
    kept = Path(os.readlink(link)) if link.is_symlink() else Path()
    remembered = " (remembered from an earlier --corpus-dir)" if given is None else ""
    if given is None and kept.parts[:1] == (UNPACKED,):
        given = unpacked_from(raw / UNPACKED)
    if given is None:
        target = kept
    elif is_archive(given):
        target = _unpacked(given, raw)
    else:
        target = Path(os.path.realpath(given))
    whole = raw / target  # an absolute target stays as it is
    if not whole.is_dir():
        fault = f"is no directory and no archive ({KINDS})" if os.path.lexists(whole) else "does not exist"
        raise UsageError(f"{whole}{remembered} {fault}. {get}")
    try:
        if next(whole.iterdir(), None) is None:
            raise UsageError(f"{whole}{remembered} is empty. {get}")
    except PermissionError:
        raise UsageError(f"{whole}{remembered} may not be read by this user") from None
    if not link.is_symlink() or kept != target:
        raw.mkdir(parents=True, exist_ok=True)
        temporary = raw / f".corpus.{os.getpid()}.tmp"
        temporary.symlink_to(target)
        temporary.replace(link)
    return link


def fingerprint(directory: Path) -> str:
    """Digest of the name, size and time of every file below `directory`: what tells a changed corpus, unread.

    Linked folders are followed, each once. Nothing is held in memory: digests of files are added up, in any order.
    Raises UsageError for a folder that may not be read, which adapters would take for an empty one.
    """
    from cyasr.data.archives import STAMP

    total, start = 0, len(str(directory)) + 1
    folders, links = [str(directory)], list[str]()
    followed = {_identity(str(directory))}
    while folders or links:
        if folders:
            folder = folders.pop()
        else:  # links last and sorted: of several to one folder always the same is followed
            folder = heapq.heappop(links)
            if (identity := _identity(folder)) in followed:
                continue
            followed.add(identity)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if _is_dir(entry):
                        heapq.heappush(links, entry.path) if entry.is_symlink() else folders.append(entry.path)
                    elif entry.name != STAMP:
                        total += _digest(entry, entry.path[start:])
        except OSError as error:
            raise UsageError(f"{folder}: {error.strerror}; make it readable or take it out of the corpus") from None
    return f"{total:x}"


def _digest(entry: os.DirEntry[str], name: str) -> int:
    try:
        state = entry.stat()
    except OSError:  # a link to nothing, or in a circle
        state = entry.stat(follow_symlinks=False)
    line = f"{name}\0{state.st_size}\0{state.st_mtime_ns}".encode(errors="surrogateescape")
    return int.from_bytes(hashlib.blake2b(line, digest_size=16).digest())


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _identity(folder: str) -> tuple[int, int]:
    state = os.stat(folder)
    return state.st_dev, state.st_ino


def _unpacked(archive: Path, raw: Path) -> Path:
    """Unpack `archive`; where the corpus lies, seen from `raw`."""
    from cyasr.data.archives import STAMP, unpack

    top = [path for path in unpack(archive, raw / UNPACKED).iterdir() if path.name != STAMP]
    return Path(UNPACKED, top[0].name) if len(top) == 1 and top[0].is_dir() else Path(UNPACKED)
