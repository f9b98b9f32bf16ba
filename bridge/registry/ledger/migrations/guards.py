"""What CHECKs cannot say, as triggers: law L3 and the moves of serials, whoever writes to the database.

PostgreSQL's place is a second tuple in `GUARDS`: there the overlap guard is an exclusion constraint,
`EXCLUDE USING gist (space WITH =, int8range(first, last, '[]') WITH &&) WHERE (closed_by IS NULL)`, the rest triggers.
"""

from __future__ import annotations


def _never(table: str, action: str) -> str:
    return f"""CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} are kept for good'); END"""


def _block_guard(name: str, when: str, message: str) -> str:
    return f"""CREATE TRIGGER block_{name} BEFORE INSERT ON blocks WHEN {when}
        BEGIN SELECT RAISE(ABORT, '{message}'); END"""


# Live blocks are disjoint, so the only one that can overlap is the last that starts at or before the new one's end.
_OVERLAP = """(SELECT b.last FROM blocks b WHERE b.space = NEW.space AND b.closed_by IS NULL
    AND b.first <= NEW.last ORDER BY b.first DESC LIMIT 1) >= NEW.first"""

_NOT_ISSUED = """NEW.parent IS NULL AND NOT (NEW.state = 'held' AND NEW.request_id IS NULL
    AND (SELECT verb FROM entries WHERE id = NEW.opened_by) = 'issue')"""

_NOT_OF_PARENT = """NEW.parent IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blocks p WHERE p.id = NEW.parent
    AND p.space = NEW.space AND p.class_id = NEW.class_id AND p.first <= NEW.first AND p.last >= NEW.last
    AND p.closed_by = NEW.opened_by)"""

_FORBIDDEN_MOVE = """NEW.parent IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blocks p, entries e
    WHERE p.id = NEW.parent AND e.id = NEW.opened_by AND (
        (p.account, p.state, p.lock_id, p.request_id) IS (NEW.account, NEW.state, NEW.lock_id, NEW.request_id)
        OR (p.state, NEW.state) IN (VALUES
            ('held', 'held'), ('held', 'locked'), ('held', 'retired'), ('held', 'cancelled'), ('held', 'reversed'),
            ('locked', 'held'), ('locked', 'reserved'), ('locked', 'reversed'),
            ('reserved', 'held'), ('reserved', 'locked'), ('reserved', 'retired'))
        OR (e.verb = 'override' AND p.state IN ('held', 'locked', 'reserved')
            AND NEW.state IN ('retired', 'cancelled'))))"""

_UNMINTED = "NEW.state = 'reserved' AND NOT EXISTS (SELECT 1 FROM locks WHERE id = NEW.lock_id AND minted)"

_NOT_IN_CUSTODY = """NEW.state IN ('locked', 'reserved') AND NEW.account IS NOT (SELECT a.name FROM locks l
    JOIN instructions i ON i.id = l.instruction_id JOIN accounts a ON a.deployment = i.deployment
    WHERE l.id = NEW.lock_id)"""

_OTHER_REGISTRY = """(SELECT programme FROM spaces WHERE id = NEW.space)
    IS NOT (SELECT programme FROM classes WHERE id = NEW.class_id)"""

_SECOND_CLASS = """(SELECT kind FROM spaces WHERE id = NEW.space) = 1
    AND (SELECT b.class_id FROM blocks b WHERE b.space = NEW.space LIMIT 1) <> NEW.class_id"""

MOVE = _block_guard("move", _FORBIDDEN_MOVE, "serials cannot make this move")
ENDS = """CREATE TRIGGER block_ends BEFORE UPDATE ON blocks WHEN OLD.state IN ('retired', 'cancelled', 'reversed')
    BEGIN SELECT RAISE(ABORT, 'retired, cancelled and reversed serials stay so'); END"""

