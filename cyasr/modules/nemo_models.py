"""NeMo's models from a `.nemo` file or the hub: checked before NeMo is imported, restored safely, saved with and without weights.

Importing NeMo takes 10 to 30 s, so that nothing here does it before it is sure to be needed.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import tarfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml

from cyasr.cli import UsageError
from cyasr.conf import nearest

INSTALL = "NeMo is not installed here; tools/install.sh nemo does it"
CONFIG = "model_config.yaml"
SHELL = "pretrained.nemo"  # config and tokenizer of an experiment's model, without weights


@cache
def toolkit() -> Any:
    """nemo.collections.asr.models, quiet. Raises UsageError where NeMo is not installed."""
    require()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with quiet():
        import nemo.collections.asr.models as models
        from nemo.utils import logging as nemo_logging

    nemo_logging.setLevel(logging.CRITICAL)
    return models


@contextmanager
def quiet() -> Iterator[None]:
    """NeMo and Hydra warn of telemetry that nobody asked for, of CUDA that is not there and of their own deprecations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def require() -> None:
    """Raises UsageError, naming the command that helps, where NeMo is not installed."""
    if importlib.util.find_spec("nemo") is None or importlib.util.find_spec("nemo.collections") is None:
        raise UsageError(f"system: {INSTALL}")


def load(pretrained: str, revision: str | None, native: dict[str, Any], class_name: str, family: str) -> Any:
    """The model with its weights, in float32, in evaluation mode.

    pretrained: a .nemo file, or a name on the hub. Raises UsageError where it is none of `class_name` or cannot be had.
    """
    require()
    path = locate(pretrained, revision)
    return _restored(path, native, class_name, family, weights=True)


def empty(directory: Path, native: dict[str, Any], class_name: str, family: str) -> Any:
    """The same from what `save_shell` left in `directory`, with weights still to come."""
    return _restored(directory / SHELL, native, class_name, family, weights=False)


def save_shell(model: Any, directory: Path) -> None:
    """Config and tokenizer alone."""
    directory.mkdir(parents=True, exist_ok=True)
    _save(model, directory / SHELL, weights=False)


def save(model: Any, path: Path) -> None:
    """All of it, as NeMo restores it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(model, path, weights=True)


def locate(pretrained: str, revision: str | None) -> Path:
    """The .nemo file of a path, or the one in a directory, or of a hub name, where it is called as the repository.

    Raises UsageError where there is none.
    """
    path = Path(pretrained)
    if path.is_dir():
        inside = sorted(path.glob("*.nemo"))
        if len(inside) != 1:
            raise UsageError(f"pretrained: {pretrained} is a directory; give the .nemo file in it")
        return inside[0]
    if path.suffix == ".nemo" or path.exists():
        if not path.exists():
            raise UsageError(f"pretrained: {pretrained} does not exist")
        return path
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(pretrained, f"{pretrained.rpartition('/')[2]}.nemo", revision=revision))
    except Exception as error:  # the hub's client has a dozen kinds, httpx another
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UsageError(f"pretrained: {pretrained!r} is no .nemo file, nor to be had from the hub: {reason}") from None


def configuration(path: Path) -> dict[str, Any]:
    """A .nemo file's configuration, read without NeMo. Raises UsageError where it is no such file."""
    try:
        with tarfile.open(path) as archive:
            member = next((one for one in archive if Path(one.name).name == CONFIG), None)
            stream = None if member is None else archive.extractfile(member)
            config = None if stream is None else yaml.safe_load(stream.read())
    except (tarfile.TarError, OSError, EOFError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: no .nemo file: {str(error).splitlines()[0]}") from None
    if not isinstance(config, dict):
        raise UsageError(f"{path}: no .nemo file: it has no {CONFIG}")
    return config


def check_class(path: Path, config: dict[str, Any], class_name: str, family: str) -> None:
    """Raises UsageError for a model of another class."""
    found = str(config.get("target", "")).rpartition(".")[2] or "a model that does not say its class"
    if found != class_name:
        raise UsageError(f"{path}: holds {found}; system: {family} takes {class_name}")


def override(config: Any, native: dict[str, Any]) -> Any:
    """`config`, an OmegaConf, with the conf's `native` keys, dotted. Raises UsageError for one that it has not."""
    from omegaconf import OmegaConf, open_dict

    for key, value in native.items():
        parent, _, last = key.rpartition(".")
        holder = OmegaConf.select(config, parent) if parent else config
        if holder is None or last not in holder:
            known = [str(one) for one in holder] if holder is not None else [str(one) for one in config]
            raise UsageError(f"native: the model's config has no {key!r}{nearest(last, known)}")
        with open_dict(config):
            OmegaConf.update(config, key, value)
    return config


def vocabulary(model: Any, size: int) -> list[str]:
    """The tokens by id; rows that a model has beyond its tokenizer's are named after their number."""
    tokenizer = model.tokenizer
    known = [str(tokenizer.ids_to_tokens([i])[0]) for i in range(tokenizer.vocab_size)]
    return known + [f"<unused {i}>" for i in range(len(known), size)]


@cache
def _connector(weights: bool) -> Any:
    from nemo.core.connectors.save_restore_connector import SaveRestoreConnector

    class Connector(SaveRestoreConnector):
        """NeMo's own, with weights as tensors only, or with none."""

        @staticmethod
        def _save_state_dict_to_disk(state_dict: Any, filepath: str) -> None:
            torch.save(state_dict if weights else {}, filepath)

        @staticmethod
        def _load_state_dict_from_disk(model_weights: str, map_location: Any = "cpu") -> Any:
            return torch.load(model_weights, map_location=map_location, weights_only=True)

    return Connector()


def _restored(path: Path, native: dict[str, Any], class_name: str, family: str, weights: bool) -> Any:
    config = configuration(path)
    check_class(path, config, class_name, family)
    if not config.get("tokenizer"):
        raise UsageError(f"{path}: its configuration names no tokenizer")
    model_class = getattr(toolkit(), class_name)
    from omegaconf import OmegaConf

    made = override(OmegaConf.create(config), native)
    made.restore_timestamps_model = False  # a second model inside Canary's, for words' times
    try:
        with quiet():
            model = model_class.restore_from(
                str(path.resolve()), override_config_path=made, map_location=torch.device("cpu"), strict=weights,
                save_restore_connector=_connector(weights),
            )  # fmt: skip
    except Exception as error:  # NeMo, Hydra and sentencepiece raise what they like for a file with parts missing
        model_class._set_model_restore_state(is_being_restored=False)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        tokens = "its tokenizer is missing: " if "tokenizer" in reason or "vocab" in reason else ""
        raise UsageError(f"{path}: cannot be restored: {tokens}{reason}") from error
    model.encoder.sync_max_audio_length = False  # it would wait for processes that have no batch left
    return model.eval()


def _save(model: Any, path: Path, weights: bool) -> None:
    with quiet(), TemporaryDirectory(dir=path.parent) as directory:
        made = Path(directory) / path.name
        _connector(weights).save_to(model, str(made))
        os.replace(made, path)
