"""The same serials behind two tokens: two deployments, or a deployment and another bridge, or two other bridges."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import RETIRE
from bridge.reconcile.evidence import ClaimState, Limits
from bridge.reconcile.relations import STRETCH, Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    claimants = _ours(r).union(_others(r))
    # First only where there is more than one, since hardly any stretch is contested.
    crowded = claimants.group_by(STRETCH).having(claimants["claimant"].nunique() > 1).agg(rows=claimants.count())
    contesting = claimants.semi_join(crowded, STRETCH)
    both = contesting.join(_contests(contesting), STRETCH)
    return found(
        both,
        text("serial space ", both["space"], " by ", both["names"]),
        class_id=both["class_id"],
        event=both["event"],
        claim=both["claim"],
        in_flight=both["explained"],
    )


def _contests(claimants: ir.Table) -> ir.Table:
    """Per stretch who contests it, and whether time explains it: read later than the other, a deployment may rightly
    hold what the other has handed over since."""
    # What all of them show as retired is one retirement used twice, which is another rule's.
    ended = claimants.group_by([*STRETCH, "claimant"]).agg(ended=claimants["ended"].any())
    out = ended.group_by(STRETCH).agg(all_ended=ended["ended"].all()).filter(lambda t: ~t["all_ended"])
    sides = claimants.select(*STRETCH, "claimant", "ours", "minted_at", "block_time").distinct()
    sides = sides.semi_join(out, STRETCH)
    return sides.group_by(STRETCH).agg(
        # Collected and sorted, since not every engine puts texts together in an order.
        names=sides["claimant"].collect().sort().join(" + "),
        explained=(sides["ours"].all() & (sides["minted_at"].max() > sides["block_time"].min())).fill_null(False),
    )


def _ours(r: Relations) -> ir.Table:
    c = r.on_chain.filter(r.on_chain["live"] | (r.on_chain["end_what"] == RETIRE))
    return c.select(
        *STRETCH,
        "last",
        claimant="deployment",
        class_id="class_id",
        event="mint_event",
        claim=ibis.null("int64"),
        ours="live",
        ended=~c["live"],
        minted_at="mint_time",
        block_time="block_time",
    )


def _others(r: Relations) -> ir.Table:
    return r.claimed.select(
        *STRETCH,
        "last",
        claimant="source",
        class_id=ibis.null("string"),
        event=ibis.null("int64"),
        claim="id",
        ours=ibis.literal(False),
        ended=r.claimed["state"] == ClaimState.RETIRED.value,
        minted_at=ibis.null("int64"),
        block_time=ibis.null("int64"),
    )


RULE = Rule(
    name="overlapping-tokenization",
    severity=Severity.BREAK,
    title="The same serials are tokenized in two places",
    waiting="Handed over by one deployment and minted by another since the first was read",
    advice="Pause minting of the class, ask the registry which side holds the lock, and have the other side explain",
    find=find,
)