_SQLITE = (
    _block_guard("disjoint", _OVERLAP, "serials already stand in a live block"),
    _block_guard("issued", _NOT_ISSUED, "serials begin only by issue, held"),
    _block_guard("parent", _NOT_OF_PARENT, "a block must lie in the parent that the same entry closed"),
    MOVE,
    _block_guard("minted", _UNMINTED, "only serials of a minted lock can be reserved"),
    _block_guard("custody", _NOT_IN_CUSTODY, "locked serials stand in the account of their deployment"),
    _block_guard("registry", _OTHER_REGISTRY, "space and class are of different registries"),
    _block_guard("batch", _SECOND_CLASS, "a batch admits one class"),
    """CREATE TRIGGER block_closes_once BEFORE UPDATE ON blocks
        WHEN OLD.closed_by IS NOT NULL OR NEW.closed_by IS NULL
        OR (OLD.id, OLD.space, OLD.first, OLD.last, OLD.class_id, OLD.account, OLD.state, OLD.lock_id, OLD.request_id,
            OLD.parent, OLD.opened_by) IS NOT (NEW.id, NEW.space, NEW.first, NEW.last, NEW.class_id, NEW.account,
            NEW.state, NEW.lock_id, NEW.request_id, NEW.parent, NEW.opened_by)
        BEGIN SELECT RAISE(ABORT, 'a block only ever closes, once'); END""",
    ENDS,
    """CREATE TRIGGER lock_content BEFORE UPDATE ON locks
        WHEN (OLD.id, OLD.instruction_id, OLD.class_id) IS NOT (NEW.id, NEW.instruction_id, NEW.class_id)
        OR (OLD.minted AND NOT NEW.minted) OR (OLD.released_by IS NOT NULL AND NEW.released_by IS NOT OLD.released_by)
        BEGIN SELECT RAISE(ABORT, 'a lock never changes, and ends once'); END""",
    """CREATE TRIGGER reservation_content BEFORE UPDATE ON reservations
        WHEN OLD.ended IS NOT NULL OR (OLD.request_id, OLD.deployment, OLD.class_id, OLD.kind, OLD.units,
            OLD.commitment, OLD.refusal) IS NOT (NEW.request_id, NEW.deployment, NEW.class_id, NEW.kind, NEW.units,
            NEW.commitment, NEW.refusal)
        BEGIN SELECT RAISE(ABORT, 'a decision never changes, and ends once'); END""",
    """CREATE TRIGGER part_of_refused BEFORE INSERT ON part_ranges
        WHEN (SELECT refusal IS NOT NULL OR ended IS NOT NULL FROM reservations WHERE request_id = NEW.request_id)
        BEGIN SELECT RAISE(ABORT, 'a refused or ended request gets no parts'); END""",
    """CREATE TRIGGER parts_within_request BEFORE INSERT ON part_ranges
        WHEN (SELECT coalesce(sum(last - first + 1), 0) FROM part_ranges WHERE request_id = NEW.request_id)
            + NEW.last - NEW.first + 1 > (SELECT units FROM reservations WHERE request_id = NEW.request_id)
        BEGIN SELECT RAISE(ABORT, 'parts exceed their request'); END""",
    _never("blocks", "DELETE"),
    _never("locks", "DELETE"),
    _never("reservations", "DELETE"),
    *(
        _never(table, action)
        for table in (
            "entries",
            "postings",
            "instructions",
            "part_ranges",
            "receipts",
            "signed_receipts",
            "statements",
            "disclosures",
        )
        for action in ("UPDATE", "DELETE")
    ),
)

_SQLITE_REVERSALS = (
    """CREATE TRIGGER reversal_content BEFORE UPDATE ON reversals WHEN OLD.ended OR NOT NEW.ended
        OR (OLD.event_id, OLD.act, OLD.deployment, OLD.number, OLD.class_id, OLD.reason, OLD.space, OLD.first, OLD.last)
        IS NOT (NEW.event_id, NEW.act, NEW.deployment, NEW.number, NEW.class_id, NEW.reason, NEW.space, NEW.first,
            NEW.last)
        BEGIN SELECT RAISE(ABORT, 'an event never changes, and ends once'); END""",
    _never("reversals", "DELETE"),
    *(_never(table, action) for table in ("reversal_wordings", "late_refusals") for action in ("UPDATE", "DELETE")),
)

GUARDS = {"sqlite": _SQLITE}
REVERSAL_GUARDS = {"sqlite": _SQLITE_REVERSALS}
