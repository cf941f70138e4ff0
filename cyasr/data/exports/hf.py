"""Parquet shards as the Hub keeps speech: data/<split>-00000-of-00003.parquet, audio inside, read by `load_dataset`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from cyasr.data.exports.cut_rows import CutRow, copy_audio, safe
from cyasr.files import replacing

NAMES = {"train": "train", "dev": "validation", "test": "test"}
SHARD = 2000  # rows
TEXTS = ("id", "text", "speaker_id", "language", "corpus", "licence", "dialect", "label")


def write(split: str, cuts: Iterable[CutRow], folder: Path, copy: bool) -> int:
    """Returns how many rows. Audio is always inside: a whole file as it is, a part of one as 16 bit WAV."""
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    fields = [("audio", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), *((name, pa.string()) for name in TEXTS)]
    features: dict[str, Any] = {"audio": {"_type": "Audio"}} | {name: {"dtype": "string", "_type": "Value"} for name in TEXTS}
    schema = pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    for old in data.glob(f"{NAMES[split]}-*.parquet"):
        old.unlink()
    rows = _rows(cuts, folder)
    shards: list[Path] = []
    count = 0
    while first := list(islice(rows, 1)):
        path = data / f"{NAMES[split]}-{len(shards):05}.parquet"
        with replacing(path) as temporary, parquet.ParquetWriter(temporary, schema) as out:
            shard = islice(rows, SHARD - 1)
            batch = first + list(islice(shard, 99))
            while batch:
                out.write_table(pa.Table.from_pylist(batch, schema=schema))
                count += len(batch)
                batch = list(islice(shard, 100))
        shards.append(path)
    for number, path in enumerate(shards):
        path.rename(data / f"{NAMES[split]}-{number:05}-of-{len(shards):05}.parquet")
    return count


def _rows(cuts: Iterable[CutRow], folder: Path) -> Iterator[dict[str, Any]]:
    for row in cuts:
        if row.whole and row.channels == 1:
            data, name = row.audio.read_bytes(), f"{safe(row.id, '-')}{row.audio.suffix}"
        else:
            written = copy_audio(row, folder / f".{safe(row.id, '-')}.wav")
            data, name = written.read_bytes(), f"{safe(row.id, '-')}.wav"
            written.unlink()
        texts = {"id": row.id, "text": row.text, "speaker_id": row.speaker, "language": row.language}
        yield {"audio": {"bytes": data, "path": name}} | texts | {key: row.custom.get(key) for key in TEXTS[4:]}
