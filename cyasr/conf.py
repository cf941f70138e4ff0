"""Conf files: flat yaml into typed dataclasses, refused before any work where a key is wrong.

`base: other.yaml` takes over another conf's keys (one level); `adapt: adapt_dialect.yaml` stands for what that file
holds, as any key may name a file that begins with its own name. Whatever stands under `native:` belongs to the
toolkit and passes untouched. A dataclass marks its *run* keys (workers, logging: free to change when a run
resumes) with `run_key(default)`; all other keys are *result* keys. `None` is allowed where the type says so.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml

from cyasr.cli import UsageError
from cyasr.files import write_text

T = TypeVar("T")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def run_key(default: Any) -> Any:
    """A dataclass field that may change between runs of one experiment without changing its result."""
    return dataclasses.field(default=default, metadata={"run": True})


def read(path: Path) -> dict[str, Any]:
    """The keys of a conf with its base's beneath them, unchecked. Raises UsageError."""
    keys = _read_yaml(path)
    if "base" in keys:
        base_path = path.parent / str(keys.pop("base"))
        base = _read_yaml(base_path)
        if "base" in base:
            raise UsageError(f"{path}: base {base_path.name} has a base itself; one level is the limit")
        keys = base | keys
    return {key: _part(key, value, path.parent) for key, value in keys.items()}


def load(path: Path, schema: type[T]) -> T:
    """Read `path` (and its base) into `schema`. Raises UsageError naming file, key and what would be right."""
    return build(read(path), schema, path)


def build(keys: dict[str, Any], schema: type[T], source: Path) -> T:
    """Check `keys` against the dataclass `schema` and make one. A ValueError of its __post_init__ is the user's."""
    fields = {field.name: field for field in dataclasses.fields(schema)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(schema)
    values: dict[str, Any] = {}
    for key, value in keys.items():
        if key not in fields:
            raise UsageError(f"{source}: unknown key {key!r}{nearest(key, fields)}")
        values[key] = _coerce(value, hints[key], f"{source}: {key}")
    for name, field in fields.items():
        if name not in values and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise UsageError(f"{source}: key {name!r} is missing")
    try:
        return schema(**values)
    except ValueError as error:
        raise UsageError(f"{source}: {error}") from None


def freeze(conf: Any, path: Path) -> None:
    """Write every key of `conf`, defaults included: what later steps read instead of the original."""
    write_text(path, yaml.safe_dump(dataclasses.asdict(conf), allow_unicode=True, sort_keys=False))


def read_frozen(path: Path) -> dict[str, Any]:
    """The keys that `freeze` wrote; {} where there is no such file or nothing in it can be read."""
    try:
        keys = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return keys if isinstance(keys, dict) else {}


def differences(old: dict[str, Any], conf: Any) -> list[str]:
    """Result keys of `conf` that differ from the frozen keys `old`, as "key: old -> new".

    A key that is younger than `old` had its default's effect then.
    """
    new = dataclasses.asdict(conf)
    old = _defaults(type(conf)) | old
    run = {field.name for field in dataclasses.fields(conf) if field.metadata.get("run")}
    changed = [key for key in sorted(old.keys() | new.keys()) if key not in run and old.get(key) != new.get(key)]
    return [f"{key}: {old.get(key)} -> {new.get(key)}" for key in changed]


def _defaults(schema: type[Any]) -> dict[str, Any]:
    fields = dataclasses.fields(schema)
    made = {field.name: field.default_factory() for field in fields if field.default_factory is not dataclasses.MISSING}
    return made | {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}


def nearest(word: str, valid: typing.Iterable[str]) -> str:
    """`; did you mean 'x'?` for the valid word closest to `word`, or nothing."""
    close = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _part(key: str, value: Any, directory: Path) -> Any:
    """What the file <key>_<name>.yaml holds where `value` names one."""
    named = isinstance(value, str) and value.startswith(f"{key}_") and value.endswith(".yaml")
    return _read_yaml(directory / value) if named else value


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        siblings = [other.name for other in path.parent.glob("*.yaml")]
        raise UsageError(f"{path} does not exist{nearest(path.name, siblings)}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from None
    try:
        keys = yaml.load(text, Loader=_UniqueKeys)
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: no valid yaml: {' '.join(str(error).split())}") from None
    if not isinstance(keys, dict):
        raise UsageError(f"{path}: should hold `key: value` lines")
    return keys


class _UniqueKeys(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, and reads 1e-3 as the number it looks like."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _coerce(value: Any, hint: Any, where: str) -> Any:
    """`value` as `hint` says, or UsageError. Handles the few types that confs use."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _coerce(value, next(option for option in arguments if option is not type(None)), where)
    if origin is typing.Literal:
        if value not in arguments:
            valid = [str(option) for option in arguments]
            raise UsageError(f"{where}: {value!r} is none of {', '.join(valid)}{nearest(str(value), valid)}")
        return value
    if origin is list:
        if not isinstance(value, list):
            raise UsageError(f"{where}: expected a list, got {value!r}")
        return [_coerce(item, arguments[0], where) for item in value]
    if origin is dict:
        if not isinstance(value, dict):
            raise UsageError(f"{where}: expected a mapping, got {value!r}")
        return {_coerce(key, arguments[0], where): _coerce(item, arguments[1], where) for key, item in value.items()}
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise UsageError(f"{where}: expected a mapping, got {value!r}")
        return build(value, hint, Path(where))
    if hint is float and not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    if hint is Path and isinstance(value, str):
        return Path(value)
    if isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise UsageError(f"{where}: expected {hint.__name__}, got {value!r}")
