"""A conf's real architecture on torch's meta device: every layer, no weights, nothing downloaded.

Sizes come from the model's own config.json where it is a directory or cached, else from the published values in
conf/architectures/<last part of the hub name>.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from cyasr import conf as confs
from cyasr.adaptation.adapt import adapt
from cyasr.cli import UsageError
from cyasr.experiment import TrainConf
from cyasr.modules import hf_ctc, hub
from cyasr.text.tokenizer import BLANK, NO_TOKENIZER, PRETRAINED, SOS_EOS, UNK, Tokenizer, parse_name, tokenizer_dir

PUBLISHED = Path(__file__).parents[2] / "conf" / "architectures"
CHARACTERS = 64  # a character tokenizer's size where there is none yet: mini's letters with marks are about as many


def build(conf: TrainConf, data: Path | None) -> torch.nn.Module:
    """The system of `conf`, or what of it is trained, adapted as it says. data: data/<set>, for its tokenizer.

    Raises UsageError for a model whose sizes are not known here.
    """
    if conf.system not in BUILDERS:
        raise UsageError(f"system: {conf.system} cannot be planned yet; {', '.join(BUILDERS)} can")
    with torch.device("meta"):
        model: torch.nn.Module = BUILDERS[conf.system](conf, _tokenizer(conf.tokenizer, data))
    return model


def configuration(pretrained: str, revision: str | None = None) -> Any:
    """transformers' config of a model. Raises UsageError where it is neither a directory, nor cached, nor published here."""
    library = hub.transformers()
    if pretrained.endswith(".json"):
        return hub.untrained(Path(pretrained))
    try:
        return library.AutoConfig.from_pretrained(pretrained, revision=revision, local_files_only=True)
    except (OSError, ValueError):
        name = pretrained.rpartition("/")[2]
        known = sorted(path.stem for path in PUBLISHED.glob("*.json"))
        if name not in known:
            raise UsageError(
                f"pretrained: the sizes of {pretrained!r} are not known here{confs.nearest(name, known)}; "
                f"put its config.json into conf/architectures/{name}.json, or download the model first"
            ) from None
        return hub.untrained(PUBLISHED / f"{name}.json")


def _hf_ctc(conf: Any, tokenizer: Tokenizer) -> torch.nn.Module:
    from cyasr.losses.conf import FRAMES, QUANTISED
    from cyasr.systems.hf_ctc import System

    needs = conf.loss.needs
    with TemporaryDirectory() as directory:
        configuration(conf.pretrained, conf.revision).save_pretrained(directory)
        model = hf_ctc.empty(Path(directory), tokenizer.tokens if FRAMES in needs else [], conf.native, QUANTISED in needs)
    return System(conf, tokenizer, model)


def _hf_seq2seq(conf: Any, _: Tokenizer) -> torch.nn.Module:
    config = configuration(conf.pretrained, conf.revision)
    if config.model_type != "whisper":
        raise UsageError(f"pretrained: {conf.pretrained} is a {config.model_type} model; hf_seq2seq takes whisper")
    model: torch.nn.Module = hub.transformers().WhisperForConditionalGeneration(hub.override(config, conf.native))
    if conf.freeze_encoder:
        model.get_submodule("model.encoder").requires_grad_(False)
    adapt(model, conf.adapt)
    return model


def _nemo(conf: Any, _: Tokenizer) -> torch.nn.Module:
    from cyasr.modules import nemo_architecture, nemo_models

    nemo_models.require()
    name = conf.pretrained.rpartition("/")[2]
    known = sorted(path.stem for path in PUBLISHED.glob("*.json") if "config" in json.loads(path.read_text(encoding="utf-8")))
    if name not in known:
        raise UsageError(f"pretrained: the sizes of {conf.pretrained!r} are not known here{confs.nearest(name, known)}")
    model: torch.nn.Module = nemo_architecture.sizes(name)
    if conf.freeze_encoder:
        model.get_submodule("encoder").requires_grad_(False)
    adapt(model, conf.adapt)
    return model


def _espnet(conf: Any, tokenizer: Tokenizer) -> torch.nn.Module:
    from cyasr.systems.espnet import System

    return System(conf, tokenizer)


BUILDERS = {"hf_ctc": _hf_ctc, "hf_seq2seq": _hf_seq2seq, "espnet": _espnet, "nemo": _nemo, "nemo_transducer": _nemo}


def _tokenizer(name: str, data: Path | None) -> Tokenizer:
    """The data set's; else one of the same size with made-up tokens."""
    if name in {PRETRAINED, NO_TOKENIZER}:
        return Tokenizer([BLANK, UNK, SOS_EOS])
    if data is not None and (tokenizer_dir(data, name) / "tokens.txt").exists():
        return Tokenizer.load(tokenizer_dir(data, name))
    size = parse_name(name) or CHARACTERS
    return Tokenizer([BLANK, UNK, *(f"<{n}>" for n in range(size - 3)), SOS_EOS])
