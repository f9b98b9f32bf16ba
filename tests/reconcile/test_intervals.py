"""Pieces are what cutting every range at every end gives, and nothing is ever opened serial by serial."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.reconcile.intervals import crowded, pieces
from bridge.reconcile.plan import Machine, Plan, sql

SCHEMA = {"scope": pa.string(), "space": pa.string(), "first": pa.uint64(), "last": pa.uint64(), "id": pa.int64()}

Range = tuple[str, int, int]

ranges = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 30), st.integers(0, 12)).map(
        lambda t: (t[0], t[1], t[1] + t[2])
    ),
    max_size=12,
)


def table(rows: list[Range]) -> pa.Table:
    columns = {name: [row[n] for row in rows] for n, name in enumerate(("space", "first", "last"))}
    columns |= {"scope": ["here"] * len(rows), "id": list(range(len(rows)))}
    return pa.table({name: pa.array(columns[name], kind) for name, kind in SCHEMA.items()})


def cut(rows: list[Range]) -> list[dict[str, int]]:
    plan = Plan()
    result = pieces(plan, plan.given("ranges", SCHEMA))
    machine = Machine({"ranges": [table(rows)]}, plan)
    try:
        return machine.rows(sql(result))
    finally:
        machine.close()


@settings(max_examples=40, deadline=None)
@given(ranges)
def test_pieces_cover_their_ranges_and_are_equal_or_disjoint(rows: list[Range]) -> None:
    found = cut(rows)
    for number, (space, first, last) in enumerate(rows):
        mine = sorted((p["first"], p["last"]) for p in found if p["id"] == number)
        assert [n for start, end in mine for n in range(start, end + 1)] == list(range(first, last + 1))
        assert {p["space"] for p in found if p["id"] == number} == {space}
    stretches = sorted({(p["space"], p["first"], p["last"]) for p in found})
    for left, right in pairwise(stretches):
        assert left[0] != right[0] or left[2] < right[1]


@settings(max_examples=40, deadline=None)
@given(ranges)
def test_crowded_are_those_that_share_a_serial(rows: list[Range]) -> None:
    plan = Plan()
    query = sql(crowded(plan.given("ranges", SCHEMA)))
    machine = Machine({"ranges": [table(rows)]}, plan)
    found = {row["id"] for row in machine.rows(query)}
    machine.close()
    assert found == {
        n
        for n, (space, first, last) in enumerate(rows)
        for m, other in enumerate(rows)
        if n != m and other[0] == space and other[1] <= last and first <= other[2]
    }


def test_a_range_as_long_as_the_numbers_go_is_one_piece() -> None:
    top = 2**64 - 2
    assert [(p["first"], p["last"]) for p in cut([("a", 1, top)])] == [(1, top)]
