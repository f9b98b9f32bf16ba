"""What CHECKs cannot say, as triggers: law L3 and the moves of serials, whoever writes to the database."""

from __future__ import annotations

from bridge.database.guards import Guard, kept, listed_moves


def _block_guard(name: str, when: str, message: str) -> Guard:
    return Guard(f"block_{name}", "blocks", "INSERT", message, when)


# Live blocks are disjoint, so the only one that can overlap is the last that starts at or before the new one's end.
_OVERLAP = """(SELECT b.last FROM blocks b WHERE b.space = NEW.space AND b.closed_by IS NULL
    AND b.first <= NEW.last ORDER BY b.first DESC LIMIT 1) >= NEW.first"""

_NOT_ISSUED = """NEW.parent IS NULL AND NOT (NEW.state = 'held' AND NEW.request_id IS NULL
    AND (SELECT verb FROM entries WHERE id = NEW.opened_by) = 'issue')"""

# By its id alone, lest PostgreSQL look for the parent among all serials of the space.
_NOT_OF_PARENT = """NEW.parent IS NOT NULL AND NOT coalesce((SELECT p.space = NEW.space AND p.class_id = NEW.class_id
    AND p.first <= NEW.first AND p.last >= NEW.last AND p.closed_by = NEW.opened_by
    FROM blocks p WHERE p.id = NEW.parent), FALSE)"""

_FORBIDDEN_MOVE = """NEW.parent IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blocks p, entries e
    WHERE p.id = NEW.parent AND e.id = NEW.opened_by AND (
        (p.account, p.state, p.lock_id, p.request_id) {equals} (NEW.account, NEW.state, NEW.lock_id, NEW.request_id)
        OR (p.state, NEW.state) IN (VALUES
            ('held', 'held'), ('held', 'locked'), ('held', 'retired'), ('held', 'cancelled'), ('held', 'reversed'),
            ('locked', 'held'), ('locked', 'reserved'), ('locked', 'reversed'),
            ('reserved', 'held'), ('reserved', 'locked'), ('reserved', 'retired'))
        OR (e.verb = 'override' AND p.state IN ('held', 'locked', 'reserved')
            AND NEW.state IN ('retired', 'cancelled'))))"""

_UNMINTED = "NEW.state = 'reserved' AND NOT EXISTS (SELECT 1 FROM locks WHERE id = NEW.lock_id AND minted)"

_NOT_IN_CUSTODY = """NEW.state IN ('locked', 'reserved') AND NEW.account {differs} (SELECT a.name FROM locks l
    JOIN instructions i ON i.id = l.instruction_id JOIN accounts a ON a.deployment = i.deployment
    WHERE l.id = NEW.lock_id)"""

_OTHER_REGISTRY = """(SELECT programme FROM spaces WHERE id = NEW.space)
    {differs} (SELECT programme FROM classes WHERE id = NEW.class_id)"""

_SECOND_CLASS = """(SELECT kind FROM spaces WHERE id = NEW.space) = 1
    AND (SELECT b.class_id FROM blocks b WHERE b.space = NEW.space LIMIT 1) <> NEW.class_id"""

PARENT = _block_guard("parent", _NOT_OF_PARENT, "a block must lie in the parent that the same entry closed")
MOVE = _block_guard("move", _FORBIDDEN_MOVE, "serials cannot make this move")
ENDS = Guard(
    "block_ends",
    "blocks",
    "UPDATE",
    "retired, cancelled and reversed serials stay so",
    "OLD.state IN ('retired', 'cancelled', 'reversed')",
)

_CLOSES_ONCE = """OLD.closed_by IS NOT NULL OR NEW.closed_by IS NULL
    OR (OLD.id, OLD.space, OLD.first, OLD.last, OLD.class_id, OLD.account, OLD.state, OLD.lock_id, OLD.request_id,
        OLD.parent, OLD.opened_by) {differs} (NEW.id, NEW.space, NEW.first, NEW.last, NEW.class_id, NEW.account,
        NEW.state, NEW.lock_id, NEW.request_id, NEW.parent, NEW.opened_by)"""

