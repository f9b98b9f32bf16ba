"""Evidence beside events and statements as flat rows: what contracts' views say, re-issues, and the comparison's own
moments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from bridge.domain.serials import SerialRange
from bridge.reconcile.evidence import Evidence, Reissue

_TEXT, _WHOLE, _TIME, _PLACE = pa.string(), pa.uint64(), pa.int64(), pa.int64()
_RANGE = {"space": _TEXT, "first": _WHOLE, "last": _WHOLE}

OTHER_SCHEMAS: Mapping[str, Mapping[str, pa.DataType]] = {
    # One row: when the comparison is made, and when the one before was.
    "runs": {"moment": _TIME, "seen_before": _TIME},
    "snapshots": {
        **{"deployment": _TEXT, "class_id": _TEXT, "supply": _WHOLE, "pending": _WHOLE, "shortfall": _WHOLE},
        **{"live": _WHOLE},
    },
    # The spaces whose ledger was read, and all live ranges found there.
    "ledger_spaces": {"deployment": _TEXT, "space": _TEXT},
    "ledger": {"id": _PLACE, "deployment": _TEXT, "class_id": _TEXT, **_RANGE},
    "reissues": {
        **{"id": _PLACE, "source": _TEXT, **_RANGE},
        **{"to_space": _TEXT, "to_first": _WHOLE, "to_last": _WHOLE},
    },
}


def add_others(rows: dict[str, list[tuple[Any, ...]]], evidence: Evidence) -> None:
    rows["runs"] = [(evidence.moment, evidence.seen_before)]
    rows["snapshots"] = [
        (str(one.deployment), one.class_id, one.supply, one.pending, one.shortfall, one.live)
        for one in evidence.snapshots
    ]
    rows["ledger_spaces"] = [(str(one.deployment), one.space) for one in evidence.ledgers]
    live = [(str(one.deployment), class_id, r) for one in evidence.ledgers for class_id, r in one.live]
    rows["ledger"] = [(index, *head, *_span(r)) for index, (*head, r) in enumerate(live)]
    rows["reissues"] = [_reissue(index, one) for index, one in enumerate(evidence.reissues)]


def _reissue(index: int, one: Reissue) -> tuple[Any, ...]:
    return (index, one.source, *_span(one.origin), *_span(one.becomes))


def _span(r: SerialRange) -> tuple[Any, ...]:
    return (r.space, r.first, r.last)
