"""Corpora as they are downloaded: archives unpacked once, whole or not at all, and never outside their folder."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from cyasr.cli import UsageError
from cyasr.data.progress import progress
from cyasr.files import read_json, write_json
from cyasr.lock import Lock

STAMP = ".unpacked.json"  # in the unpacked folder: which archive it is
KINDS = ".tar, .tar.gz, .tar.bz2, .tar.xz, .zip"
MAX_RATIO = 200  # unpacked bytes a packed one: speech packs 2 to 10 times, tables 20, bombs 1,000
ALWAYS_ALLOWED = 1 << 30  # unpacked bytes below which no ratio counts: silence packs well, too
COPIED_AT_ONCE = 1 << 20
BLOCK = 512  # of a tar
READERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, gzip.BadGzipFile, NotImplementedError)


def unpack(archive: Path, into: Path, members: str | None = None) -> Path:
    """Unpack a .tar, .tar.gz, .tar.bz2, .tar.xz or .zip to the folder `into`, which is returned; nothing is done where
    this has been done before.

    members: take only files whose names match this pattern (`*` matches `/` too). Files alone are taken: a link to
    another file of the archive becomes that file, a link elsewhere, a device or a name that leaves the folder
    is refused. What macOS adds of its own (`__MACOSX/`, `._name`) is left out.
    Raises UsageError, before anything stands in `into`: no archive, truncated, unsafe, larger than it can rightly be.
    """
    stamp = _stamp(archive, members)
    if into.exists():
        before = read_json(into / STAMP) if (into / STAMP).is_file() else None
        if before == stamp:
            return into
        if before is None and any(into.iterdir()):
            raise UsageError(f"{into} exists and is none of what was unpacked here; {archive} needs another place")
    work = into.with_name(f".{into.name}.part")
    with Lock(work) as lock:
        files = work / "files"
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        try:
            with _reporting(archive), _opened(archive) as packed:
                left_out = _extract(progress(packed, f"{into}: files unpacked"), files, archive, members)
            write_json(files / STAMP, stamp)
            os.sync()  # once for all files: one by one takes longer than unpacking them
            lock.check()
            shutil.rmtree(into, ignore_errors=True)
            files.rename(into)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    print(f"{into}: {archive} unpacked{f', {left_out} links to no file of it left out' if left_out else ''}")
    return into


def is_archive(path: Path) -> bool:
    """Whether `path` is a file that begins as an archive does which `unpack` reads."""
    if not path.is_file():
        return False
    with open(path, "rb") as f:
        head = f.read(BLOCK)
    return head.startswith((*READERS, b"PK\x03\x04", b"PK\x05\x06")) or head[257:262] == b"ustar"


def unpacked_from(into: Path) -> Path | None:
    """The archive that `unpack` made `into` of, where it still lies there."""
    if not (into / STAMP).is_file():
        return None
    archive = Path(read_json(into / STAMP)["archive"])
    return archive if archive.is_file() else None


@dataclass(frozen=True)
class _Member:
    """One entry of an archive: a file to be opened, or a link to what is named from the archive's top."""

    name: str
    open: Callable[[], IO[bytes]] | None
    link: str
    modified: float


def _stamp(archive: Path, members: str | None) -> dict[str, Any]:
    try:
        state = archive.stat()
        return {"archive": str(archive.resolve()), "size": state.st_size, "time": state.st_mtime_ns, "members": members}
    except OSError as error:
        raise UsageError(f"{archive}: {error.strerror}") from None


@contextmanager
def _reporting(archive: Path) -> Iterator[None]:
    """What a damaged archive raises, as one line that names it."""
    try:
        yield
    except DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{archive} is damaged, truncated or holds no tar ({reason}); download it again") from None
    except RuntimeError as error:  # zipfile, of an encrypted member
        raise UsageError(f"{archive}: {error}") from None
    except OSError as error:
        if error.errno in {28, 122}:  # ENOSPC, EDQUOT: told by cli.run
            raise
        reason = error.strerror or str(error)  # bz2 raises an OSError without number
        raise UsageError(f"{archive} cannot be unpacked ({reason}{f': {error.filename}' if error.filename else ''})") from None


@contextmanager
def _opened(archive: Path) -> Iterator[Iterator[_Member]]:
    if not is_archive(archive):
        raise UsageError(f"{archive} is no archive that can be read ({KINDS})")
    with open(archive, "rb") as f:
        head = f.read(6)
    if head.startswith(b"PK"):
        with zipfile.ZipFile(archive) as packed:
            yield _zip_members(packed, archive)
        return
    reader = next((reader for magic, reader in READERS.items() if head.startswith(magic)), None)
    header = _Header if reader else _LastHeader
    with (reader or open)(archive, "rb") as stream, tarfile.open(fileobj=stream, mode="r|", tarinfo=header) as tar:
        yield _tar_members(tar, archive)
        while stream.read(COPIED_AT_ONCE):  # to the checksum at its end
            pass