_LOCK_CHANGES = """(OLD.id, OLD.instruction_id, OLD.class_id) {differs} (NEW.id, NEW.instruction_id, NEW.class_id)
    OR (OLD.minted AND NOT NEW.minted) OR (OLD.released_by IS NOT NULL AND NEW.released_by {differs} OLD.released_by)"""

_DECISION_CHANGES = """OLD.ended IS NOT NULL OR (OLD.request_id, OLD.deployment, OLD.class_id, OLD.kind, OLD.units,
        OLD.commitment, OLD.refusal) {differs} (NEW.request_id, NEW.deployment, NEW.class_id, NEW.kind, NEW.units,
        NEW.commitment, NEW.refusal)"""

_REFUSED = "(SELECT refusal IS NOT NULL OR ended IS NOT NULL FROM reservations WHERE request_id = NEW.request_id)"

_TOO_MANY = """(SELECT coalesce(sum(last - first + 1), 0) FROM part_ranges WHERE request_id = NEW.request_id)
    + NEW.last - NEW.first + 1 > (SELECT units FROM reservations WHERE request_id = NEW.request_id)"""

_EVENT_CHANGES = """OLD.ended OR NOT NEW.ended
    OR (OLD.event_id, OLD.act, OLD.deployment, OLD.number, OLD.class_id, OLD.reason, OLD.space, OLD.first, OLD.last)
    {differs} (NEW.event_id, NEW.act, NEW.deployment, NEW.number, NEW.class_id, NEW.reason, NEW.space, NEW.first,
        NEW.last)"""

GUARDS = (
    _block_guard("disjoint", _OVERLAP, "serials already stand in a live block"),
    _block_guard("issued", _NOT_ISSUED, "serials begin only by issue, held"),
    PARENT,
    MOVE,
    _block_guard("minted", _UNMINTED, "only serials of a minted lock can be reserved"),
    _block_guard("custody", _NOT_IN_CUSTODY, "locked serials stand in the account of their deployment"),
    _block_guard("registry", _OTHER_REGISTRY, "space and class are of different registries"),
    _block_guard("batch", _SECOND_CLASS, "a batch admits one class"),
    Guard("block_closes_once", "blocks", "UPDATE", "a block only ever closes, once", _CLOSES_ONCE),
    ENDS,
    Guard("lock_content", "locks", "UPDATE", "a lock never changes, and ends once", _LOCK_CHANGES),
    Guard(
        "reservation_content", "reservations", "UPDATE", "a decision never changes, and ends once", _DECISION_CHANGES
    ),
    Guard("part_of_refused", "part_ranges", "INSERT", "a refused or ended request gets no parts", _REFUSED),
    Guard("parts_within_request", "part_ranges", "INSERT", "parts exceed their request", _TOO_MANY),
    *kept("blocks", "DELETE"),
    *kept("locks", "DELETE"),
    *kept("reservations", "DELETE"),
    *kept("entries", "UPDATE", "DELETE"),
    *kept("postings", "UPDATE", "DELETE"),
    *kept("instructions", "UPDATE", "DELETE"),
    *kept("part_ranges", "UPDATE", "DELETE"),
    *kept("receipts", "UPDATE", "DELETE"),
    *kept("signed_receipts", "UPDATE", "DELETE"),
    *kept("statements", "UPDATE", "DELETE"),
    *kept("disclosures", "UPDATE", "DELETE"),
)

REVERSAL_GUARDS = (
    Guard("reversal_content", "reversals", "UPDATE", "an event never changes, and ends once", _EVENT_CHANGES),
    *kept("reversals", "DELETE"),
    *kept("reversal_wordings", "UPDATE", "DELETE"),
    *kept("late_refusals", "UPDATE", "DELETE"),
)

