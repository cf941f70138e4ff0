"""HLG: CTC's topology o (lexicon o word n-gram), determinised and minimised, with kaldilm and kaldifst.

Input labels are token ids + 1 (0 is epsilon), output labels numbers of `words.txt`. Costs are those of G alone, natural
logs with the sign changed. Closed vocabulary: only words of the language model that the tokenizer can spell are found.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.files import read_json, replacing, write_json, write_text
from cyasr.lock import Lock
from cyasr.stage import Stage
from cyasr.text.tokenizer import SPACE, Tokenizer

INSTALL = "kaldifst and kaldilm cannot be imported; tools/install.sh installs them"
SPELT_SHARE = 0.5  # of the words of the language model that the tokenizer has to spell; below, they are not of one text
MAX_TOKENS = 5000  # H has an arc between any two tokens


@dataclass(frozen=True)
class Graph:
    """A directory exp/<set>/<train stem>/graph_<lm>: HLG.fst, words.txt and graph.json, its sizes."""

    directory: Path

    @property
    def fst(self) -> Path:
        return self.directory / "HLG.fst"

    def words(self) -> list[str]:
        """Words by output label; 0 is epsilon."""
        return (self.directory / "words.txt").read_text(encoding="utf-8").split("\n")[:-1]

    def sizes(self) -> dict[str, Any]:
        sizes: dict[str, Any] = read_json(self.directory / "graph.json")
        return sizes


def inputs(tokenizer: Path, lm: Path) -> list[Path]:
    """What a graph is made from. tokenizer: its directory; lm: exp/<set>/lm_<name>. Raises UsageError for no word n-gram."""
    for path in (tokenizer / "tokens.txt", lm / "conf.yaml", lm / "lm.arpa.gz"):
        if not path.is_file():
            raise UsageError(f"{path} does not exist; a graph needs a trained system and a word n-gram (stages 3 to 5)")
    units = confs.read(lm / "conf.yaml").get("tokens")
    if units != "word":
        raise UsageError(f"{lm} is over {units!r}; a graph takes an n-gram over words")
    model = tokenizer / "pieces.model"
    return [tokenizer / "tokens.txt", *([model] if model.is_file() else []), lm / "conf.yaml", lm / "lm.arpa.gz"]


def make(experiment: Path, lm: Path) -> Graph:
    """The graph of a system and a language model, built where it is missing or what it is made from has changed."""
    directory = experiment / f"graph_{lm.name.removeprefix('lm_')}"
    stage = Stage(directory / ".stamp.json", inputs(experiment / "tokenizer", lm), {})
    graph = Graph(directory)
    if not stage.fresh(quiet=True):
        with Lock(directory):
            build(Tokenizer.load(experiment / "tokenizer"), lm / "lm.arpa.gz", directory)
            stage.done([graph.fst, directory / "words.txt", directory / "graph.json"])
    return graph


def build(tokenizer: Tokenizer, arpa: Path, directory: Path) -> None:
    """Write HLG.fst, words.txt and graph.json. Raises UsageError where the two cannot meet."""
    try:
        import kaldifst
    except ImportError:
        raise UsageError(INSTALL) from None
    if len(tokenizer.tokens) > MAX_TOKENS:
        raise UsageError(f"{len(tokenizer.tokens)} tokens are more than the {MAX_TOKENS} that a graph is built for")
    with tempfile.TemporaryDirectory(prefix="graph-") as work:
        plain = Path(work) / "lm.arpa"
        _unpack(arpa, plain)
        spelt, unspelt = spellings(tokenizer, arpa_words(plain))
        if len(spelt) < SPELT_SHARE * (len(spelt) + len(unspelt)):
            raise UsageError(
                f"the tokenizer spells {len(spelt)} of the {len(spelt) + len(unspelt)} words of {arpa}, not {unspelt[0]!r} "
                "for one; they are not of the same text"
            )
        table = ["<eps>", *spelt, "#0", "<s>", "</s>"]
        symbols = Path(work) / "words"
        symbols.write_text("".join(f"{word} {i}\n" for i, word in enumerate(table)), encoding="utf-8")
        grammar = _grammar(plain, symbols)
    labels = list(spelt.values())
    lexicon = kaldifst.compile(lexicon_text(labels, tokenizer))
    kaldifst.arcsort(lexicon, "olabel")
    composed = kaldifst.compose(lexicon, grammar)
    kaldifst.determinize_star(composed)
    kaldifst.minimize_encoded(composed)
    composed = kaldifst.compile(_without_disambiguation(composed, len(tokenizer.tokens)))
    kaldifst.arcsort(composed, "ilabel")
    topology = kaldifst.compile(topology_text(len(tokenizer.tokens), tokenizer.blank_id))
    kaldifst.arcsort(topology, "olabel")
    graph = kaldifst.compose(topology, composed)
    if graph.num_states == 0:
        raise UsageError(f"{arpa} and the tokenizer make an empty graph; they are not of the same text")
    with replacing(directory / "HLG.fst") as temporary:
        graph.write(str(temporary))
    write_text(directory / "words.txt", "".join(f"{word}\n" for word in table[: 1 + len(spelt)]))
    sizes = {"words": len(spelt), "unspelt": len(unspelt), "G": _size(grammar), "LG": _size(composed), "HLG": _size(graph)}
    write_json(directory / "graph.json", sizes | {"megabytes": round((directory / "HLG.fst").stat().st_size / 1e6, 2)})


def spellings(tokenizer: Tokenizer, words: Iterable[str]) -> tuple[dict[str, list[int]], list[str]]:
    """(token ids by word, words with a token that the tokenizer does not have)."""
    spelt: dict[str, list[int]] = {}
    unspelt: list[str] = []
    for word in words:
        ids = tokenizer.encode(word)
        if ids and tokenizer.unk_id not in ids:
            spelt[word] = ids
        else:
            unspelt.append(word)
    return spelt, unspelt


def lexicon_text(spelt: Sequence[Sequence[int]], tokenizer: Tokenizer) -> str:
    """L as OpenFst's text: token labels in, word numbers (from 1) out, for words given by their token ids.

    Where a word's tokens do not tell that it begins, as characters do not, a space stands between two words, and may
    stand behind the last, where it is no part of the text. Words that begin another word, or sound like one, end in a
    disambiguation symbol, and both loops let back-off's #0 pass: Mohri et al. 2008, "Speech recognition with weighted
    finite-state transducers", section 4.
    """
    disambiguation = len(tokenizer.tokens) + 1  # #0 among the input labels; #1 and on follow
    back_off = len(spelt) + 1
    begins = {tuple(ids[:k]) for ids in spelt for k in range(1, len(ids))}
    tokens_tell = bool(spelt) and tokenizer.tokens[spelt[0][0]].startswith(SPACE)
    after, states = (0, 1) if tokens_tell else (1, 2)
    lines = [f"{state} {state} {disambiguation} {back_off}" for state in {0, after}]
    if not tokens_tell and SPACE in tokenizer.tokens:
        lines.append(f"{after} 0 {1 + tokenizer.tokens.index(SPACE)} 0")
    seen: Counter[tuple[int, ...]] = Counter()
    for word, ids in enumerate(spelt, 1):
        key = tuple(ids)
        seen[key] += 1
        labels = [1 + i for i in ids]
        if seen[key] > 1 or key in begins:
            labels.append(disambiguation + seen[key])
        at = 0
        for k, label in enumerate(labels, 1):
            to = after if k == len(labels) else states
            lines.append(f"{at} {to} {label} {word if k == 1 else 0}")
            at, states = to, states + (k < len(labels))
    return "\n".join([*lines, *(str(state) for state in sorted({0, after}))]) + "\n"


def topology_text(tokens: int, blank: int) -> str:
    """H as OpenFst's text: repeats merge, blanks vanish, and a token is said twice only with a blank between."""
    others = [token for token in range(tokens) if token != blank]
    state = {token: n for n, token in enumerate(others, 1)}  # 0: after a blank
    lines = [f"0 0 {blank + 1} 0"]
    for token, at in state.items():
        lines += [f"0 {at} {token + 1} {token + 1}", f"{at} {at} {token + 1} 0", f"{at} 0 {blank + 1} 0"]
        lines += [f"{at} {to} {other + 1} {other + 1}" for other, to in state.items() if other != token]
    return "\n".join([*lines, *map(str, range(tokens))]) + "\n"


