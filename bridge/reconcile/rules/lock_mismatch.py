"""The registry holds serials under one lock, and the chain minted them under another or not at all."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import MINT
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text

_FOR_US = ["locked", "reserved", "retired", "reversed"]


def find(r: Relations, _: Limits) -> ir.Table:
    return _beyond_the_mint(r).union(_under_another_lock(r)).union(_signed_otherwise(r))


def _beyond_the_mint(r: Relations) -> ir.Table:
    """Rows of a lock that was minted, over serials it did not mint: a lock's range never changes."""
    mints = r.moves.filter(r.moves["what"] == MINT)
    used = mints.group_by(["deployment", "key"]).agg(used_by=mints["event"].min())
    o = r.owed.filter(r.owed["state"].isin(_FOR_US) & (r.owed["row_lock"] != r.owed["lock_id"]))
    o = o.join(used, (o["deployment"] == used["deployment"]) & (o["row_lock"] == used["key"]))
    # Minted anew under a later lock since the statement, they were the earlier lock's when it was made.
    o = o.filter(~(o["mint_time"] > o["as_of"]).fill_null(False))
    return found(
        o,
        text("lock ", o["row_lock"], " on ", o["deployment"]),
        class_id=o["row_class"],
        event=o["used_by"],
        row=o["row"],
    )


def _under_another_lock(r: Relations) -> ir.Table:
    mints = r.moves.filter(r.moves["what"] == MINT)
    used = mints.select("deployment", row_lock="key").distinct()
    b = r.backing.filter((r.backing["live"] | r.backing["circulated"]) & (r.backing["row_lock"] != ""))
    b = b.filter(b["state"].isin(["locked", "reserved"]) & (b["row_deployment"] == b["deployment"]))
    b = b.filter(b["row_lock"] != b["lock_id"]).anti_join(used, ["deployment", "row_lock"])
    return found(
        b,
        text("lock ", b["row_lock"], " on ", b["deployment"]),
        class_id=b["class_id"],
        event=b["mint_event"],
        row=b["row"],
        in_flight=~b["circulated"] | ~b["caught_up"],
    )


def _signed_otherwise(r: Relations) -> ir.Table:
    """A mint that is not what the attesters signed under that lock id."""
    mints = r.every_mint.select(
        "deployment",
        "event",
        lock_id="key",
        **{f"minted_{name}": name for name in _SIGNED},
    )
    both = r.locks.join(mints, ["deployment", "lock_id"])
    same = both["first"] == both["minted_first"]
    for name in _SIGNED:
        same = same & (both[name] == both[f"minted_{name}"])
    other = both.filter(~same).select(
        "deployment",
        "lock_id",
        "class_id",
        "event",
        "id",
        space="minted_space",
        first="minted_first",
        last="minted_last",
    )
    subject = text("lock ", other["lock_id"], " on ", other["deployment"])
    return found(other, subject, class_id=other["class_id"], event=other["event"], lock=other["id"])


_SIGNED = ("class_id", "space", "first", "last", "recipient")

RULE = Rule(
    name="lock-mismatch",
    severity=Severity.BREAK,
    title="What was minted is not what the registry locked",
    waiting="Locked anew between statement and block; the next statement decides",
    advice="Pause minting of the class and compare the attested lock with the registry's row and the mint",
    find=find,
)
