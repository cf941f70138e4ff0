"""N-best lists read, changed and written again block by block, in several processes where there are many."""

from __future__ import annotations

import gc
import gzip
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path

from cyasr.files import read_lines_gz, replacing
from cyasr.fusion.checked import checked
from cyasr.nbest import Nbest, line_of, parsed
from cyasr.process import ahead, cores, die_with_parent, without_cycles

BLOCK = 200  # lists
LEVEL = 1  # of gzip
PROCESSES = 4  # at most: one alone unpacks for all of them
WORTH_IT = 4  # blocks: fewer are done before another process has started

Change = Callable[[list[Nbest]], list[Nbest]]
Lines = tuple[int, list[bytes]]  # the number of the first, and they


@dataclass(frozen=True)
class _Rewriting:
    """Lines of `path` in, gzipped lines out. known: components that all lists are scored by."""

    path: Path
    change: Change
    known: list[str] | None

    def __call__(self, block: Lines) -> bytes:
        first, lines = block
        lists = [parsed(line, self.path, first + i) for i, line in enumerate(lines)]
        changed = self.change(list(checked(lists, self.path, self.known)))
        return gzip.compress(b"".join(map(line_of, changed)), LEVEL, mtime=0)


def rewrite(path: Path, out: Path, change: Change, parallel: bool) -> None:
    """Write into `out` what `change` makes of the lists of `path`: the same bytes however many processes do it.

    parallel: whether `change` may be copied into other processes. Raises RunError for lists that are not fit to be changed.
    """
    blocks = _blocks(path)
    begun = list(islice(blocks, WORTH_IT))
    example = parsed(begun[0][1][0], path, 1) if begun else None
    work = _Rewriting(path, change, sorted(example.hyps[0].scores) if example and example.hyps else None)
    everything = chain(begun, blocks)
    with replacing(out) as temporary, open(temporary, "wb") as packed:
        if parallel and len(begun) == WORTH_IT and cores() > 1:
            packed.writelines(_in_processes(work, everything))
        else:
            with without_cycles():
                packed.writelines(map(work, everything))


def _blocks(path: Path) -> Iterator[Lines]:
    lines = read_lines_gz(path)
    number = 1
    while block := list(islice(lines, BLOCK)):
        yield number, block
        number += len(block)


def _in_processes(work: _Rewriting, blocks: Iterator[Lines]) -> Iterator[bytes]:
    count = min(PROCESSES, cores())
    with ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin, initargs=(work,)) as pool:
        yield from ahead(pool, _rewritten, blocks, 2 * count)


def _begin(work: _Rewriting) -> None:
    global _work
    _work = work
    gc.disable()  # as without_cycles does
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells


def _rewritten(block: Lines) -> bytes:
    return _work(block)


_work: _Rewriting
