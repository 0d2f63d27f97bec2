"""Which records become samples, changed while a run goes on (report section 4.1.1: producers are changed at any time).

    RUN/choose.toml     the table [choose] of the run's recipe; who edits it changes what producers do next
    RUN/choose.jsonl    every table that was in force, and since when

A table that says something wrong is refused with one line in the log, and the one before stays. [encode] cannot change:
samples of one run have one identity. Shards that went through stay as they are; a resumed run goes through all of them
again by the newest table. It does not know producers.
"""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanmo.config import dump_recipe
from hanmo.errors import ConfigError, HanmoError, RequestError
from hanmo.log import get_logger
from hanmo.producer.config import ChooseConfig, ProducerConfig, producer_config
from hanmo.producer.items import operators_of
from hanmo.producer.link import Link

log = get_logger(__name__)
FILE, RECORD = "choose.toml", "choose.jsonl"
_HEAD = "# Edit and save: producers take it for their next shard. A wrong table is refused in the log.\n"
Check = Callable[[ChooseConfig], object]
"""Raises a ConfigError where a run cannot be trained on what is chosen."""


@dataclass(frozen=True)
class _Table:
    choose: ChooseConfig


def begin(folder: Path, config: ProducerConfig, resume: bool, check: Check) -> ProducerConfig:
    """What producers of a run begin with; writes the file.

    Args:
        folder: of the run.
        config: of the recipe.
        resume: whether the run goes on: then its file is used where it is right, and wins over the recipe.
        check: see `Check`.

    Raises:
        ConfigError: the recipe names an operator or a threshold that there is not.
    """
    operators_of(config.choose)
    path = folder / FILE
    if resume and path.exists():
        try:
            found = read(path.read_text("utf-8"), config, check)
        except (RequestError, OSError, UnicodeDecodeError) as error:
            log.warning("%s is refused (%s), and the recipe's [choose] used", path, error)
            return config
        if found != config:
            log.info("%s is used, which is not the recipe's [choose]; remove it for that", path)
        return found
    path.write_text(_HEAD + dump_recipe(_Table(config.choose)), encoding="utf-8")
    (folder / RECORD).unlink(missing_ok=True)
    return config


def read(text: str, config: ProducerConfig, check: Check) -> ProducerConfig:
    """The configuration of a file's text.

    Args:
        text: TOML.
        config: whose [encode] stays.
        check: see `Check`.

    Raises:
        ConfigError: it is no TOML, has another table, or a key, an operator or a value that there is not.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"it is not TOML: {error}") from None
    if set(tables) != {"choose"}:
        raise ConfigError(
            f"it has {', '.join(map(repr, tables)) or 'nothing'}; give one table, [choose]: all else stays"
        )
    return checked({**config.to_json(), "choose": tables["choose"]}, config, check)


def checked(known: Mapping[str, Any], config: ProducerConfig, check: Check) -> ProducerConfig:
    """A configuration that a link is given while a run goes on.

    Raises:
        ConfigError: it cannot be used, or would make samples of another identity.
    """
    found = producer_config(known)
    if found.encode.to_json() != config.encode.to_json():
        raise ConfigError("encode cannot change while a run goes on, as its samples would be others: begin another run")
    check(found.choose)
    operators_of(found.choose)
    return found


@dataclass
class Watched:
    """A run's file, looked at now and then.

    Args:
        folder: of the run.
        link: that is told.
        config: from `begin`.
        check: see `Check`.
    """

    folder: Path
    link: Link
    config: ProducerConfig
    check: Check
    _text: str = field(init=False)
    _seen: str = field(init=False)
    _version: int = 0

    def __post_init__(self) -> None:
        """Remember what the file says."""
        self._text = self._seen = self._now()

    def look(self) -> None:
        """Give the link what the file says now, and write down what is in force."""
        text = self._now()
        if text == self._seen and text != self._text:  # the same twice: nobody is writing it
            self._text = text
            try:
                found = read(text, self.config, self.check).to_json()
                if found != self.link.meta().config:
                    self.link.configure(found)
            except HanmoError as error:
                log.warning("%s is refused, and the [choose] before stays: %s", self.folder / FILE, error)
        self._seen = text
        meta = self.link.meta()
        if meta.version != self._version:
            if self._version:
                log.info("producers take a new [choose] for their next shard: %s", json.dumps(meta.config["choose"]))
            self._version = meta.version
            self._write({"time": round(time.time(), 3), "version": meta.version, "choose": meta.config["choose"]})

    def _now(self) -> str:
        try:
            return (self.folder / FILE).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            return f"# cannot be read: {error}\n"

    def _write(self, known: Mapping[str, Any]) -> None:
        try:
            with (self.folder / RECORD).open("a", encoding="utf-8") as file:
                file.write(json.dumps(known, ensure_ascii=False) + "\n")
        except OSError as error:
            log.warning("%s cannot be written: %s", self.folder / RECORD, error.strerror)
