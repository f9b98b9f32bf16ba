"""Another bridge claims to have retired serials that it never claimed to have minted."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import ClaimState, Limits
from bridge.reconcile.relations import STRETCH, Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    minted = r.claimed.filter(r.claimed["state"] == ClaimState.MINTED.value)
    ended = r.claimed.filter(r.claimed["state"] != ClaimState.MINTED.value)
    bare = ended.anti_join(minted, [*STRETCH, "source"])
    return found(bare, text(bare["source"], " ", bare["state"], " ", bare["claim_id"]), claim=bare["id"])


RULE = Rule(
    name="claim-unminted",
    severity=Severity.WARNING,
    title="Another bridge retired serials outside its minted blocks",
    waiting="",
    advice="Ask that bridge which of its blocks the retirement was taken from",
    find=find,
)
