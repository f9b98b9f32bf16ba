"""Another bridge claims to have minted, or retired, the same serials twice."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import ClaimState, Limits
from bridge.reconcile.relations import STRETCH, Relations
from bridge.reconcile.rule import Rule, found, text
from bridge.reconcile.rules.parent_and_split import nested_claims


def find(r: Relations, _: Limits) -> ir.Table:
    same = [*STRETCH, "source", "state"]
    repeated = r.claimed.group_by(same).having(r.claimed.count() > 1).agg(times=r.claimed.count())
    # A block minted beside its own parts is another rule's.
    nested = nested_claims(r).select(*STRETCH, source="scope", state=ibis.literal(ClaimState.MINTED.value))
    c = r.claimed.semi_join(repeated, same)
    c = c.anti_join(nested, same)
    return found(c, text(c["source"], " ", c["state"], " in serial space ", c["space"]), claim=c["id"])


RULE = Rule(
    name="claim-repeated",
    severity=Severity.BREAK,
    title="Another bridge claims the same serials twice",
    waiting="",
    advice="Do not accept credits of that bridge until it explains; tell the registry",
    find=find,
)
