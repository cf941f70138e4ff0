"""A Common Voice release to cuts, against lhotse's own recipe to manifests, on the same rows.

    python tools/bench/commonvoice.py --rows 100000            # both sides; and 1,000,000 with --peer-rows 100000

The release is made here: tables with unique sentences, clip_durations.tsv, and a clip for every row, hard links to a few
hundred mp3 files of constant bit rate without a tag, as the publisher's. Ours is stages 1 and 2 as a user runs them
(`decode: 1000`): rows to manifests to checked, normalised, split cuts with their reports. The peer is
lhotse.recipes.prepare_commonvoice, which reads the same tables and opens every clip, with the number of jobs that is
fastest here; it normalises nothing and decodes nothing. Wall time and peak memory (processes and their children) are the
kernel's; --peer-rows runs the peer on fewer rows and says so.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

RELEASE = "cv-corpus-25.0-2026-03-09"
CLIPS = 300  # different ones; a file system allows some 65,000 links to each
COLUMNS = "client_id path sentence_id sentence sentence_domain up_votes down_votes age gender accents variant locale segment"
CONF = """\
corpus: commonvoice
licence: CC0-1.0
language: el
decode: 1000
options: {locale: el}
"""
PEER = """\
import sys, time
from lhotse.recipes.commonvoice import prepare_commonvoice
if __name__ == "__main__":
    prepare_commonvoice(sys.argv[1], sys.argv[2], "el", num_jobs=int(sys.argv[3]))
"""


@dataclass(frozen=True)
class Run:
    """seconds: wall time. megabytes: peak memory of the process with all its children."""

    seconds: float
    megabytes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--peer-rows", type=int, help="of the peer's own, smaller release; 0: no peer")
    parser.add_argument("--jobs", type=int, nargs="*", default=[1, 2], help="of the peer, to find the best of")
    parser.add_argument("--work", type=Path, help="a folder on a file system with hard links (default: a temporary one)")
    arguments = parser.parse_args()
    peer_rows = arguments.rows if arguments.peer_rows is None else arguments.peer_rows
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        work = Path(folder)
        clips = make_clips(work / "src")
        make_release(work / "ours", clips, arguments.rows)
        ours = run_ours(work, arguments.rows)
        if not peer_rows:
            return
        if peer_rows != arguments.rows:
            make_release(work / "peer", clips, peer_rows)
        theirs = run_peer(work, work / ("ours" if peer_rows == arguments.rows else "peer"), peer_rows, arguments.jobs)
        ratio = theirs.seconds / peer_rows * arguments.rows / ours.seconds
        print(f"ratio, by rows a second: {ratio:.1f}x, memory {ours.megabytes:.0f} MB against {theirs.megabytes:.0f} MB")


def run_ours(work: Path, rows: int) -> Run:
    """Stages 1 and 2 as a user runs them, each in a process of its own."""
    (work / "conf").mkdir()
    (work / "conf" / "data_bench.yaml").write_text(CONF)
    runs = []
    for name, command in (
        ("stage 1", ["local.data_commonvoice", "--corpus-dir", str(work / "ours")]),
        ("stage 2", ["steps.make_cuts"]),
    ):
        command = [sys.executable, "-m", command[0], "--conf", "conf/data_bench.yaml", *command[1:]]
        runs.append(measured(command, work))
        print(f"ours, {name}: {runs[-1].seconds:.1f} s, {runs[-1].megabytes:.0f} MB", flush=True)
    both = Run(sum(each.seconds for each in runs), max(each.megabytes for each in runs))
    print(f"ours: {rows} rows in {both.seconds:.1f} s, {rows / both.seconds:.0f} a second, {both.megabytes:.0f} MB", flush=True)
    return both


def run_peer(work: Path, release: Path, rows: int, jobs: list[int]) -> Run:
    """The fastest run of lhotse's recipe, over the numbers of jobs."""
    script = work / "peer.py"
    script.write_text(PEER)
    runs = []
    for number in jobs:
        out = work / f"manifests{number}"
        command = [sys.executable, str(script), str(release / RELEASE), str(out), str(number)]
        runs.append(measured(command, work))
        print(f"lhotse, {number} jobs: {rows} rows in {runs[-1].seconds:.1f} s, {runs[-1].megabytes:.0f} MB", flush=True)
    return min(runs, key=lambda each: each.seconds)


