"""A data set that takes no time to make and can be learnt: words are tones."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cyasr.text import tokenizer

ROOT = Path(__file__).resolve().parents[1]
# files that take minutes, the longest first: begun last, they would keep one process busy while the others have nothing left
SLOW = ["test_recipe", "test_training", "test_nemo", "test_hf_ctc", "test_adapted_training", "test_whisper_stages", "test_joint"]
WORDS = {"ένα": 300, "δύο": 500, "τρία": 800, "σ̆ύλλος": 1300, "τζ̆αι": 2100}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(SLOW)}
    items.sort(key=lambda item: order.get(item.path.stem, len(SLOW)))


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory to run steps in, with data/tones/{train,dev,test}.jsonl.gz and its `char` tokenizer."""
    directory = tmp_path_factory.mktemp("tones")
    for split, count in (("train", 48), ("dev", 8), ("test", 8)):
        draw = random.Random(split)
        rows = [_cut(directory, f"{split}-{i:03d}", draw.choices(list(WORDS), k=draw.randint(2, 5)), i) for i in range(count)]
        path = directory / "data" / "tones" / f"{split}.jsonl.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
    tokenizer.train([" ".join(WORDS)], "char", directory / "data" / "tones" / "tokenizer_char")
    return directory


def _cut(directory: Path, name: str, words: list[str], seed: int) -> dict[str, object]:
    """Speak `words` as tones into a file; return its cut."""
    noise = np.random.default_rng(seed)
    seconds = np.arange(int(0.3 * 16_000)) / 16_000
    audio = np.concatenate([0.3 * np.sin(2 * np.pi * WORDS[word] * seconds) * np.hanning(len(seconds)) for word in words])
    audio = audio + 0.003 * noise.standard_normal(len(audio))
    path = directory / "data" / "tones" / "wav" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, 16_000)
    duration = len(audio) / 16_000
    source = {"type": "file", "channels": [0], "source": str(path.relative_to(directory))}
    recording = {"id": name, "sources": [source], "sampling_rate": 16_000, "num_samples": len(audio), "duration": duration}
    supervision = {"id": name, "recording_id": name, "start": 0.0, "duration": duration, "channel": 0, "text": " ".join(words)}
    supervision |= {"speaker": f"speaker{seed % 3}"}
    return {
        "id": name, "start": 0.0, "duration": duration, "channel": 0, "supervisions": [supervision],
        "recording": recording, "type": "MonoCut",
    }  # fmt: skip
