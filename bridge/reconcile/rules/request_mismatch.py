"""The registry set aside, retired or signed for other serials than those that were settled."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import REDEEM, RETIRE
from bridge.reconcile.evidence import Limits
from bridge.reconcile.intervals import pieces
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text

_KEYS = ["scope", "space", "first", "last"]


def find(r: Relations, limits: Limits) -> ir.Table:
    return _reserved_for_another(r).union(_reserved_but_idle(r), _reserved_for_nobody(r), _receipts(r, limits))


def _reserved_for_another(r: Relations) -> ir.Table:
    """Ended by one request while set aside for another; or retired although the holder asked for a hand-over."""
    o = r.owed.filter(~r.owed["live"] & (r.owed["request_id"] != "") & (r.owed["row_request"] != ""))
    other = (o["state"] == "reserved") & (o["row_request"] != o["request_id"])
    wrong_act = (o["state"] == "retired") & (o["row_request"] == o["request_id"]) & (o["end_what"] == REDEEM)
    # After a redemption the serials may have been locked, minted and asked for anew, later than the block.
    new_life = (o["end_what"] == REDEEM) & (o["row_lock"] != o["lock_id"]) & ~wrong_act
    o = o.mutate(open=((o["end_time"] > o["as_of"]) | (new_life & ~o["caught_up"])) & ~wrong_act).filter(
        other | wrong_act
    )
    return found(
        o,
        text("request ", o["row_request"]),
        class_id=o["row_class"],
        event=o["end_event"],
        row=o["row"],
        in_flight=o["open"],
    )


def _reserved_but_idle(r: Relations) -> ir.Table:
    o = r.owed.filter((r.owed["state"] == "reserved") & r.owed["mint_event"].isnull() & r.owed["end_event"].isnull())
    subject = text("request ", o["row_request"])
    return found(o, subject, class_id=o["row_class"], row=o["row"], in_flight=~o["caught_up"])


def _reserved_for_nobody(r: Relations) -> ir.Table:
    """Live, and set aside for a request that chain has not opened: a registry reserves only for what it has seen."""
    o = r.owed.filter((r.owed["state"] == "reserved") & r.owed["live"])
    o = o.anti_join(r.requests.select("deployment", row_request="request_id"), ["deployment", "row_request"])
    subject = text("request ", o["row_request"])
    return found(o, subject, class_id=o["row_class"], event=o["mint_event"], row=o["row"], in_flight=~o["caught_up"])


def _receipts(r: Relations, limits: Limits) -> ir.Table:
    """Serials that a receipt names and no settlement of that request, or the other way round."""
    cut = pieces(r.plan, _signed(r).union(_settled(r)))
    signed = cut.filter(cut["id"] % 2 == 0).mutate(id=cut["id"] // 2)
    settled = cut.filter(cut["id"] % 2 == 1).mutate(id=cut["id"] // 2)
    signed = signed.join(r.receipts.select("id", "receipt", "deployment", "executed_at"), "id")
    settled = settled.join(r.moves.select("id", "deployment", "event", "class_id", "time"), "id")
    only_signed = signed.anti_join(settled, _KEYS).join(r.chains, "deployment")
    # Read later than the receipt was signed, the chain would show its settlement.
    behind = only_signed["block_time"] + limits.finality_seconds < only_signed["executed_at"]
    over = found(only_signed, text("request ", only_signed["scope"]), receipt=only_signed["receipt"], in_flight=behind)
    only_settled = settled.anti_join(signed, _KEYS).join(
        signed.group_by("scope").agg(executed_at=signed["executed_at"].max(), receipt=signed["receipt"].max()), "scope"
    )
    under = found(
        only_settled,
        text("request ", only_settled["scope"]),
        class_id=only_settled["class_id"],
        event=only_settled["event"],
        receipt=only_settled["receipt"],
        in_flight=only_settled["time"] > only_settled["executed_at"],
    )
    return over.union(under)


def _signed(r: Relations) -> ir.Table:
    return r.receipts.select("space", "first", "last", scope="request_id", id=r.receipts["id"] * 2)


def _settled(r: Relations) -> ir.Table:
    receipted = r.receipts.select(key="request_id").distinct()
    m = r.moves.filter(r.moves["what"].isin([RETIRE, REDEEM])).semi_join(receipted, "key")
    return m.select("space", "first", "last", scope="key", id=m["id"] * 2 + 1)


RULE = Rule(
    name="request-mismatch",
    severity=Severity.BREAK,
    title="The registry acted on other serials than those settled",
    waiting="Asked or settled between statement and block; the next statement decides",
    advice="Compare the outcome the attesters signed, the settlement and the receipt, serial by serial",
    find=find,
)
