"""Recipes: TOML files that override the defaults of frozen dataclasses, and nothing else.

A config is a frozen dataclass beside the class that it configures; its defaults are the truth. A recipe
names what differs, `--set a.b=c` comes last, and an unknown key is an error with the nearest name. TOML
has no null: where a field allows None, the word "none" means it.

This module does not know any particular config. Field types it understands: bool, int, float, str, Path,
Literal, tuple[X, ...], tuple[X, Y], dict[str, X], X | None, and dataclasses of these.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hanmo.errors import ConfigError, RequestError

Config = TypeVar("Config")


@dataclasses.dataclass(frozen=True)
class _Raw:
    """The text behind the `=` of an override; what it means depends on the field's type."""

    text: str


def load_recipe(path: Path | str | None, cls: type[Config], overrides: Sequence[str] = ()) -> Config:
    """Read a recipe over the defaults of `cls`.

    Args:
        path: a TOML file; None takes the defaults alone.
        cls: a frozen dataclass, whose fields may be frozen dataclasses.
        overrides: `a.b=c` strings, applied last and in order. `c` is a TOML value; a string needs no quotes.

    Raises:
        ConfigError: the file is missing or is no TOML; a key is unknown; a value is of another type or
            refused by the dataclass itself.
    """
    return from_mapping(read_tables(path, overrides), cls)


