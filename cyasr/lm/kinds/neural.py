"""`kind: neural`: ESPnet's Transformer and LSTM language models over a tokenizer's tokens, trained by the one trainer."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.conf import run_key
from cyasr.experiment import Experiment, TrainConf, input_hashes, surroundings
from cyasr.fusion.lm_scores import check_known, checked
from cyasr.lm.conf import TextConf
from cyasr.losses.conf import TOKENS, LossConf
from cyasr.process import die_with_parent, keep_freed_memory
from cyasr.stage import Stage
from cyasr.text.tokenizer import Tokenizer, tokenizer_files

if TYPE_CHECKING:
    from cyasr.fusion.lm_scores import SentenceLm
    from cyasr.lm.network import NeuralLm
    from cyasr.search.interfaces import TokenLm


@dataclass
class TrainerConf(TrainConf):
    """What the trainer is told: its seconds are tokens here."""

    GIVES: ClassVar[frozenset[str]] = frozenset({TOKENS})
    UNIT: ClassVar[str] = "tokens"


@dataclass(kw_only=True)
class Conf(TextConf):
    """`native:` reaches ESPnet's TransformerLM or SequentialRNNLM untouched."""

    kind: Literal["neural"]
    network: Literal["transformer", "lstm"] = "transformer"
    size: int = 256
    layers: int = 4
    embedding: int = 128  # transformer: of tokens, before they are brought to `size`
    heads: int = 4  # transformer
    units: int = 1024  # transformer: feed-forward
    positions: bool = True  # transformer: told where in the sentence a token stands
    dropout: float = 0.1
    longest: int = 1000  # tokens of a sentence; longer lines are left out
    # the trainer's keys, as in a train conf (cyasr.experiment.TrainConf)
    seed: int = 1
    batch_tokens: int = 4000  # what one optimizer step sees, padding included
    buckets: int = 10
    micro_batch_tokens: int = run_key(0)
    epochs: float = run_key(20.0)
    lr: float = 1e-3
    warmup: float = 0.1
    schedule: Literal["cosine", "linear", "sqrt", "constant"] = "cosine"
    final_lr: float = 0.02
    weight_decay: float = 1e-2
    betas: list[float] = field(default_factory=lambda: [0.9, 0.98])
    clip: float = 100.0  # norm of the gradient of a sentence's loss
    label_smoothing: float = 0.0
    evaluate_epochs: float = 1.0
    average: int = 3
    patience: int = 5
    ranks: int = run_key(0)
    workers: int = run_key(0)
    precision: Literal["auto", "32", "bf16", "fp16"] = run_key("auto")
    save_minutes: float = run_key(10.0)
    log_seconds: float = run_key(10.0)
    native: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tokens == "word":
            raise ValueError("tokens: a neural model is over a tokenizer's tokens, char or bpe_<size>; words are for n-grams")
        if min(self.size, self.layers, self.embedding, self.heads, self.units, self.longest, self.batch_tokens) < 1:
            raise ValueError("size, layers, embedding, heads, units, longest and batch_tokens: from 1")
        if self.network == "transformer" and self.size % self.heads:
            raise ValueError(f"size: {self.size} is no multiple of heads: {self.heads}")
        self.training()

    def training(self) -> TrainerConf:
        """The same in the trainer's words."""
        common = {name: getattr(self, name) for name in vars(self).keys() & TrainerConf.__dataclass_fields__.keys()}
        return TrainerConf(
            system="lm_neural",
            tokenizer=self.tokens,
            batch_seconds=self.batch_tokens,
            micro_batch_seconds=self.micro_batch_tokens,
            select="loss",
            loss=LossConf(cross_entropy=1.0, label_smoothing=self.label_smoothing),
            **common,
        )

    def options(self) -> dict[str, Any]:
        """What ESPnet's class is made with, in its words."""
        if self.network == "lstm":
            return {"unit": self.size, "nlayers": self.layers, "dropout_rate": self.dropout, **self.native}
        return {
            "embed_unit": self.embedding,
            "att_unit": self.size,
            "head": self.heads,
            "unit": self.units,
            "layer": self.layers,
            "pos_enc": "sinusoidal" if self.positions else None,
            "dropout_rate": self.dropout,
            "positional_dropout_rate": self.dropout,
            "attention_dropout_rate": self.dropout,
            **self.native,
        }


def make(data: Path, conf_path: Path, conf: Conf, ngpu: int | None, redo: bool) -> None:
    """Gather the text, train, and measure on dev; goes on with what was interrupted."""
    first = "LOCAL_RANK" not in os.environ  # further processes are started by the first
    if not first:
        die_with_parent()
    experiment = Experiment(data, conf_path)
    experiment.cuts = experiment.directory / "text"
    if not first:
        _fit(experiment, conf, ngpu)
        return
    if redo:
        experiment.set_aside()
    splits = [data / f"{split}.jsonl.gz" for split in ("train", "dev", "test")]
    inputs = [*splits, data / "conf.yaml", *map(Path, conf.text), *tokenizer_files(data, conf.tokens)]
    stage = Stage(experiment.directory / ".stamp.json", inputs, asdict(conf))
    if stage.fresh(quiet=True):
        print(f"steps.train_lm: {experiment.directory} is up to date")
        return
    with experiment.lock:
        experiment.freeze(conf, input_hashes(stage.inputs))
        record = {"conf": conf_path.stem, "data": str(data), "inputs": input_hashes(stage.inputs), "seed": conf.seed}
        experiment.record(**record, status="running", message="", **surroundings())
        try:
            results = _train(experiment, conf, ngpu)
        except BaseException as error:
            experiment.lock.check()
            experiment.record(status="failed", message=f"{type(error).__name__}: {error}".splitlines()[0])
            raise
        experiment.record(**results, status="finished")
        stage.done([experiment.model, experiment.frozen])