class _Header(tarfile.TarInfo):
    """A tar header; one that is cut or damaged is an error, not the end of the archive as tarfile takes it."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tar)
        except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):  # type: ignore[attr-defined]
            raise
        except (tarfile.HeaderError, ValueError, OverflowError) as error:
            raise tarfile.ReadError(str(error)) from None


class _LastHeader(_Header):
    """Of an uncompressed tar, which has no checksum at its end: its last header has to be the empty one."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tar)
        except tarfile.EmptyHeaderError:  # type: ignore[attr-defined]
            raise tarfile.ReadError("no end mark") from None


def _tar_members(tar: tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    while (info := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]  # tarfile keeps all headers it has read
        if info.isdir():
            continue
        if not (info.isreg() or info.islnk() or info.issym()):
            raise UsageError(f"{archive}: {info.name!r} is a device or a pipe; nothing was unpacked, do not trust it")
        folder = PurePosixPath(info.name).parent if info.issym() else PurePosixPath()
        open_ = partial(_tar_file, tar, info) if info.isreg() else None
        yield _Member(info.name, open_, str(folder / info.linkname), float(info.mtime))


def _tar_file(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    data = tar.extractfile(info)
    assert data is not None  # a regular file
    return data


def _zip_members(packed: zipfile.ZipFile, archive: Path) -> Iterator[_Member]:
    from datetime import datetime

    for info in packed.infolist():
        name = info.filename.replace("\\", "/")
        kind = info.external_attr >> 28  # of a Unix mode; 0 where the writer knew none
        if info.is_dir() or name.endswith("/") or kind == 4:
            continue
        try:
            modified = datetime(*info.date_time).timestamp()
        except (ValueError, OverflowError):
            modified = 0.0
        if kind == 0xA:
            if info.file_size > 4096:
                raise zipfile.BadZipFile(f"{name!r} is too long for a link")
            yield _Member(name, None, str(PurePosixPath(name).parent / os.fsdecode(packed.read(info))), modified)
            continue
        if kind not in {0, 8}:
            raise UsageError(f"{archive}: {name!r} is a device or a pipe; nothing was unpacked, do not trust it")
        yield _Member(name, partial(packed.open, info), "", modified)


def _extract(packed: Iterator[_Member], files: Path, archive: Path, members: str | None) -> int:
    """Write all members; how many links were left out because they lead to no file of the archive."""
    room = max(ALWAYS_ALLOWED, MAX_RATIO * archive.stat().st_size)
    links: list[tuple[Path, Path]] = []
    taken = 0
    for member in packed:
        if (members and not fnmatchcase(member.name.removeprefix("./"), members)) or _of_macos(member.name):
            continue
        target = files / _inside(member.name, archive)
        taken += 1
        room = _reduced(room, BLOCK, member.name, archive)
        if member.open is None:
            links.append((target, files / _inside(member.link, archive, member.name)))
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as data, open(target, "wb") as out:
            while block := data.read(COPIED_AT_ONCE):
                room = _reduced(room, len(block), member.name, archive)
                out.write(block)
        with suppress(OSError, OverflowError, ValueError):
            os.utime(target, (member.modified, member.modified))
    if not taken:
        raise UsageError(f"{archive} holds no file{f' that matches {members}' if members else ''}")
    return sum(not _copied(link, target) for link, target in links)


def _reduced(room: int, by: int, name: str, archive: Path) -> int:
    """Bytes that may still be written. Raises UsageError where there are none left."""
    if room < by:
        much = f"{archive} unpacks to over {MAX_RATIO} times its size, as no speech does (at {name!r})"
        raise UsageError(f"{much}; unpack it yourself if you trust it, and give the folder")
    return room - by


def _copied(link: Path, target: Path) -> bool:
    """Put the file `target` at `link`, too; False where it is none. There are no links below, so that none is followed."""
    if not target.is_file() or link.exists():
        return False
    link.parent.mkdir(parents=True, exist_ok=True)
    os.link(target, link)
    return True


def _inside(name: str, archive: Path, link: str | None = None) -> str:
    """`name` without `.` and empty parts and with `..` resolved for links. Raises UsageError where it leads out of the folder."""
    parts: list[str] = []
    safe = bool(name) and not name.startswith("/") and "\0" not in name
    for part in name.split("/"):
        if part == "..":
            safe = safe and link is not None and bool(parts)
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    if not safe or not parts or parts[0] == STAMP:
        what = f"{link!r} is a link to {name!r}" if link else f"a file is named {name!r}"
        raise UsageError(f"{archive}: {what}, outside the folder it is unpacked to; nothing was unpacked, do not trust it")
    return "/".join(parts)


def _of_macos(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._")