_ACT_CHANGES = """(OLD.id, OLD.programme, OLD.verb, OLD.subject, OLD.document, OLD.final_block)
    {differs} (NEW.id, NEW.programme, NEW.verb, NEW.subject, NEW.document, NEW.final_block)
    OR NEW.round < OLD.round OR (OLD.state IN ('done', 'void')
        AND (OLD.round, OLD.statement, OLD.reference, OLD.evidence)
            {differs} (NEW.round, NEW.statement, NEW.reference, NEW.evidence))"""

_ASKED_AGAIN = (
    """NEW.round <> OLD.round + (CASE WHEN OLD.state = 'planned' AND NEW.state = 'asked' THEN 1 ELSE 0 END)"""
)

_UNSTATED = """OLD.state = 'unknown' AND NEW.state <> 'unknown'
    AND (NEW.statement IS NULL OR NEW.statement {equals} OLD.statement)"""

_ACT_ENDED = "(SELECT state IN ('done', 'void') FROM foreign_acts WHERE id = NEW.act_id)"

FOREIGN_GUARDS = (
    listed_moves(
        "foreign_acts",
        {"planned": ("asked", "done", "void"), "asked": ("done", "unknown"), "unknown": ("done", "planned")},
    ),
    Guard("foreign_act_content", "foreign_acts", "UPDATE", "an act never changes, and ends once", _ACT_CHANGES),
    Guard("foreign_act_asked", "foreign_acts", "UPDATE", "an act is asked anew only from planned", _ASKED_AGAIN),
    Guard("foreign_act_unknown", "foreign_acts", "UPDATE", "only a statement resolves what is unknown", _UNSTATED),
    Guard("foreign_act_begins", "foreign_acts", "INSERT", "an act begins planned", "NEW.state <> 'planned'"),
    Guard("confirmation_late", "confirmations", "INSERT", "the act has ended", _ACT_ENDED),
    *kept("foreign_acts", "DELETE"),
    *kept("foreign_steps", "UPDATE", "DELETE"),
    *kept("confirmations", "UPDATE", "DELETE"),
)

_BEARER_CHANGES = """OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
    OR (OLD.id, OLD.name, OLD.secret_hash, OLD.scopes, OLD.deployment, OLD.account, OLD.created_at, OLD.expires_at)
    {differs} (NEW.id, NEW.name, NEW.secret_hash, NEW.scopes, NEW.deployment, NEW.account, NEW.created_at,
        NEW.expires_at)"""

_UNCHAINED = """NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit)
    OR NEW.previous {differs} coalesce((SELECT hash FROM audit WHERE sequence = NEW.sequence - 1), '')"""

SERVICE_GUARDS = (
    Guard("token_content", "tokens", "UPDATE", "a token never changes, and is revoked once", _BEARER_CHANGES),
    *kept("tokens", "DELETE"),
    Guard("answer_content", "answers", "UPDATE", "an answer never changes"),
    Guard("audit_chain", "audit", "INSERT", "the audit trail goes on where it ends", _UNCHAINED),
    *kept("audit", "UPDATE", "DELETE"),
)

ATTRIBUTE_GUARDS = (
    *kept("class_attributes", "UPDATE", "DELETE"),
    *kept("class_metadata", "UPDATE", "DELETE"),
)

NEVER_OVERLAP = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "ALTER TABLE blocks ADD CONSTRAINT block_never_overlaps EXCLUDE USING gist "
    "(hashtextextended(space, 0) WITH =, numrange(first, last, '[]') WITH &&) WHERE (closed_by IS NULL)",
)
"""PostgreSQL only: the trigger gives the words, and this holds even between writers that do not take turns. Numeric,
because ranges of integers end beyond their last serial, which may be the largest. The space's hash, because an index
that has the space itself is taken for the rest of our queries too, and reads all of it."""