def _train(experiment: Experiment, conf: Conf, ngpu: int | None) -> dict[str, Any]:
    """Everything that run.json keeps."""
    from cyasr.licences import taint
    from cyasr.lm.perplexity import of_scores
    from cyasr.lm.text import sentences
    from cyasr.lm.text_cuts import gather

    directory, data = experiment.directory, experiment.data
    kept = directory / "tokenizer"
    kept.mkdir(exist_ok=True)
    for path in tokenizer_files(data, conf.tokens):
        shutil.copy(path, kept)
    tokenizer = Tokenizer.load(kept)
    text = gather(conf, data, directory, tokenizer.encode, tokenizer.unk_id, conf.longest)
    print(f"{directory}: {text['sentences']} sentences, {text['tokens']} tokens", flush=True)
    fitted = _fit(experiment, conf, ngpu)
    lines = list(sentences([data / "dev.jsonl.gz"]))
    ids = [tokenizer.encode(line) for line in lines]
    on_dev = of_scores(lines, ids, restore(directory).token_scores(ids), tokenizer.unk_id)
    print(
        f"{directory}: {fitted['parameters']:,} parameters over {len(tokenizer.tokens)} tokens, perplexity on dev "
        f"{on_dev.per_token:.2f} a token, {on_dev.per_word:.1f} a word; {text['leaks_dropped']} lines dropped as dev or "
        "test sentences"
    )
    if found := taint(text["licences"]):
        print(f"{directory}: {found} through its text ({', '.join(text['licences'])}); results that use it will say so")
    return text | {"taint": found, "vocabulary": len(tokenizer.tokens), "dev": asdict(on_dev)} | fitted


def _fit(experiment: Experiment, conf: Conf, ngpu: int | None) -> dict[str, Any]:
    """Train in this process and those that it starts."""
    import torch

    from cyasr.training import Trainer, make_fabric

    started = time.monotonic()
    fabric = make_fabric(conf.training(), ngpu)
    fabric.launch()
    keep_freed_memory()
    torch.manual_seed(conf.seed)
    system = _construct(conf, Tokenizer.load(experiment.directory / "tokenizer"))
    trainer = Trainer(fabric, experiment, conf.training(), system)
    parameters = sum(parameter.numel() for parameter in system.parameters())
    if fabric.global_rank == 0:
        ready = time.monotonic() - started
        print(f"{parameters:,} parameters, {fabric.world_size} processes, ready in {ready:.1f} s", flush=True)
    trainer.fit()
    return {
        "parameters": parameters,
        "seconds": round(trainer.progress.elapsed, 1),
        "ranks": fabric.world_size,
        "steps": trainer.progress.steps,
        "peak_memory_mb": round(trainer.peak_memory_mb()),
        "evaluations": trainer.progress.evaluations,
    }


def _construct(conf: Conf, tokenizer: Tokenizer) -> NeuralLm:
    from cyasr.lm.network import NeuralLm, build

    return NeuralLm(conf.training(), build(conf.network, len(tokenizer.tokens), conf.options()), tokenizer)


def restore(directory: Path) -> NeuralLm:
    """The trained model in evaluation mode, on a GPU where there is one. Raises UsageError where it is not there whole."""
    from cyasr.lm.network import load_weights

    system = _construct(confs.load(directory / "conf.yaml", Conf), Tokenizer.load(directory / "tokenizer"))
    load_weights(system, directory / "model.pt")
    return system


def files(directory: Path) -> list[Path]:
    return [directory / "conf.yaml", directory / "model.pt", directory / "tokenizer" / "tokens.txt"]


def token_lm(directory: Path, tokens: list[str]) -> TokenLm:
    """Raises UsageError where the model's tokens are not `tokens`, in that order."""
    from cyasr.modules.espnet_lm import stepping
    from cyasr.search.neural_fusion import NeuralFusion

    system = restore(directory)
    if system.vocabulary != tokens:
        raise UsageError(
            f"{directory} is over {len(system.vocabulary)} tokens and the system over {len(tokens)}, not the same ones: its "
            "tokenizer was made anew since. Train it again (stage 4, --redo)"
        )
    return NeuralFusion(stepping(system.lm), len(tokens), system.tokenizer.sos_eos_id)


def sentence_lm(directory: Path, data: Path) -> SentenceLm:
    return NeuralScorer(directory)


class NeuralScorer:
    """A SentenceLm; texts are cut by the tokenizer that the model was trained with."""

    parallel = False

    def __init__(self, directory: Path) -> None:
        """directory: exp/<set>/lm_<name>. Raises UsageError where a part is missing."""
        self.directory = directory
        self.files = files(directory)
        for path in self.files:
            if not path.is_file():
                raise UsageError(f"{path} does not exist; {directory.name} needs it: run stage 4")

    def load(self) -> None:
        self._system = restore(self.directory)

    def check(self, texts: Iterable[str], source: Path) -> None:
        tokenizer = self._system.tokenizer
        ids = [one for text in texts for one in tokenizer.encode(text)]
        check_known(self.directory, sum(one != tokenizer.unk_id for one in ids), len(ids), "tokens", source)

    def scores(self, texts: Sequence[str], source: Path) -> list[float]:
        different = list(dict.fromkeys(texts))
        found = self._system.token_scores([self._system.tokenizer.encode(text) for text in different])
        by_text = dict(zip(different, (float(one.sum()) for one in found), strict=True))
        return checked(self.directory, texts, (by_text[text] for text in texts), source)
