"""Archives are unpacked once, whole or not at all, and write nothing outside their folder."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cyasr.cli import UsageError
from cyasr.data.archives import STAMP, is_archive, unpack

FILES = {"top/clips/a.mp3": b"a" * 3000, "top/clips/b.mp3": b"b" * 700, "top/validated.tsv": "πάμεν\n".encode() * 500}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mtime = kind, link, len(data), 1_600_000_000
    return info, data


def tar(*entries: tuple[tarfile.TarInfo, bytes], name: str = "corpus.tar", mode: str = "") -> Path:
    with tarfile.open(name, f"w:{mode}") as out:
        for info, data in entries or [entry(name, data=data) for name, data in FILES.items()]:
            out.addfile(info, io.BytesIO(data))
    return Path(name)


def zipped(files: dict[str, bytes], attributes: int = 0) -> Path:
    with zipfile.ZipFile("corpus.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = attributes << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(info, data)
    return Path("corpus.zip")


def found(folder: Path = Path("out")) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != STAMP}


def refused(archive: Path, members: str | None = None) -> str:
    """The message; nothing may have been written but the archive."""
    before = sorted(Path(".").rglob("*")), sorted(Path("..").iterdir())
    with pytest.raises(UsageError) as caught:
        unpack(archive, Path("out"), members)
    assert (sorted(Path(".").rglob("*")), sorted(Path("..").iterdir())) == before
    assert str(archive) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["", "gz", "bz2", "xz", "zip"])
def test_every_kind_gives_the_files_with_their_times_and_no_more(kind: str) -> None:
    archive = zipped(FILES) if kind == "zip" else tar(mode=kind, name=f"corpus.{kind or 'tar'}")
    assert is_archive(archive)
    assert unpack(archive, Path("out")) == Path("out")
    assert found() == FILES
    assert sorted(path.name for path in Path(".").iterdir()) == sorted([archive.name, "out"])
    assert Path("out/top/validated.tsv").stat().st_mtime < 1_700_000_000


def test_a_second_time_nothing_is_written_and_a_changed_archive_replaces_the_folder() -> None:
    archive = tar()
    unpack(archive, Path("out"))
    before = Path("out").stat().st_ino
    unpack(archive, Path("out"))
    assert Path("out").stat().st_ino == before
    tar(entry("new.txt", data=b"1"))
    unpack(archive, Path("out"))
    assert found() == {"new.txt": b"1"}


def test_what_a_killed_run_left_is_cleared_and_unpacked_anew() -> None:
    Path(".out.part/files/top").mkdir(parents=True)
    Path(".out.part/files/top/half").write_bytes(b"h")
    unpack(tar(), Path("out"))
    assert found() == FILES and not Path(".out.part").exists()


def test_a_folder_that_was_not_unpacked_here_is_never_touched() -> None:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")
    assert "exists" in refused(tar())
    assert found() == {"mine.txt": b"mine"}


def test_a_pattern_takes_some_files_and_one_that_takes_none_is_refused() -> None:
    unpack(tar(), Path("out"), "*.mp3")
    assert sorted(found()) == ["top/clips/a.mp3", "top/clips/b.mp3"]
    Path("out").rename("kept")
    assert "holds no file that matches *.wav" in refused(Path("corpus.tar"), "*.wav")


def test_what_macos_adds_is_left_out() -> None:
    unpack(zipped({"a.wav": b"a", "__MACOSX/a.wav": b"x", "sub/._a.wav": b"x"}), Path("out"))
    assert found() == {"a.wav": b"a"}


def test_names_with_backslashes_are_folders() -> None:
    unpack(zipped({"BLOCK00\\SES0001\\A.ELA": b"a"}), Path("out"))
    assert found() == {"BLOCK00/SES0001/A.ELA": b"a"}


def test_links_to_files_of_the_archive_become_files_and_others_inside_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    links = [
        entry("early", tarfile.SYMTYPE, "d/a"),
        entry("d/a", data=b"A"),
        entry("d/up", tarfile.SYMTYPE, "../d/a"),
        entry("hard", tarfile.LNKTYPE, "d/a"),
        entry("loop1", tarfile.SYMTYPE, "loop2"),
        entry("loop2", tarfile.SYMTYPE, "loop1"),
        entry("folder", tarfile.SYMTYPE, "d"),
        entry("folder/through", data=b"T"),
    ]
    unpack(tar(*links), Path("out"))
    assert found() == {"early": b"A", "d/a": b"A", "d/up": b"A", "hard": b"A", "folder/through": b"T"}
    assert not [path for path in Path("out").rglob("*") if path.is_symlink()]
    assert "3 links to no file of it left out" in capsys.readouterr().out


@pytest.mark.parametrize(
    "bad",
    [
        entry("../evil", data=b"e"),
        entry("/tmp/evil", data=b"e"),
        entry("a/../../evil", data=b"e"),
        entry("a/..", data=b"e"),
        entry(STAMP, data=b"{}"),
        entry("link", tarfile.SYMTYPE, "/etc/passwd"),
        entry("a/link", tarfile.SYMTYPE, "../../etc/passwd"),
        entry("link", tarfile.LNKTYPE, "../corpus.tar"),
        entry("device", tarfile.CHRTYPE),
        entry("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda bad: f"{bad[0].name} {bad[0].linkname}",
)
def test_a_tar_that_would_write_elsewhere_is_refused(bad: tuple[tarfile.TarInfo, bytes]) -> None:
    assert "do not trust it" in refused(tar(entry("good", data=b"g"), bad))


@pytest.mark.parametrize(
    ("name", "attributes"),
    [("../evil", 0), ("/evil", 0), ("..\\evil", 0), ("link", stat.S_IFLNK | 0o777), ("pipe", stat.S_IFIFO | 0o600)],
)
def test_a_zip_that_would_write_elsewhere_is_refused(name: str, attributes: int) -> None:
    assert "do not trust it" in refused(zipped({name: b"/etc/passwd"}, attributes))


@pytest.mark.parametrize("kind", ["", "gz", "bz2", "xz", "zip"])
def test_an_archive_cut_anywhere_is_refused(kind: str) -> None:
    random = {name: os.urandom(len(data)) for name, data in FILES.items()}
    files = [entry(name, data=data) for name, data in random.items()]
    archive = zipped(random) if kind == "zip" else tar(*files, mode=kind, name=f"corpus.{kind or 'tar'}")
    whole = archive.read_bytes()
    ends = {512, 1000, 512 + 3072, 512 + 3072 + 100, len(whole) // 2, 512 * 4 + 3072 + 1024}
    if kind:
        ends |= {len(whole) - 1}
    for end in ends:
        archive.write_bytes(whole[:end])
        assert any(word in refused(archive) for word in ("truncated", "no archive"))


def flipped(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 0xFF]) + data[len(data) // 2 + 1 :]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"", "no archive"),
        (lambda data: b"RIFF" + data[4:], "no archive"),
        (lambda data: gzip.compress(b"no tar" * 999), "holds no tar"),
        (lambda data: gzip.compress(b""), "holds no tar"),
        (flipped, "damaged"),
        (lambda data: gzip.compress(gzip.decompress(data)[:5120] + b"x" * 512 + gzip.decompress(data)[5632:]), "damaged"),
    ],
)
def test_what_is_no_archive_or_damaged_is_one_line(change: Callable[[bytes], bytes], message: str) -> None:
    archive = tar(mode="gz", name="corpus.tgz")
    archive.write_bytes(change(archive.read_bytes()))
    assert message in refused(archive)


def test_a_bomb_is_stopped_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cyasr.data.archives.ALWAYS_ALLOWED", 1 << 20)
    many = zipped({f"{number}.wav": bytes(1 << 20) for number in range(20)})
    assert "over 200 times its size" in refused(many)
    assert "over 200 times its size" in refused(tar(*(entry(str(n)) for n in range(9000)), mode="xz", name="names.tar.xz"))


def test_an_encrypted_zip_says_so() -> None:
    archive = zipped({"a": b"secret"})
    data = bytearray(archive.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    assert "encrypted" in refused(archive)


def test_a_file_that_is_also_a_folder_is_refused() -> None:
    assert "cannot be unpacked" in refused(tar(entry("a", data=b"1"), entry("a/b", data=b"2")))


def test_a_missing_archive_is_one_line() -> None:
    assert "No such file" in refused(Path("corpus.tar"))
