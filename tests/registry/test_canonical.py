"""The canonical statement's own promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.domain.serials import SerialSpace, SpaceKind
from bridge.registry.statements import canonical
from bridge.registry.statements.canonical import COLUMNS, CanonicalRow

SPACE = SerialSpace(registry="GS", kind=SpaceKind.BATCH, key="30307")
ROW: dict[str, Any] = {
    "registry": "GS",
    "space": "30307",
    "space_kind": "batch",
    "space_id": SPACE.id,
    "first": 1,
    "last": 19149,
    "units": 19149,
    "kg": 19149000,
    "kg_per_unit": 1000,
    "project": "11236",
    "vintage": 2024,
    "credit_type": "VER",
    "state": "held",
    "form": "GS1-1-UG-GS11236-16-2024-30307-{first}-{last}",
    "line": 2,
}


def test_the_model_and_the_table_have_the_same_columns_in_the_same_order() -> None:
    assert list(CanonicalRow.model_fields) == list(COLUMNS)


def test_a_row_knows_its_space_its_range_and_its_registrys_spelling() -> None:
    row = CanonicalRow(**ROW)
    assert row.serial_space == SPACE
    assert row.range is not None
    assert (row.range.space, row.range.units) == (SPACE.id, 19149)
    assert row.serial == "GS1-1-UG-GS11236-16-2024-30307-1-19149"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"units": 19148, "kg": 19148000}, "are not the serials"),
        ({"kg": 19149}, "are not 19149 units"),
        ({"last": None}, "one end"),
        ({"first": 0, "units": 19150, "kg": 19150000}, "greater than or equal to 1"),
        ({"kg_per_unit": 2**62, "kg": 19149 * 2**62}, "less than or equal"),
    ],
)
def test_a_row_that_contradicts_itself_is_none(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        CanonicalRow(**ROW | change)


def test_a_row_without_serials_has_no_range_and_one_without_vintage_no_class() -> None:
    row = CanonicalRow(**ROW | {"first": None, "last": None, "vintage": None})
    assert row.range is None
    assert row.credit_class is None


def test_the_readme_documents_every_column() -> None:
    readme = (Path(canonical.__file__).parents[1] / "README.md").read_text()
    told = readme.partition("<!-- columns: begin -->\n")[2].partition("<!-- columns: end -->")[0]
    rows = [f"| `{name}` | {column.type} | {column.meaning} |" for name, column in COLUMNS.items()]
    assert told.splitlines() == ["| column | type | meaning |", "|---|---|---|", *rows]
