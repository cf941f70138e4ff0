"""A corpus is found again where the user said it lies, as a folder or an archive, and any change in it is seen."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from cyasr.cli import UsageError
from cyasr.data.corpus_dir import fingerprint, link_corpus

RAW = Path("data/toy/raw")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def files(folder: str, **texts: str) -> Path:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        Path(folder, name).write_text(text)
    return Path(folder)


def packed(name: str, *members: Path) -> Path:
    with tarfile.open(name, "w:gz") as out:
        for member in members:
            out.add(member)
    return Path(name)


def test_a_folder_is_linked_and_remembered() -> None:
    given = files("corpus", a="1")
    assert (link_corpus(given, RAW, "") / "a").read_text() == "1"
    assert (link_corpus(None, RAW, "") / "a").read_text() == "1"


def test_an_archive_is_unpacked_once_and_its_only_folder_is_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    archive = packed("a.tgz", files("cv-corpus-9", table="1"))
    for given in (archive, archive, None):
        link = link_corpus(given, RAW, "")
        assert (link / "table").read_text() == "1"
    assert not os.path.isabs(os.readlink(link))
    assert capsys.readouterr().out.count("unpacked\n") == 1


def test_an_archive_of_several_things_is_the_corpus_as_it_is() -> None:
    link = link_corpus(packed("a.tgz", files("clips", a="1"), files("tables", b="2")), RAW, "")
    assert (link / "clips/a").is_file() and (link / "tables/b").is_file()


def test_a_changed_archive_is_unpacked_again_also_where_it_is_only_remembered_and_may_be_gone_later() -> None:
    archive = packed("a.tgz", files("one", a="1"))
    before = fingerprint(link_corpus(archive, RAW, ""))
    packed("a.tgz", files("two", a="22"))
    link = link_corpus(None, RAW, "")
    assert (link / "a").read_text() == "22" and fingerprint(link) != before
    archive.unlink()
    assert (link_corpus(None, RAW, "") / "a").read_text() == "22"


def test_a_folder_may_follow_an_archive() -> None:
    link_corpus(packed("a.tgz", files("one", a="1")), RAW, "")
    assert (link_corpus(files("other", a="3"), RAW, "") / "a").read_text() == "3"
    assert (link_corpus(None, RAW, "") / "a").read_text() == "3"


def test_unpacking_again_gives_the_same_fingerprint() -> None:
    archive = packed("a.tgz", files("one", a="1", b="2"))
    before = fingerprint(link_corpus(archive, RAW, ""))
    Path("a.tgz").rename("b.tgz")
    assert fingerprint(link_corpus(Path("b.tgz"), RAW, "")) == before


@pytest.mark.parametrize("name", ["circle", "dangling", "pipe", "text"])
def test_what_is_no_folder_and_no_archive_is_one_line(name: str) -> None:
    os.symlink("circle", "circle")
    os.symlink("nowhere", "dangling")
    os.mkfifo("pipe")
    Path("text").write_text("no archive")
    with pytest.raises(UsageError, match=f"{name}|nowhere") as caught:
        link_corpus(Path(name), RAW, "Toy: from nowhere")
    assert "Toy: from nowhere" in str(caught.value) and not RAW.exists()


def test_a_change_anywhere_in_the_corpus_is_seen_behind_links_too() -> None:
    corpus, disk = files("corpus/deep/er", a="1").parents[1], files("disk", clip="1")
    Path("corpus/clips").symlink_to(disk.resolve())
    Path("corpus/file").symlink_to(Path("disk/clip").resolve())
    for path in ("corpus/deep/er/a", "disk/clip", "disk/new"):
        before = fingerprint(corpus)
        Path(path).write_text("longer than before")
        assert fingerprint(corpus) != before
    assert fingerprint(corpus) == fingerprint(corpus)


def test_links_in_circles_and_to_nothing_end() -> None:
    corpus = files("corpus/sub", a="1").parent
    for name, target in [("up", ".."), ("sub/top", "../../corpus"), ("self", "self"), ("gone", "nowhere"), ("again", "sub")]:
        Path(corpus, name).symlink_to(target)
    os.mkfifo("corpus/pipe")
    assert fingerprint(corpus) == fingerprint(corpus)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_refused_by_name() -> None:
    corpus = files("corpus/locked", a="1").parent
    Path("corpus/locked").chmod(0)
    with pytest.raises(UsageError, match="locked: Permission denied"):
        fingerprint(corpus)
    Path("corpus/locked").chmod(0o700)
