"""What circulated of each class, day by day."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import whole

_DAY = 86_400
_CLASS = ["deployment", "class_id"]


def supply_by_day(r: Relations) -> ir.Table:
    """The columns of `findings.SupplyPoint`: supply at the end of each day (UTC) on which any was issued or burned."""
    t = r.supply.mutate(day=(r.supply["time"] // _DAY * _DAY).cast("int64"))
    daily = t.group_by([*_CLASS, "day"]).agg(change=(whole(t["issued"]) - whole(t["burned"])).sum())
    so_far = ibis.window(group_by=_CLASS, order_by="day", following=0)
    summed = daily.select(*_CLASS, "day", supply=whole(daily["change"].sum().over(so_far)))
    return r.plan.keep(summed.order_by([*_CLASS, "day"]))