def measured(command: list[str], work: Path) -> Run:
    """Run it; the memory of all its processes is looked at ten times a second."""
    log = work / "log"
    start, most = time.monotonic(), 0.0
    with open(log, "w") as out:
        process = subprocess.Popen(command, cwd=work, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=out, stderr=out)
        while process.poll() is None:
            most = max(most, sum(resident(pid) for pid in family(process.pid)))
            time.sleep(0.1)
    seconds = time.monotonic() - start
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{log.read_text()[-2000:]}")
    return Run(seconds, most)


def family(pid: int) -> Iterator[int]:
    """`pid` and its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                yield from family(int(child))
        except OSError:  # it is gone
            continue


def resident(pid: int) -> float:
    """Megabytes that are the process's own."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def make_clips(folder: Path) -> list[tuple[Path, int]]:
    """(file, milliseconds) of clips of 2 to 10 s."""
    import numpy as np
    import soundfile
    from durations import speech

    from cyasr.data.headers.mpeg_frames import kind_of

    folder.mkdir()
    generator = np.random.default_rng(0)
    clips = []
    for number in range(CLIPS):
        seconds = float(np.clip(generator.lognormal(1.5, 0.3), 2, 10))
        path = folder / f"{number}.mp3"
        options = {"format": "MP3", "bitrate_mode": "CONSTANT", "compression_level": 0.9}
        soundfile.write(path, speech(seconds, 32000, generator), 32000, **options)
        data = path.read_bytes()
        kind = kind_of(int.from_bytes(data[:4]))
        assert kind
        path.write_bytes(data[kind.sizes[int.from_bytes(data[:4]) >> 9 & 127] :])  # without LAME's tag
        clips.append((path, int(1000 * seconds)))
    return clips


def make_release(folder: Path, clips: list[tuple[Path, int]], rows: int) -> None:
    """Rows in train, dev and test as 8 to 1 to 1, by speakers of 50 sentences; sentences are made up and unique."""
    language = folder / RELEASE / "el"
    (language / "clips").mkdir(parents=True)
    generator = random.Random(0)
    words = ["".join(generator.choices(("κα", "με", "το", "ρί", "σου", "νά", "λη", "πως"), k=1 + n % 4)) for n in range(5000)]
    with ExitStack() as stack:
        files = {name: language / f"{name}.tsv" for name in ("train", "dev", "test", "clip_durations")}
        tables = {name: stack.enter_context(open(path, "w", encoding="utf-8")) for name, path in files.items()}
        durations = tables.pop("clip_durations")
        for table in tables.values():
            table.write("\t".join(COLUMNS.split()) + "\n")
        durations.write("clip\tduration[ms]\n")
        for number in range(rows):
            clip, milliseconds = clips[number % len(clips)]
            name = f"common_voice_el_{20_000_000 + number}.mp3"
            os.link(clip, language / "clips" / name)
            durations.write(f"{name}\t{milliseconds}\n")
            speaker = number // 50
            split = "train" if speaker % 10 < 8 else "dev" if speaker % 10 == 8 else "test"
            sentence = " ".join(generator.choices(words, k=generator.randint(5, 13))).capitalize() + f" {words[number % 4999]}."
            cells = [f"{speaker:0128x}", name, f"{number:064x}", sentence, "", "2", "0", "twenties", "male", "", "", "el", ""]
            tables[split].write("\t".join(cells) + "\n")


if __name__ == "__main__":
    main()
