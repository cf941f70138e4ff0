"""A NeMo model whose tokenizer has further pieces: built anew around the larger tokenizer, with the weights of the old one.

NeMo's own change_vocabulary throws the decoder's token tables away, and forgets which class of tokenizer a Canary has.
Here every known token keeps its row; a new one begins as the mean of all (Hewitt, "Initializing new word embeddings for
pretrained language models", 2021), so that what the model knew changes little before it learns.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cyasr.cli import UsageError
from cyasr.modules import nemo_architecture, nemo_models

SETS = ("train_ds", "validation_ds", "test_ds")  # of a configuration: the data that a model was made with
NEVER = -1e4  # bias of rows that fill a table up and are no token; float16 has it


def extended(model: Any, added: Mapping[str, Sequence[str]], tables: Sequence[str]) -> Any:
    """`model` with the pieces `added`, by language, at the end of its tokenizer, or of each language's.

    tables: parts of the model that have a row for each token, as `token_embedding`. Raises UsageError for a tokenizer that
    is no sentencepiece model.
    """
    from omegaconf import OmegaConf

    known: Any = OmegaConf.to_container(model.cfg, resolve=True)
    old, config = known["tokenizer"], {key: value for key, value in known.items() if key not in SETS} | {"tokenizer": {}}
    files = Path(tempfile.mkdtemp(prefix="tokenizer_"))
    section: dict[str, Any] = {key: old[key] for key in ("type", "custom_tokenizer") if key in old}
    directories = {}
    for language, tokenizer in _tokenizers(model).items():
        new = added.get(language, ()) if language else sorted({piece for some in added.values() for piece in some})
        directories[language] = str(_write(files / (language or "all"), tokenizer, new))
    if "langs" in old:
        section["langs"] = {language: {"dir": directory, "type": "bpe"} for language, directory in directories.items()}
        section["dir"] = None
    else:
        section["dir"] = directories[""]
    grown = nemo_architecture.build(config, section)
    weakref.finalize(grown, shutil.rmtree, files, ignore_errors=True)  # until then it copies them whenever it is saved
    return like(grown, model, tables)


def like(grown: Any, model: Any, tables: Sequence[str]) -> Any:
    """`grown`, a model with a larger tokenizer, with the weights of `model`."""
    state, at = grown.state_dict(), _rows(model, grown)
    size, tokens = int(model.tokenizer.vocab_size), int(grown.tokenizer.vocab_size)
    with torch.no_grad():
        for name, old in model.state_dict().items():
            if any(f".{table}." in f".{name}" for table in tables):
                _fill(state[name], old, at, size, tokens)
            else:
                state[name].copy_(old)
    grown.encoder.sync_max_audio_length = False
    return grown.eval()


def restored(conf: Any, shell: Path, class_name: str, tables: Sequence[str]) -> tuple[Any, Sequence[str]]:
    """For what training left: the model that its weights belong into, and the parts of it that were new when it began.

    shell: the directory of nemo_models.save_shell. An adapted model's other weights are those of `conf.pretrained`.
    """
    if conf.adapt.kind == "full":
        return nemo_models.empty(shell, conf.native, class_name, conf.system), ()
    model = nemo_models.load(conf.pretrained, conf.revision, conf.native, class_name, conf.system)
    if conf.unspellable == "extend":
        grown = nemo_models.empty(shell, conf.native, class_name, conf.system)
        if grown.tokenizer.vocab_size > model.tokenizer.vocab_size:
            return like(grown, model, tables), tables
    return model, ()


def _fill(new: Tensor, old: Tensor, at: list[int], size: int, tokens: int) -> None:
    """Rows of `tokens` tokens, and what follows them: a transducer's blank and durations, or rows that fill a Canary's up."""
    new[:tokens] = old[:size].mean(0)
    new[at] = old[:size]
    if len(old) - size == len(new) - tokens:
        new[tokens:] = old[size:]
    else:
        new[tokens:] = NEVER if new.ndim == 1 else 0.0


def _rows(model: Any, grown: Any) -> list[int]:
    """Where each token of `model` stands in `grown`."""
    old, new = _tokenizers(model), _tokenizers(grown)
    at: list[int] = []
    start = 0
    for language, tokenizer in new.items():
        at += range(start, start + int(old[language].vocab_size))
        start += int(tokenizer.vocab_size)
    return at


def _tokenizers(model: Any) -> dict[str, Any]:
    """By language, in the order of their ids; one for all under the empty name."""
    several: dict[str, Any] | None = getattr(model.tokenizer, "tokenizers_dict", None)
    return {"": model.tokenizer} if several is None else several


def _write(directory: Path, tokenizer: Any, pieces: Sequence[str]) -> Path:
    """`tokenizer` with `pieces`, as the files that NeMo wants."""
    from sentencepiece import sentencepiece_model_pb2

    processor = tokenizer.tokenizer
    if not hasattr(processor, "serialized_model_proto"):
        raise UsageError(
            f"unspellable: extend: {type(tokenizer).__name__} is no sentencepiece model, which alone can be extended"
        )
    proto: Any = sentencepiece_model_pb2  # its classes are made when it is imported
    model = proto.ModelProto.FromString(processor.serialized_model_proto())
    for piece in pieces:
        model.pieces.add(piece=piece, score=0.0, type=proto.ModelProto.SentencePiece.USER_DEFINED)
    return nemo_architecture.write_tokenizer(directory, model.SerializeToString())
