"""Law L4: one lock of one registry minted more than once, in whichever contract."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import MINT
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    mints = r.moves.filter(r.moves["what"] == MINT)
    known = r.classes.group_by(["deployment", "class_id"]).agg(registry=r.classes["registry"].min())
    m = mints.left_join(known, ["deployment", "class_id"])
    m = m.mutate(registry=m["registry"].fill_null(""))
    m = m.mutate(times=m["id"].count().over(ibis.window(group_by=["registry", "key"])))
    twice = m.filter(m["times"] > 1)
    subject = text("lock ", twice["key"], " of ", twice["registry"])
    return found(twice, subject, class_id=twice["class_id"], event=twice["event"])


RULE = Rule(
    name="lock-reused",
    severity=Severity.BREAK,
    title="One lock was minted more than once",
    waiting="",
    advice="Pause minting and ask the registry for which deployment it made the lock",
    find=find,
    trips=True,
)
