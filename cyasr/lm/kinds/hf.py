"""`kind: hf`: causal and masked language models of transformers, from a directory or the Hugging Face hub, as they are."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.conf import run_key
from cyasr.fusion.lm_scores import check_known, checked
from cyasr.lm.prepared import Change, prepared
from cyasr.lock import Lock
from cyasr.stage import Stage

if TYPE_CHECKING:
    from cyasr.fusion.lm_scores import SentenceLm
    from cyasr.modules.hf_lm import HfLm

PSEUDO = "lm_pll_"  # how confs of masked models are named: what they give is no probability of a sentence


@dataclass(kw_only=True)
class Conf:
    """model: causal gives a sentence's log probability, masked its pseudo-log-likelihood (Salazar et al. 2020)."""

    kind: Literal["hf"]
    pretrained: str  # a directory, or a name on the Hugging Face hub
    licence: str  # of the model; a non-commercial one shows in every result
    model: Literal["causal", "masked"]
    revision: str | None = None  # of the hub's repository
    prepare: list[Change] = field(default_factory=list)  # what is done to normalised text first
    suffix: str = ""  # written after each sentence, as "."
    end: bool = True  # causal: the end token counts
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_tokens: int = run_key(2000)  # that go through the network together, padding included

    def __post_init__(self) -> None:
        if self.batch_tokens < 1:
            raise ValueError(f"batch_tokens: from 1, not {self.batch_tokens}")

    def load(self) -> HfLm:
        from cyasr.modules.hf_lm import load

        return load(self.pretrained, self.revision, self.model == "causal", self.end, self.dtype, self.batch_tokens)

    def written(self, text: str) -> str:
        """A normalised text as the model reads it."""
        return prepared(text, self.prepare) + self.suffix


def make(data: Path, conf_path: Path, conf: Conf, ngpu: int | None, redo: bool) -> None:
    """Look whether the model can be had and reads our text, and measure it on dev."""
    from cyasr.experiment import input_hashes, surroundings
    from cyasr.files import write_json
    from cyasr.licences import taint
    from cyasr.lm.perplexity import per_unit
    from cyasr.lm.text import sentences

    masked = conf.model == "masked"
    if masked != conf_path.stem.startswith(PSEUDO):
        rule = "are pseudo-log-likelihoods: name its conf" if masked else "are no pseudo-log-likelihoods: do not name its conf"
        raise UsageError(f"{conf_path}: a {conf.model} model's scores {rule} {PSEUDO}<name>.yaml, as every list repeats the name")
    directory, dev = Path("exp") / data.relative_to("data") / conf_path.stem, data / "dev.jsonl.gz"
    stage = Stage(directory / ".stamp.json", [dev, *_local(conf)], asdict(conf))
    if stage.fresh():
        return
    started = time.monotonic()
    with Lock(directory):
        record = surroundings() | {"conf": conf_path.stem, "data": str(data), "inputs": input_hashes([dev])}
        lm = conf.load()
        texts = list(sentences([dev]))
        read = [lm.read(conf.written(text)) for text in texts]
        if texts:
            pieces = lm.tokenizer.convert_ids_to_tokens(read[0].ids)
            shown = lm.tokenizer.convert_tokens_to_string(pieces) if conf.model == "causal" else " ".join(pieces)
            print(f"{directory}: reads {texts[0]!r} as {shown!r}", flush=True)
        _check(directory, lm, texts, conf, dev)
        total, tokens = sum(checked(directory, texts, lm.scores(read), dev)), sum(len(one.scored) for one in read)
        words = sum(len(text.split()) for text in texts)
        # a masked model's is called by another name: nobody should compare the two
        measured = {"per_token": per_unit(total, tokens), "per_word": per_unit(total, words + len(texts))}
        measured |= {"sentences": len(texts), "words": words, "tokens": tokens, "log_prob": round(total, 4)}
        confs.freeze(conf, directory / "conf.yaml")
        record |= {
            "dev" if not masked else "dev_pseudo": measured,
            "parameters": sum(parameter.numel() for parameter in lm.model.parameters()),
            "vocabulary": len(lm.tokenizer),
            "licences": [conf.licence],
            "taint": taint([conf.licence]),
            "revision": getattr(lm.model.config, "_commit_hash", None) or conf.revision,
            "seconds": round(time.monotonic() - started, 2),
        }
        write_json(directory / "run.json", record)
        stage.done([directory / "conf.yaml", directory / "run.json"])
    called = "pseudo-perplexity" if masked else "perplexity"
    print(f"{directory}: {called} on dev {measured['per_token']:.2f} a token, {measured['per_word']:.1f} a word")
    if record["taint"]:
        print(f"{directory}: {record['taint']} ({conf.licence}); results that use it will say so")


def _local(conf: Conf) -> list[Path]:
    """The model's files, where it is a directory's."""
    return sorted(path for path in Path(conf.pretrained).glob("[!.]*") if path.is_file())


def _check(directory: Path, lm: HfLm, texts: Iterable[str], conf: Conf, source: Path) -> None:
    ids = [one for text in texts for one in lm.tokenizer(conf.written(text), add_special_tokens=False).input_ids]
    known = sum(one != lm.tokenizer.unk_token_id for one in ids)
    check_known(directory, known, len(ids), f"tokens of {conf.pretrained}; see `prepare`", source)


def files(directory: Path) -> list[Path]:
    conf = confs.load(directory / "conf.yaml", Conf)
    return [directory / "conf.yaml", *_local(conf)]


def sentence_lm(directory: Path, data: Path) -> SentenceLm:
    return HfScorer(directory)


class HfScorer:
    """A SentenceLm."""

    parallel = False

    def __init__(self, directory: Path) -> None:
        """directory: exp/<set>/lm_<name>."""
        self.directory = directory
        self.conf = confs.load(directory / "conf.yaml", Conf)
        self.files = files(directory)

    def load(self) -> None:
        self._lm = self.conf.load()

    def check(self, texts: Iterable[str], source: Path) -> None:
        _check(self.directory, self._lm, texts, self.conf, source)

    def scores(self, texts: Sequence[str], source: Path) -> list[float]:
        different = list(dict.fromkeys(texts))
        found = self._lm.scores([self._lm.read(self.conf.written(text)) for text in different])
        by_text = dict(zip(different, found, strict=True))
        return checked(self.directory, texts, (by_text[text] for text in texts), source)
