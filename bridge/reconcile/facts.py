"""Evidence as tables: what is small by short loops; events, statement rows and claims from memory or from files.

Absent text is empty, never null, so that rules compare without three-valued logic. A time that an event's block lacks
is the stamp's. `event`, `row`, `claim` and `attested` are numbers by which exhibits are found again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import ibis.expr.types as ir
import pyarrow as pa

from bridge.domain.attestations import Deployment, Lock, Receipt
from bridge.domain.lifecycle import Kind
from bridge.domain.observed import Statement, rows_hash
from bridge.reconcile import chain_facts, claim_tables, event_tables, power_facts, statement_tables
from bridge.reconcile.chain_facts import REDEEM, RETIRE
from bridge.reconcile.event_tables import arrow
from bridge.reconcile.evidence import ChainArchive, ClaimLink, Evidence, JournalEntry, StatementArchive
from bridge.reconcile.other_facts import OTHER_SCHEMAS, add_others
from bridge.reconcile.plan import Files, Parts, Plan

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]

_TEXT, _SERIAL, _WHOLE, _TIME = pa.string(), pa.uint64(), pa.uint64(), pa.int64()
_PLACE, _FLAG = pa.int64(), pa.bool_()
_RANGE = {"space": _TEXT, "first": _SERIAL, "last": _SERIAL}

SCHEMAS: Mapping[str, Mapping[str, pa.DataType]] = {
    # `keeps_list`: only listed accounts may take units there.
    "chains": {"deployment": _TEXT, "block_time": _TIME, "keeps_list": _FLAG},
    # `whole`: the rows are those that the head binds.
    "statements": {
        **{"statement": _PLACE, "registry": _TEXT, "sequence": _WHOLE, "as_of": _TIME, "current": _FLAG},
        **{"whole": _FLAG},
    },
    "endorsements": {"statement": _PLACE, "deployment": _TEXT, "attesters": _WHOLE, "threshold": _WHOLE},
    "lifetime": {
        **{"statement": _PLACE, "class_id": _TEXT, "locked": _WHOLE, "released": _WHOLE, "retired": _WHOLE},
        **{"handed_over": _WHOLE},
    },
    "links": {"source": _TEXT, "later": _TEXT, "earlier": _TEXT, "kg": _WHOLE},
    "accounts": {"registry": _TEXT, "deployment": _TEXT, "account": _TEXT},
    "locks": {
        **{"id": _PLACE, "deployment": _TEXT, "lock_id": _TEXT, "class_id": _TEXT},
        **_RANGE,
        **{"recipient": _TEXT},
    },
    # What the operators' journals believe: `key` is the lock, the request or the registry's event.
    "journal": {
        **{"deployment": _TEXT, "saga": _TEXT, "key": _TEXT, "registry": _TEXT, "state": _TEXT, "class_id": _TEXT},
        **_RANGE,
        **{"units": _WHOLE},
    },
    "receipts": {
        **{"id": _PLACE, "receipt": _PLACE, "deployment": _TEXT, "request_id": _TEXT, "what": _TEXT},
        **_RANGE,
        **{"executed_at": _TIME, "reference": _TEXT},
    },
    **OTHER_SCHEMAS,
}


_AMOUNT = pa.decimal128(38, 0)
BEFORE: Mapping[str, Mapping[str, pa.DataType]] = {
    "supply": {
        **{"deployment": _TEXT, "event": _PLACE, "burned": _AMOUNT, "class_id": _TEXT, "issued": _AMOUNT},
        **{"time": _TIME},
    },
    "own": {"deployment": _TEXT, "event": _PLACE, "class_id": _TEXT, "given": _AMOUNT, "received": _AMOUNT},
}
"""Facts of which only sums are asked, and which are given as sums where their events are not (`incremental.py`); then
`event` is null."""


class Given(NamedTuple):
    """Events and statement rows as they are given, and the facts made from them and the rest."""

    events: Mapping[str, ir.Table]
    rows: ir.Table
    claims: ir.Table
    facts: dict[str, ir.Table]


def planned(plan: Plan) -> Given:
    small = {name: plan.given(name, schema) for name, schema in SCHEMAS.items()}
    events = {name: plan.given(name, schema) for name, schema in event_tables.SCHEMAS.items()}
    rows = plan.given(statement_tables.NAME, statement_tables.SCHEMA)
    claims = plan.given(claim_tables.NAME, claim_tables.SCHEMA)
    powers = power_facts.facts(events, small["chains"])
    facts = chain_facts.facts(events) | powers
    facts |= {"every_row": statement_tables.rows(rows), "claims": claim_tables.claims(claims)}
    facts |= {name: _exact(facts[name]).union(plan.given(f"{name}_before", schema)) for name, schema in BEFORE.items()}
    return Given(events, rows, claims, small | {name: plan.view(name, fact) for name, fact in facts.items()})


def _exact(t: ir.Table) -> ir.Table:
    return t.mutate(
        **{name: t[name].cast("decimal(38, 0)") for name in t.columns if t[name].type().is_unsigned_integer()}
    )


def given(evidence: Evidence) -> dict[str, Parts]:
    """What the plan is given, by name."""
    rows: Rows = defaultdict(list)
    rows["chains"] = [(str(view.deployment), view.stamp.timestamp, view.keeps_list) for view in evidence.chains]
    add_others(rows, evidence)
    _add_statements(rows, evidence)
    _add_endorsements(rows, evidence)
    rows["links"] = [_link(link) for link in evidence.links]
    rows["accounts"] = [(registry, str(deployment), account) for registry, deployment, account in evidence.accounts]
    rows["locks"] = [_lock(index, *item) for index, item in enumerate(evidence.locks)]
    rows["journal"] = [_journal(entry) for entry in evidence.journal]
    for index, (deployment, receipt) in enumerate(evidence.receipts):
        _add_receipt(rows["receipts"], index, deployment, receipt)
    small: dict[str, Parts] = {name: [arrow(schema, rows[name])] for name, schema in SCHEMAS.items()}
    return {
        **small,
        **_events(evidence),
        statement_tables.NAME: statement_tables.parts(evidence.statements),
        claim_tables.NAME: claim_tables.parts(evidence.claims, evidence.claim_archives),
    }


def _events(evidence: Evidence) -> dict[str, Parts]:
    numbered = list(enumerate(evidence.chains))
    in_memory = event_tables.tables([(n, view) for n, view in numbered if not isinstance(view, ChainArchive)])
    parts: dict[str, list[pa.Table | Files]] = {name: [table] for name, table in in_memory.items()}
    for number, archive in numbered:
        if isinstance(archive, ChainArchive):
            for name, found in event_tables.archived(number, archive):
                parts[name].append(found)
    return dict(parts)


def _add_statements(rows: Rows, evidence: Evidence) -> None:
    compared = {id(statement) for statement in statement_tables.current(evidence.statements).values()}
    for number, statement in enumerate(evidence.statements):
        signed, is_compared = statement.head.items[0], id(statement) in compared
        rows["statements"].append(
            (number, statement.registry, signed.sequence, signed.as_of, is_compared, _whole(statement))
        )
        rows["lifetime"] += [(number, *total.model_dump().values()) for total in signed.totals]


def _whole(statement: Statement | StatementArchive) -> bool:
    if isinstance(statement, StatementArchive):
        return statement.whole
    return statement.head.items[0].rows_hash == rows_hash(statement.rows)


def _add_endorsements(rows: Rows, evidence: Evidence) -> None:
    for number, statement in enumerate(evidence.statements):
        for e in evidence.endorsements:
            if (e.registry, e.head) == (statement.registry, statement.head):
                rows["endorsements"].append((number, str(e.deployment), e.attesters, e.threshold))


def _link(link: ClaimLink) -> Row:
    return (link.source, link.later, link.earlier, link.kg)


def _lock(index: int, deployment: Deployment, lock: Lock) -> Row:
    r = lock.range
    return (index, str(deployment), lock.lock_id, lock.class_id, r.space, r.first, r.last, lock.recipient)


def _journal(entry: JournalEntry) -> Row:
    r = entry.range
    where = (r.space, r.first, r.last) if r else ("", None, None)
    head = (str(entry.deployment), entry.saga, entry.key, entry.registry, entry.state, entry.class_id or "")
    return (*head, *where, entry.units)


def _add_receipt(rows: list[Row], index: int, deployment: Deployment, receipt: Receipt) -> None:
    head = (index, str(deployment), receipt.request_id, RETIRE if receipt.kind is Kind.RETIREMENT else REDEEM)
    for r in receipt.ranges:
        rows.append((len(rows), *head, r.space, r.first, r.last, receipt.executed_at, receipt.reference))