def read_tables(path: Path | str | None, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The tables of a recipe with its overrides in them, for `from_mapping`, where no single class describes them all.

    Args:
        path: a TOML file; None is an empty one.
        overrides: see `load_recipe`; `stages.looks.use` reaches into the table of [[stages]] whose name is "looks".

    Raises:
        ConfigError: the file is missing or is no TOML, or an override does not reach a place in it.
    """
    data = {} if path is None else _read_toml(Path(path))
    for override in overrides:
        _put(data, override)
    return data


def from_mapping(data: Mapping[str, Any], cls: type[Config], where: tuple[str, ...] = ()) -> Config:
    """Build `cls` from nested mappings, as `load_recipe` does from a file; the same errors.

    Args:
        data: tables of `read_tables`, or plain values.
        cls: a frozen dataclass.
        where: keys that lead to these tables, for errors.
    """
    built: Config = _dataclass(data, cls, None, where)
    return built


def dump_recipe(config: object) -> str:
    """Write every field as TOML, so that `load_recipe` gives an equal object back.

    Raises:
        ConfigError: a field holds what a recipe cannot say, such as an object or a list of lists of tables.
    """
    lines: list[str] = []
    _dump_table(config, (), lines)
    return "\n".join(lines).strip() + "\n"


def nearest(name: str, options: Iterable[str]) -> str | None:
    """Return the option most like `name`, or None when none is near."""
    found = get_close_matches(name, list(options), n=1, cutoff=0.6)
    return found[0] if found else None


# --- reading ---------------------------------------------------------------------------------------


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"cannot read the recipe {path}: {error.strerror}; give the path of a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the recipe {path} is not TOML: {error}") from error


def _put(data: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    names = [name.strip() for name in key.split(".")]
    if not equals or not all(names):
        raise ConfigError(f"the override {override!r} is not KEY=VALUE; write for example optim.lr=3e-4")
    *above, last = names
    while above:
        name = above.pop(0)
        below = data.setdefault(name, {})
        if _is_array_of_tables(below) and above:
            below = _named(below, name, above.pop(0), override)
        if not isinstance(below, dict):
            raise ConfigError(f"the override {override!r} goes below {name!r}, which is a value, not a table")
        data = below
    data[last] = _Raw(text.strip())


def _named(tables: list[dict[str, Any]], key: str, name: str, override: str) -> dict[str, Any]:
    """The table of an array of tables that calls itself `name`."""
    named = {str(table["name"]): table for table in tables if "name" in table}
    if name in named:
        return named[name]
    near = nearest(name, named)
    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(named) or 'none with a name'}"
    raise ConfigError(f"the override {override!r} names no table of {key}; {hint}")


def _dataclass(data: object, cls: Any, base: Any, where: tuple[str, ...]) -> Any:
    """Build `cls` from a mapping; what it leaves out comes from `base`, or else from the defaults."""
    if not isinstance(data, Mapping):
        raise _wrong(where, data, "a table")
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    hints = get_type_hints(cls)
    for key in data:
        if key not in fields:
            raise ConfigError(_unknown(key, cls, where))
    values: dict[str, Any] = {}
    for name, field in fields.items():
        here = (*where, name)
        default = getattr(base, name) if base is not None else _default(field)
        if name in data:
            values[name] = _convert(data[name], hints[name], default, here)
        elif default is not dataclasses.MISSING:
            values[name] = default
        elif dataclasses.is_dataclass(hints[name]):
            values[name] = _dataclass({}, hints[name], None, here)
        else:
            raise ConfigError(f"{_dotted(here)} is missing; it has no default, so the recipe must set it")
    try:
        return cls(**values)
    except RequestError:
        raise
    except ValueError as error:
        raise ConfigError(f"[{_dotted(where)}]: {error}" if where else str(error)) from error


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _unknown(key: str, cls: Any, where: tuple[str, ...]) -> str:
    names = [field.name for field in dataclasses.fields(cls) if field.init]
    near = nearest(key, names)
    hint = f"did you mean {_dotted((*where, near))!r}?" if near else f"allowed here: {', '.join(names)}"
    return f"unknown key {_dotted((*where, key))!r}; {hint}"


def _convert(value: Any, kind: Any, default: Any, where: tuple[str, ...]) -> Any:
    """Turn what TOML or an override gave into what the annotation `kind` promises."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _convert_union(value, arguments, default, where)
    if isinstance(value, _Raw):
        value = _parse(value, kind)
    if dataclasses.is_dataclass(kind):
        base = default if isinstance(default, kind) else None  # type: ignore[arg-type]
        return _dataclass(value, kind, base, where)
    if origin is Literal:
        return _choice(value, arguments, where)
    if origin is tuple:
        return _tuple(value, arguments, where)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _wrong(where, value, "a table")
        return {key: _convert(item, arguments[1], dataclasses.MISSING, (*where, key)) for key, item in value.items()}
    return _scalar(value, kind, where)


def _convert_union(value: Any, arguments: tuple[Any, ...], default: Any, where: tuple[str, ...]) -> Any:
    word = value.text if isinstance(value, _Raw) else value
    if type(None) in arguments and (word is None or word == "none"):
        return None
    kinds = [kind for kind in arguments if kind is not type(None)]
    problem: ConfigError | None = None
    for kind in kinds:
        try:
            return _convert(value, kind, default, where)
        except ConfigError as error:
            problem = problem or error
    if problem is not None and len(kinds) == 1:
        raise problem
    raise _wrong(where, word, " or ".join(_name(kind) for kind in kinds))


def _parse(raw: _Raw, kind: Any) -> Any:
    """Read an override's text as TOML; a string may come without quotes, and a text field takes any text."""
    try:
        value = tomllib.loads(f"value = {raw.text}")["value"]
    except tomllib.TOMLDecodeError:
        return raw.text
    return raw.text if kind in (str, Path) and not isinstance(value, str) else value


def _choice(value: Any, allowed: tuple[Any, ...], where: tuple[str, ...]) -> Any:
    for option in allowed:
        if value == option and type(value) is type(option):
            return option
    raise _wrong(where, value, "one of " + ", ".join(repr(option) for option in allowed))


def _tuple(value: Any, arguments: tuple[Any, ...], where: tuple[str, ...]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(where, value, "a list")
    kinds = (arguments[0],) * len(value) if arguments[-1] is Ellipsis else arguments
    if len(kinds) != len(value):
        raise _wrong(where, value, f"a list of {len(kinds)}")
    return tuple(
        _convert(item, kind, dataclasses.MISSING, (*where, str(index)))
        for index, (item, kind) in enumerate(zip(value, kinds, strict=True))
    )


def _scalar(value: Any, kind: Any, where: tuple[str, ...]) -> Any:
    if kind is Any:
        return value
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, type) and isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise _wrong(where, value, _name(kind))


def _name(kind: Any) -> str:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a string", Path: "a path"}
    return words.get(kind) or ("a table" if dataclasses.is_dataclass(kind) else str(kind))


def _wrong(where: tuple[str, ...], value: Any, expected: str) -> ConfigError:
    return ConfigError(f"{_dotted(where) or 'the recipe'} is {value!r}; it must be {expected}")


def _dotted(where: tuple[str, ...]) -> str:
    return ".".join(where)


# --- writing ---------------------------------------------------------------------------------------


def _dump_table(config: Any, where: tuple[str, ...], lines: list[str]) -> None:
    """Write the plain values of one table, then its tables, as TOML asks for."""
    items = _items(config)
    tables = {key: value for key, value in items.items() if _is_table(value)}
    arrays = {key: value for key, value in items.items() if _is_array_of_tables(value)}
    for key, value in items.items():
        if key not in tables and key not in arrays:
            lines.append(f"{_key(key)} = {_value(value, (*where, key))}")
    for key, value in tables.items():
        lines += ["", f"[{'.'.join(map(_key, (*where, key)))}]"]
        _dump_table(value, (*where, key), lines)
    for key, value in arrays.items():
        for item in value:
            lines += ["", f"[[{'.'.join(map(_key, (*where, key)))}]]"]
            _dump_table(item, (*where, key), lines)


def _items(config: Any) -> dict[str, Any]:
    if isinstance(config, Mapping):
        return dict(config)
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config) if field.init}


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (dataclasses.is_dataclass(value) and not isinstance(value, type))


def _is_array_of_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and all(_is_table(item) for item in value)


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else _text(name)


def _text(value: str) -> str:
    """Quote as TOML does: as JSON, which leaves DEL as it is, where TOML does not."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: object, where: tuple[str, ...]) -> str:
    match value:
        case None:
            return '"none"'
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value)  # `inf` and `nan` are TOML too
        case str() | Path():
            return _text(str(value))
        case list() | tuple():
            return "[" + ", ".join(_value(item, where) for item in value) + "]"
        case _:
            raise ConfigError(f"{_dotted(where)} is a {type(value).__name__}; a recipe cannot say that")
