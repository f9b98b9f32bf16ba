"""No quorum of the registry's attesters, as a contract that was read has them, signed the statement for that contract;
only a warning when no such contract knows the registry."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    for_us = r.endorsements.semi_join(r.chains, "deployment")
    vouched = for_us.filter(for_us["attesters"] >= for_us["threshold"])
    s = r.statements.filter(r.statements["current"]).anti_join(vouched, "statement")
    best = for_us.group_by("statement").agg(
        attesters=for_us["attesters"].max(), threshold=for_us["threshold"].min(), for_us=for_us["deployment"].min()
    )
    s = s.left_join(best, "statement").drop("statement_right")
    s = s.left_join(r.classes.select("registry", known=True).distinct(), "registry").drop("registry_right")
    counted = text(s["attesters"], " of ", s["threshold"], " attesters signed under ", s["for_us"])
    return found(
        s,
        text("statement of ", s["registry"]),
        statement=s["statement"],
        figures=counted.fill_null("no signature was checked"),
        mild=s["known"].isnull(),
    )


RULE = Rule(
    name="statement-unsigned",
    severity=Severity.BREAK,
    title="The registry's attesters do not stand behind its statement",
    waiting="",
    advice="Rely on nothing in it: ask each attester what he signed, for which deployment, and for a fresh statement",
    find=find,
)
