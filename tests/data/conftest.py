"""Good audio for the tests of broken corpora, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data import broken


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """u00.wav … u11.wav."""
    return broken.clips(tmp_path_factory.mktemp("good") / "clips")


@pytest.fixture
def corpus(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`corpus` below the working directory, with wav/u00.wav … u11.wav, and no table yet."""
    import shutil

    monkeypatch.chdir(tmp_path)
    Path("conf").mkdir()
    shutil.copytree(clips, "corpus/wav")
    return Path("corpus")
