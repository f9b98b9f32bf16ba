"""Units of a class or serials of a space that was never registered, or that belong to different registries."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import MINT
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    return _on_chain(r).union(_stated(r))


def _on_chain(r: Relations) -> ir.Table:
    classes = r.classes.select("deployment", "class_id", of_class="registry", class_made="event")
    spaces = r.spaces.select("deployment", "space", "batch", of_space="registry", space_made="event")
    m = r.moves.filter(r.moves["what"] == MINT)
    m = m.left_join(classes, ["deployment", "class_id"]).drop("deployment_right", "class_id_right")
    m = m.left_join(spaces, ["deployment", "space"]).drop("deployment_right", "space_right")
    # A batch admits the class of its first mint only.
    first_in = m["class_id"].first(order_by=m["id"]).over(ibis.window(group_by=["deployment", "space"]))
    m = m.mutate(foreign=(m["batch"] & (m["class_id"] != first_in)).fill_null(False))
    early = (m["class_made"] > m["event"]) | (m["space_made"] > m["event"])
    strange = (m["of_class"] != m["of_space"]).fill_null(True) | early.fill_null(True) | m["foreign"]
    bad = m.filter(strange)
    return found(
        bad,
        text("lock ", bad["key"], " on ", bad["deployment"]),
        class_id=bad["class_id"],
        event=bad["event"],
        figures=text(
            "class of ",
            bad["of_class"].fill_null("no registry"),
            ", space of ",
            bad["of_space"].fill_null("no registry"),
        ),
    )


def _stated(r: Relations) -> ir.Table:
    """A registry's rows in a class or space that some chain has registered for another registry."""
    classes = r.classes.select(row_class="class_id", of_class="registry").distinct()
    spaces = r.spaces.select("space", of_space="registry").distinct()
    rows = r.rows.filter(r.rows["current"])
    rows = rows.left_join(classes, "row_class").left_join(spaces, "space").drop("space_right")
    wrong = (rows["of_class"] != rows["registry"]) | (rows["of_space"] != rows["registry"])
    bad = rows.filter(wrong.fill_null(False))
    return found(
        bad,
        text("statement of ", bad["registry"], ", class ", bad["row_class"]),
        class_id=bad["row_class"],
        row=bad["id"],
    )


RULE = Rule(
    name="unknown-class-or-space",
    severity=Severity.BREAK,
    title="Class or serial space is unknown, or of another registry",
    waiting="",
    advice="Stop the operator who registered it, and compare the space's key with the registry's own spelling",
    find=find,
)
