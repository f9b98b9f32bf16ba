"""Evidence as flat rows: the one place where the reconciler loops over its input.

Absent text is empty, never null, so that rules compare without three-valued logic. A time that an event's block lacks
is the stamp's. `event`, `row`, `claim` and `attested` are places in the evidence, by which exhibits are found again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import pyarrow as pa

from bridge.domain import observed as seen
from bridge.domain.attestations import Deployment, Lock, Receipt
from bridge.domain.observed import ChainEvent, Statement
from bridge.reconcile.chain_facts import EVENTS, Row, Rows, add_transfers, what_is_asked
from bridge.reconcile.evidence import ChainView, Claim, ClaimLink, Evidence
from bridge.reconcile.other_facts import OTHER_SCHEMAS, add_others
from bridge.reconcile.power_facts import POWER_SCHEMAS, add_powers

_TEXT, _SERIAL, _WHOLE, _TIME = pa.string(), pa.uint64(), pa.uint64(), pa.int64()
_PLACE, _FLAG = pa.int64(), pa.bool_()
_RANGE = {"space": _TEXT, "first": _SERIAL, "last": _SERIAL}

SCHEMAS: Mapping[str, Mapping[str, pa.DataType]] = {
    "chains": {"deployment": _TEXT, "block_time": _TIME},
    "spaces": {"event": _PLACE, "deployment": _TEXT, "space": _TEXT, "registry": _TEXT, "batch": _FLAG},
    "classes": {"event": _PLACE, "deployment": _TEXT, "class_id": _TEXT, "registry": _TEXT, "kg_per_unit": _WHOLE},
    # One row a minted, settled or reversed range; ids rise with time within a deployment. `key` is the lock, the
    # request or the registry's event.
    "moves": {
        **{"id": _PLACE, "event": _PLACE, "deployment": _TEXT, "what": _TEXT, "key": _TEXT, "class_id": _TEXT},
        **_RANGE,
        **{"recipient": _TEXT, "time": _TIME},
    },
    "requests": {
        **{"event": _PLACE, "deployment": _TEXT, "request_id": _TEXT, "class_id": _TEXT, "what": _TEXT},
        **{"units": _WHOLE, "deadline": _TIME, "holder": _TEXT, "time": _TIME},
    },
    # `units` leave the request; `remaining` is what the event says is left, null when it says nothing.
    "steps": {
        **{"event": _PLACE, "deployment": _TEXT, "request_id": _TEXT, "class_id": _TEXT, "step": _TEXT},
        **{"units": _WHOLE, "remaining": _WHOLE},
    },
    "supply": {"event": _PLACE, "deployment": _TEXT, "class_id": _TEXT, "issued": _WHOLE, "burned": _WHOLE},
    # Units that reached or left the contract's own account.
    "own": {"event": _PLACE, "deployment": _TEXT, "class_id": _TEXT, "received": _WHOLE, "given": _WHOLE},
    # From one account to another, and only in classes that were ever closed.
    "transfers": {"event": _PLACE, "deployment": _TEXT, "class_id": _TEXT, "units": _WHOLE, "time": _TIME},
    "retired": {"event": _PLACE, "deployment": _TEXT, "class_id": _TEXT, "holder": _TEXT, "units": _WHOLE},
    # `stated`: the shortfall with this step, as its event has it.
    "shortfalls": {
        **{"event": _PLACE, "deployment": _TEXT, "class_id": _TEXT, "opened": _WHOLE, "covered": _WHOLE},
        **{"stated": _WHOLE},
    },
    "covers": {
        **{"event": _PLACE, "deployment": _TEXT, "cover_id": _TEXT, "step": _TEXT, "units": _WHOLE},
        **{"lock_id": _TEXT, "short_class": _TEXT},
    },
    "quarantines": {"event": _PLACE, "deployment": _TEXT, "class_id": _TEXT, "until": _TIME},
    "recoveries": {
        **{"event": _PLACE, "deployment": _TEXT, "recovery_id": _TEXT, "step": _TEXT, "sender": _TEXT, "to": _TEXT},
        **{"class_id": _TEXT, "units": _WHOLE, "matures_at": _TIME, "time": _TIME},
    },
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
    "rows": {
        **{"id": _PLACE, "statement": _PLACE, "registry": _TEXT, "as_of": _TIME, "current": _FLAG},
        **_RANGE,
        **{"row_class": _TEXT, "state": _TEXT, "row_deployment": _TEXT, "row_lock": _TEXT, "row_request": _TEXT},
        **{"holder": _TEXT, "not_after": _TIME},
    },
    "claims": {"id": _PLACE, "source": _TEXT, "claim_id": _TEXT, "state": _TEXT, **_RANGE, "kg": _WHOLE},
    "links": {"source": _TEXT, "later": _TEXT, "earlier": _TEXT, "kg": _WHOLE},
    "accounts": {"registry": _TEXT, "deployment": _TEXT, "account": _TEXT},
    "locks": {
        **{"id": _PLACE, "deployment": _TEXT, "lock_id": _TEXT, "class_id": _TEXT},
        **_RANGE,
        **{"recipient": _TEXT},
    },
    "receipts": {
        **{"id": _PLACE, "receipt": _PLACE, "deployment": _TEXT, "request_id": _TEXT, "what": _TEXT},
        **_RANGE,
        **{"executed_at": _TIME, "reference": _TEXT},
    },
    **POWER_SCHEMAS,
    **OTHER_SCHEMAS,
}


def tables(evidence: Evidence) -> dict[str, pa.Table]:
    """One Arrow table a schema, empty where the evidence is silent."""
    rows: Rows = defaultdict(list)
    events = chain_events(evidence)
    for index, (view, event) in enumerate(events):
        if type(event) in EVENTS:
            EVENTS[type(event)](rows, index, view, event)
    add_transfers(rows["transfers"], events)
    add_powers(rows, events)
    add_others(rows, evidence)
    rows["chains"] = [(str(view.deployment), view.stamp.timestamp) for view in evidence.chains]
    _add_statements(rows, evidence.statements)
    _add_endorsements(rows, evidence)
    rows["claims"] = [_claim(index, claim) for index, claim in enumerate(evidence.claims)]
    rows["links"] = [_link(link) for link in evidence.links]
    rows["accounts"] = [(registry, str(deployment), account) for registry, deployment, account in evidence.accounts]
    rows["locks"] = [_lock(index, *item) for index, item in enumerate(evidence.locks)]
    for index, (deployment, receipt) in enumerate(evidence.receipts):
        _add_receipt(rows["receipts"], index, deployment, receipt)
    return {name: _arrow(schema, rows[name]) for name, schema in SCHEMAS.items()}


def chain_events(evidence: Evidence) -> list[tuple[ChainView, ChainEvent]]:
    """Every event with its view, in the order in which each chain has them; places in this list are `event`."""
    return [
        (view, event)
        for view in evidence.chains
        for event in sorted(view.events, key=lambda e: (e.place.block, e.place.log_index))
    ]


def statement_rows(evidence: Evidence) -> list[tuple[Statement, seen.StatementRow]]:
    """Every row with its statement; places in this list are `row`."""
    return [(statement, row) for statement in evidence.statements for row in statement.rows]


def current_statements(statements: Iterable[Statement]) -> dict[str, Statement]:
    """The latest statement of each registry, which is the one compared."""
    latest: dict[str, Statement] = {}
    for statement in sorted(statements, key=moment_of):
        latest[statement.registry] = statement
    return latest


def moment_of(statement: Statement) -> tuple[int, int]:
    head = statement.head.items[0]
    return (head.as_of, head.sequence)


def _arrow(schema: Mapping[str, pa.DataType], rows: list[Row]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.values(), strict=True)]
    return pa.table(arrays, schema=pa.schema(list(schema.items())))


def _add_statements(rows: Rows, statements: Iterable[Statement]) -> None:
    statements = list(statements)
    current = {id(statement) for statement in current_statements(statements).values()}
    for number, statement in enumerate(statements):
        signed, is_current = statement.head.items[0], id(statement) in current
        as_of, whole = signed.as_of, signed.rows_hash == seen.rows_hash(statement.rows)
        rows["statements"].append((number, statement.registry, signed.sequence, as_of, is_current, whole))
        rows["lifetime"] += [(number, *total.model_dump().values()) for total in signed.totals]
        head = (number, statement.registry, as_of, is_current)
        for row in statement.rows:
            rows["rows"].append((len(rows["rows"]), *head, *_statement_row(row)))


def _add_endorsements(rows: Rows, evidence: Evidence) -> None:
    for number, statement in enumerate(evidence.statements):
        for e in evidence.endorsements:
            if (e.registry, e.head) == (statement.registry, statement.head):
                rows["endorsements"].append((number, str(e.deployment), e.attesters, e.threshold))


def _statement_row(row: seen.StatementRow) -> Row:
    deployment = str(row.deployment) if row.deployment else ""
    ids = (row.class_id, row.state.value, deployment, row.lock_id or "", row.request_id or "")
    return (row.range.space, row.range.first, row.range.last, *ids, row.holder, row.not_after)


def _claim(index: int, claim: Claim) -> Row:
    r = claim.range
    where = (r.space, r.first, r.last) if r else ("", None, None)
    return (index, claim.source, claim.claim_id, claim.state.value, *where, claim.kg)


def _link(link: ClaimLink) -> Row:
    return (link.source, link.later, link.earlier, link.kg)


def _lock(index: int, deployment: Deployment, lock: Lock) -> Row:
    r = lock.range
    return (index, str(deployment), lock.lock_id, lock.class_id, r.space, r.first, r.last, lock.recipient)


def _add_receipt(rows: list[Row], index: int, deployment: Deployment, receipt: Receipt) -> None:
    head = (index, str(deployment), receipt.request_id, what_is_asked(receipt.kind))
    for r in receipt.ranges:
        rows.append((len(rows), *head, r.space, r.first, r.last, receipt.executed_at, receipt.reference))
