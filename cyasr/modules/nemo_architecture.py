"""NeMo's models from a configuration, without a .nemo file: published sizes on the meta device, small ones of the same kind."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from cyasr.modules import nemo_models

PUBLISHED = Path(__file__).parents[2] / "conf" / "architectures"


def published(name: str) -> dict[str, Any]:
    """conf/architectures/<name>.json: `config` is NeMo's, `pieces` and `special` say what tokenizer belongs to it."""
    read: dict[str, Any] = json.loads((PUBLISHED / f"{name}.json").read_text(encoding="utf-8"))
    return read


def sizes(name: str) -> Any:
    """The published model `name` with a made-up tokenizer and without weights: its parameters are on the meta device."""
    from accelerate import init_empty_weights

    known = published(name)
    # not torch.device("meta"): NeMo reads numbers off tensors while it builds
    with TemporaryDirectory() as directory, torch.device("cpu"), init_empty_weights(include_buffers=False):
        placeholder(Path(directory), known["pieces"], known["special"])
        return build(known["config"], {"dir": directory})


def build(config: dict[str, Any], tokenizer: dict[str, Any]) -> Any:
    """The model of `config` with this `tokenizer` section."""
    models = nemo_models.toolkit()
    from omegaconf import OmegaConf

    made = copy.deepcopy(config)
    made["tokenizer"] = made["tokenizer"] | tokenizer
    made["restore_timestamps_model"] = False  # which would be looked for in the .nemo file that was restored last
    model_class = getattr(models, str(made["target"]).rpartition(".")[2])
    with nemo_models.quiet():
        model = model_class(cfg=OmegaConf.create(made))
    return model


def placeholder(directory: Path, pieces: int, special: list[str]) -> Path:
    """A tokenizer directory of so many made-up pieces behind the special ones: sizes are right, texts are not."""
    from sentencepiece import sentencepiece_model_pb2

    proto: Any = sentencepiece_model_pb2  # its classes are made when it is imported
    model = proto.ModelProto()
    kinds = proto.ModelProto.SentencePiece
    model.pieces.add(piece="<unk>", score=0.0, type=kinds.UNKNOWN)
    for token in special:
        model.pieces.add(piece=token, score=0.0, type=kinds.USER_DEFINED)
    for number in range(pieces - 1 - len(special)):
        model.pieces.add(piece=f"▁{number}", score=-float(number), type=kinds.NORMAL)
    model.trainer_spec.unk_id, model.trainer_spec.bos_id, model.trainer_spec.eos_id, model.trainer_spec.pad_id = 0, -1, -1, -1
    return write_tokenizer(directory, model.SerializeToString())


def write_tokenizer(directory: Path, model: bytes) -> Path:
    """model: a sentencepiece model. The three files that NeMo looks for in a tokenizer's directory."""
    from sentencepiece import SentencePieceProcessor

    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tokenizer.model").write_bytes(model)
    processor = SentencePieceProcessor(model_proto=model)
    vocabulary = "".join(f"{processor.id_to_piece(i)}\n" for i in range(processor.get_piece_size()))
    for name in ("vocab.txt", "tokenizer.vocab"):
        (directory / name).write_text(vocabulary, encoding="utf-8")
    return directory