def arpa_words(path: Path) -> Iterator[str]:
    """The words of an ARPA file's 1-grams, special ones left out."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("\\1-grams:"):
                break
        for line in lines:
            fields = line.split()
            if line.startswith("\\"):
                return
            if len(fields) > 1 and fields[1] not in ("<s>", "</s>", "<unk>"):
                yield fields[1]


def _unpack(arpa: Path, into: Path) -> None:
    try:
        with gzip.open(arpa) as packed, open(into, "wb") as out:
            shutil.copyfileobj(packed, out)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{arpa}: damaged gzip ({error}); run stage 4 again") from None


def _grammar(arpa: Path, symbols: Path) -> Any:
    """G, its input sorted; n-grams with words that are not among the symbols are left out."""
    import kaldifst
    import kaldilm

    with _quiet():
        try:
            text = kaldilm.arpa2fst(str(arpa), disambig_symbol="#0", read_symbol_table=str(symbols), max_arpa_warnings=0)
        except RuntimeError as error:
            raise UsageError(f"{arpa.name}.gz cannot be read: {str(error).splitlines()[0]}; run stage 4 again") from None
    grammar = kaldifst.compile(text)
    kaldifst.arcsort(grammar, "ilabel")
    return grammar


def _without_disambiguation(fst: Any, tokens: int) -> str:
    """The transducer's text, with epsilon for the input labels above `tokens`."""
    lines = []
    for line in fst.to_str(show_weight_one=True).splitlines():
        fields = line.split()
        if len(fields) > 3 and int(fields[2]) > tokens:
            fields[2] = "0"
        lines.append(" ".join(fields))
    return "\n".join(lines) + "\n"


def _size(fst: Any) -> dict[str, int]:
    return {"states": fst.num_states, "arcs": sum(fst.num_arcs(state) for state in range(fst.num_states))}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a compiled library says from the terminal."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
