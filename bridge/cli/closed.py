"""Classes that nobody can move: short of serials that their registry took back, or quarantined by a guardian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract


def closed_classes(contract: BridgeContract) -> list[dict[str, Any]]:
    """Short ones, then quarantined ones, each with what to do next."""
    from bridge.cli.naming import classes_on
    from bridge.cli.screen import amount, moment

    head = contract.connection.head()
    found = []
    for c in classes_on(contract).values():
        state = contract.class_state(c.id, head.number)
        if state is None or not (state.shortfall or state.quarantined_until > head.timestamp):
            continue
        until = state.quarantined_until if state.quarantined_until > head.timestamp else 0
        if state.shortfall:
            lacks = amount(state.shortfall, c.kg_per_unit)
            next_ = f"cover for {lacks}: carbonbridge holder cover list"
        else:
            next_ = f"wait until {moment(until)}, or ask compliance"
        found.append(
            {
                "what": "class",
                "id": c.id,
                "class": c.id,
                "label": c.label,
                "registry": c.registry,
                "units": state.shortfall,
                "kg_per_unit": c.kg_per_unit,
                "state": "short" if state.shortfall else "quarantined",
                "quarantined_until": until,
                "ended": False,
                "waits_for": next_,
            }
        )
    return sorted(found, key=lambda row: (row["state"] != "short", row["label"]))


def draw_closed(rows: list[dict[str, Any]]) -> None:
    from bridge.cli.screen import say, table

    say("", "closed: units of these classes can neither be moved nor asked for")
    drawn = [(row["label"], row["state"], f"{row['units']:,}", row["waits_for"]) for row in rows]
    table(["class", "state", "missing>", "next"], drawn)
