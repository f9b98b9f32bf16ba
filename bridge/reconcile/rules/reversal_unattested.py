"""Law L5: units circulate whose serials the registry has reversed or cancelled, and no reversal reaches the chain."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import STRETCH, Relations
from bridge.reconcile.rule import Rule, found, text
from bridge.reconcile.statement_tables import TAKEN_BACK


def find(r: Relations, limits: Limits) -> ir.Table:
    b = r.backing.filter(r.backing["live"] & r.backing["state"].isin(TAKEN_BACK))
    b = b.filter(b["row_deployment"] == b["deployment"])
    # Every new statement says it anew, so the first one counts.
    b = b.join(r.taken_back, [*STRETCH, "row_deployment", "row_lock"])
    due = b["since"] + limits.reversal_seconds
    return found(
        b,
        text("lock ", b["lock_id"], " on ", b["deployment"]),
        class_id=b["class_id"],
        event=b["mint_event"],
        row=b["row"],
        in_flight=b["block_time"] <= due,
        due=due,
    )


RULE = Rule(
    name="reversal-unattested",
    severity=Severity.BREAK,
    title="A reversal or cancellation in the registry was not attested on chain in time",
    waiting="Reversed or cancelled in the registry, awaits its attestation on chain",
    advice="Quarantine the class, and have the attesters sign the reversal; anyone may then submit it",
    find=find,
)
