"""Law L5: serials stay locked for a deployment although their lock was never minted and no longer can be."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import MINT
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, limits: Limits) -> ir.Table:
    used = r.moves.filter(r.moves["what"] == MINT).select("deployment", row_lock="key").distinct()
    locked = r.owed.filter((r.owed["state"] == "locked") & ~r.owed["live"])
    # Without a lock's name, serials that were minted once belong to that mint's end.
    locked = locked.filter((locked["row_lock"] != "") | locked["mint_event"].isnull())
    idle = locked.anti_join(used, ["deployment", "row_lock"])
    due = idle["not_after"] + limits.release_seconds
    # Until the block itself is past it, a mint may still come; a lock that states no deadline has none to wait for.
    waiting = (idle["as_of"] <= due) | (idle["block_time"] <= idle["not_after"])
    return found(
        idle,
        text("lock ", idle["row_lock"], " on ", idle["deployment"]),
        class_id=idle["row_class"],
        row=idle["row"],
        in_flight=waiting.fill_null(False),
        due=due,
    )


RULE = Rule(
    name="locked-without-mint",
    severity=Severity.BREAK,
    title="Serials are still locked although their lock can no longer be minted",
    waiting="Locked in the registry, awaits mint or release",
    advice="Ask the registry to release the lock to its depositor",
    find=find,
)
