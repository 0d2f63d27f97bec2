"""The arena's database: SQLite in a file, or PostgreSQL by URL, through SQLAlchemy Core.

    models      who takes part
    prompts     what was painted, and its category
    voters      a hash of the cookie, and a name if one was given
    matches     every pair that was shown: token, voter, who stood where
    votes       what was said of a match, when, and whether it was withdrawn

A voter is asked about two models and a prompt once: the database holds that, whatever the processes do.
This module does not know the rules; see `votes.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from hanmo.errors import RequestError

BUSY = 10_000
"""Milliseconds that a writer waits for another one (SQLite)."""

metadata = MetaData()
models = Table("models", metadata, Column("name", String(60), primary_key=True), Column("since", Float, nullable=False))
prompts = Table(
    "prompts",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("text", Text, nullable=False),
    Column("category", String(60), nullable=False),
)
voters = Table(
    "voters",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(40)),
    Column("since", Float, nullable=False),
)
matches = Table(
    "matches",
    metadata,
    Column("token", String(40), primary_key=True),
    Column("voter", ForeignKey("voters.id"), nullable=False),
    Column("prompt", ForeignKey("prompts.id"), nullable=False),
    Column("first", ForeignKey("models.name"), nullable=False),
    Column("second", ForeignKey("models.name"), nullable=False),
    Column("left", ForeignKey("models.name"), nullable=False),
    Column("right", ForeignKey("models.name"), nullable=False),
    Column("left_picture", String(260), nullable=False),
    Column("right_picture", String(260), nullable=False),
    Column("issued", Float, nullable=False),
    UniqueConstraint("voter", "first", "second", "prompt"),
    Index("matches_by_pair", "first", "second", "prompt"),
)
votes = Table(
    "votes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("token", ForeignKey("matches.token"), nullable=False, unique=True),
    Column("verdict", String(8), nullable=False),
    Column("cast", Float, nullable=False),
    Column("withdrawn", Float),
)


def open_database(where: str | Path) -> Engine:
    """Connect, and make what tables are missing.

    Args:
        where: a file for SQLite, or a URL such as `postgresql+psycopg://user@host/arena`.

    Raises:
        RequestError: a URL that is not understood, a driver that is not installed, a database that does not answer.
    """
    try:
        url = (
            make_url(where) if isinstance(where, str) and "://" in where else URL.create("sqlite", database=str(where))
        )
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise RequestError(
                f"{url.get_backend_name()} is not supported: use a file (SQLite) or postgresql+psycopg://"
            )
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        engine = create_engine(url, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise RequestError(
            f"the database {where} cannot be used ({error}): give a file, or a URL such as "
            "postgresql+psycopg://user@host/arena (which needs: pip install 'hanmo[postgres]')"
        ) from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    try:
        metadata.create_all(engine)
    except DBAPIError as error:
        engine.dispose()
        cause = str(error.orig).splitlines()[0]
        shown = url.render_as_string(hide_password=True)
        raise RequestError(f"the database {shown} does not answer ({cause}): check that it is there") from None
    return engine


def _prepare(connection: Any, _: Any) -> None:
    """Readers and a writer at the same time; a vote that was answered is on the disk."""
    connection.isolation_level = None  # or the driver begins transactions that only read, and fails to upgrade them
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    """Take the right to write at once: two that read first and write then would stop each other."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
