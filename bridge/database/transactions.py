"""One writer at a time, on SQLite and on PostgreSQL alike.

A writing transaction takes its turn before it reads: what it has read holds until it commits, so a verb that reads and
then writes is right without more. On SQLite that is BEGIN IMMEDIATE; on PostgreSQL it is an advisory lock of the
database, which ends with the transaction. SERIALIZABLE would let writers pass each other and fail those that met when
they commit; every verb would then have to be run again from outside, for a speed that a bridge does not need. Against
writers that do not take turns, such as a person with a prompt, the guards stand alone (`guards.py`). Readers see one
snapshot and hold up nobody.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, select, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import InstrumentedAttribute, Session

from bridge.database.engine import said
from bridge.errors import Unreachable

_KEYS = 1000


@contextmanager
def writing(engine: Engine, room: str) -> Iterator[Session]:
    """All or nothing. Raises Unreachable when the database does not answer, or another writer keeps its turn."""
    with _answering(room), Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine, room: str) -> Iterator[Session]:
    """One snapshot, which cannot be written."""
    with writing(engine.execution_options(reads_only=True), room) as session:
        yield session


def rows_by(
    session: Session, column: InstrumentedAttribute[Any], keys: Sequence[Any], *conditions: ColumnElement[bool]
) -> list[Any]:
    """Rows by one of their columns, however many keys there are: a query takes a bounded number of values."""
    query = select(column.class_).where(*conditions)
    return [row for part in parts(keys) for row in session.scalars(query.where(column.in_(part)))]


def columns_by(session: Session, columns: Sequence[InstrumentedAttribute[Any]], keys: Sequence[Any]) -> list[Any]:
    """The same of some columns alone, by the first of them: tuples."""
    return [row for part in parts(keys) for row in session.execute(select(*columns).where(columns[0].in_(part)))]


def parts(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """As many keys at a time as a query takes."""
    return (keys[start : start + _KEYS] for start in range(0, len(keys), _KEYS))


@contextmanager
def held_alone(engine: Engine, room: str, key: str, work: str) -> Iterator[bool]:
    """Whether this process, and no other, has `key` for this work until the end; one that dies lets go of it. On SQLite
    the file is the key."""
    if engine.dialect.name == "sqlite":
        with _flock(engine.url.database, work) as alone:
            yield alone
        return
    digest = hashlib.sha256(f"{key} {work}".encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    session = engine.execution_options(isolation_level="AUTOCOMMIT")
    with _answering(room), session.connect() as connection:
        connection.detach()  # closed at the end instead of pooled: the lock never outlives it
        alone = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": number}))
        try:
            yield alone
        finally:
            with suppress(OperationalError, InterfaceError):  # closing alone lets go only when the server gets to it
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": number})


@contextmanager
def _answering(room: str) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Unreachable(f"the {room}'s database did not answer ({said(error)}); repeat the call") from error


@contextmanager
def _flock(database: str | None, work: str) -> Iterator[bool]:
    if not database or database == ":memory:":
        yield True
        return
    with Path(f"{database}.{work}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
