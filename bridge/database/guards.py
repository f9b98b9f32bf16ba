"""Triggers that refuse a change, whoever writes to the database; said once, made for SQLite and PostgreSQL.

For migrations. A condition is SQL over OLD and NEW that both understand, in which `{differs}` and `{equals}` compare
values, or rows of values, that may be null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from alembic import op

_WORDS = {
    "sqlite": {"differs": "IS NOT", "equals": "IS"},
    "postgresql": {"differs": "IS DISTINCT FROM", "equals": "IS NOT DISTINCT FROM"},
}


class Guard(NamedTuple):
    """Before `action` (such as `INSERT`, or `UPDATE OF state`) on a row of `table`, unless `when` is false or null."""

    name: str
    table: str
    action: str
    message: str
    when: str = "TRUE"

    def create(self) -> None:
        dialect = op.get_context().dialect.name
        when = self.when.format_map(_WORDS[dialect])
        for statement in _MAKERS[dialect](self, when):
            op.execute(statement)

    def drop(self) -> None:
        if op.get_context().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {self.name}")
        else:
            op.execute(f"DROP TRIGGER {self.name} ON {self.table}")
            op.execute(f"DROP FUNCTION {self.name}()")


def listed_moves(table: str, moves: Mapping[str, tuple[str, ...]]) -> Guard:
    """A change of `state` is one of those listed."""
    allowed = " OR ".join(
        f"(OLD.state = '{old}' AND NEW.state IN ({', '.join(repr(new) for new in news)}))"
        for old, news in moves.items()
    )
    when = f"OLD.state <> NEW.state AND NOT ({allowed})"
    return Guard(f"{table}_moves", table, "UPDATE OF state", f"{table}: this change of state is forbidden", when)


def kept(table: str, *actions: str) -> tuple[Guard, ...]:
    """Rows that never see one of the actions."""
    return tuple(Guard(f"{table}_{a.lower()}", table, a, f"{table} are kept for good") for a in actions)


def _sqlite(guard: Guard, when: str) -> tuple[str, ...]:
    return (
        f"CREATE TRIGGER {guard.name} BEFORE {guard.action} ON {guard.table} WHEN {when} "
        f"BEGIN SELECT RAISE(ABORT, '{guard.message}'); END",
    )


def _postgresql(guard: Guard, when: str) -> tuple[str, ...]:
    """A condition that looks into tables needs a function. TRUNCATE fires no row's trigger: kept rows have one more."""
    refuse = f"RAISE EXCEPTION USING MESSAGE = '{guard.message}', ERRCODE = 'check_violation'"
    function = (
        f"CREATE FUNCTION {guard.name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF {when} THEN {refuse}; END IF; RETURN coalesce(NEW, OLD); END $$"
    )
    call = f"EXECUTE FUNCTION {guard.name}()"
    made = (function, f"CREATE TRIGGER {guard.name} BEFORE {guard.action} ON {guard.table} FOR EACH ROW {call}")
    if (guard.action, when) != ("DELETE", "TRUE"):
        return made
    return (*made, f"CREATE TRIGGER {guard.table}_truncate BEFORE TRUNCATE ON {guard.table} FOR EACH STATEMENT {call}")


_MAKERS = {"sqlite": _sqlite, "postgresql": _postgresql}
