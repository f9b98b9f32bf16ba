"""What is said of classes: unknown until somebody says it, never forgotten, and signed as it is published."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bridge.domain.attestations import Pin
from bridge.domain.attributes import NAMES, UNKNOWN, Attributes, Corsia, Phase, Source, described
from bridge.domain.credit_class import CreditClass
from bridge.domain.metadata import changes, file_name, sealed
from bridge.domain.values import hex32
from bridge.errors import RegistryRefused, UsageError
from bridge.registry.wire import canonical

from .fakes import BALE, BIOLITE, HERE, World

DAY = 86_400


def source(day: int, who: str = "a letter") -> Source:
    return Source(source=who, stated_on=date(1970, 1, day))


@pytest.fixture
def later(world: World) -> World:
    """The fourth of January, 1970."""
    world.now = 3 * DAY
    world.chain.now = 3 * DAY
    return world


def test_what_nobody_said_is_unknown(world: World) -> None:
    one = world.ledger.described(BALE.id)
    assert one is not None
    assert one.attributes == Attributes()
    assert set(json.loads(one.attributes.model_dump_json())["article6"].values()) == {UNKNOWN}
    assert one.sources == {}
    assert not one.attributes.corsia.admits(Phase.FIRST, 2020)


def test_nothing_is_said_of_a_class_that_is_not_here(world: World) -> None:
    with pytest.raises(RegistryRefused, match="no class"):
        world.ledger.describe(hex32(9), Attributes(host_country="UG"), source(1))
    assert world.ledger.described(hex32(9)) is None
    assert world.registry.metadata(hex32(9)) is None


def test_saying_nothing_or_on_no_day_or_a_day_to_come_is_refused(later: World) -> None:
    for said, of in (
        (Attributes(), source(1)),
        (Attributes(host_country="UG"), Source(source="a letter")),
        (Attributes(host_country="UG"), source(5)),
    ):
        with pytest.raises(UsageError):
            later.ledger.describe(BALE.id, said, of)
    assert later.ledger.said_of(BALE.id) == ()


WRONG: list[dict[str, Any]] = [
    {"host_country": "ug"},
    {"host_country": "XX"},
    {"host_country": "Uganda"},
    {"host_country": ""},
    {"methodology": ""},
    {"methodology": "VM\n0007"},
    {"article6": {"authorised_for": "ndc"}},
    {"article6": {"authorised_for": "ndc", "by": "UG"}},
    {"article6": {"by": "UG", "reference": "letter 7"}},
    {"article6": {"authorised_for": "yes", "by": "UG", "reference": "letter 7"}},
    {"adjustment": {"declaration": "Maybe"}},
    {"corsia": {"eligible": "yes"}},
    {"corsia": {"eligible": "yes", "phases": ["first"]}},
    {"corsia": {"eligible": "no", "phases": ["first"], "first_vintage": 2021, "last_vintage": 2022}},
    {"corsia": {"eligible": "yes", "phases": ["first"], "first_vintage": 2022, "last_vintage": 2021}},
    {"corsia": {"eligible": "yes", "phases": ["third"], "first_vintage": 2021, "last_vintage": 2022}},
    {"colour": "green"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_cannot_be_is_not_said(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Attributes.model_validate(wrong)


def test_eligible_credits_are_so_in_their_phase_and_vintages_alone() -> None:
    eligible = Corsia(eligible="yes", phases=(Phase.FIRST,), first_vintage=2021, last_vintage=2026)
    tried = [(phase, year) for phase in Phase for year in (2020, 2021, 2026, 2027) if eligible.admits(phase, year)]
    assert tried == [(Phase.FIRST, 2021), (Phase.FIRST, 2026)]


def test_the_later_day_counts_then_what_was_recorded_later_and_nothing_is_forgotten(later: World) -> None:
    ledger = later.ledger
    for country, day in (("UG", 2), ("KE", 1), ("RW", 2), ("RW", 2), ("UG", 2)):
        ledger.describe(BALE.id, Attributes(host_country=country), source(day))
    one = ledger.described(BALE.id)
    assert one is not None
    assert one.attributes.host_country == "UG"
    assert [s.value for s in ledger.said_of(BALE.id)] == ["UG", "KE", "RW", "UG"], "the same again is said once"
    assert ledger.describe(BALE.id, Attributes(host_country="UG"), source(2)) == ()


def test_unknown_takes_a_statement_back(later: World) -> None:
    granted = {"authorised_for": "ndc", "by": "ET", "reference": "letter 7"}
    later.ledger.describe(BALE.id, Attributes.model_validate({"article6": granted}), source(1))
    later.ledger.describe(BALE.id, Attributes.model_validate({"article6": {}}), source(2, "its withdrawal"))
    one = later.ledger.described(BALE.id)
    assert one is not None
    assert one.attributes.article6.authorised_for == UNKNOWN
    assert one.sources["article6"].source == "its withdrawal"


def test_each_attribute_keeps_its_own_source(later: World) -> None:
    later.ledger.describe(BALE.id, Attributes(host_country="ET", category="森林"), source(1, "one"))
    later.ledger.describe(BALE.id, Attributes(category="省エネルギー"), source(2, "two"))
    one = later.ledger.described(BALE.id)
    assert one is not None
    assert {name: of.source for name, of in one.sources.items()} == {"host_country": "one", "category": "two"}
    other = later.ledger.described(BIOLITE.id)
    assert other is not None
    assert other.attributes == Attributes()


@pytest.mark.parametrize("change", ["UPDATE class_attributes SET value = '\"KE\"'", "DELETE FROM class_attributes"])
def test_what_was_said_is_not_unsaid(later: World, change: str) -> None:
    later.ledger.describe(BALE.id, Attributes(host_country="UG"), source(1))
    with pytest.raises(IntegrityError), later.engine.begin() as connection:
        connection.execute(text(change))


@pytest.mark.parametrize(
    ("spelt", "country"),
    [("UG", "UG"), ("Uganda", "UG"), (" viet nam ", "VN"), ("Congo, Democratic", UNKNOWN), ("", UNKNOWN)],
)
def test_the_projects_country_stands_in_where_it_is_one(spelt: str, country: str) -> None:
    of = {"registry": "GS", "project": "1", "vintage": 2024, "credit_type": "VER", "kg_per_unit": 1000}
    one = described(CreditClass(**of, country=spelt, methodology=" TPDDTEC  v1 "), {})
    assert (one.attributes.host_country, one.attributes.methodology) == (country, "TPDDTEC v1")
    assert ("host_country" in one.sources) == (country != UNKNOWN)


# -------------------------------------------------------------------- metadata


def body_of(world: World) -> str:
    found = world.registry.metadata(BALE.id)
    assert found is not None
    return found.body


def test_metadata_says_all_that_a_buyer_asks_in_canonical_json(later: World) -> None:
    later.ledger.describe(BALE.id, Attributes(host_country="ET"), source(1))
    document = json.loads(body_of(later))
    assert canonical(document).decode() == body_of(later)
    assert {"name", "description", "decimals", "image", "properties"} == set(document)
    assert document["decimals"] == 0
    identity = {"registry": "VERRA", "project": "1340", "vintage": 2020, "credit_type": "VCU", "kg_per_unit": 1000}
    assert identity.items() <= document["properties"].items()
    assert set(NAMES) <= set(document["properties"])
    assert document["properties"]["host_country"] == {"value": "ET", "source": "a letter", "stated_on": "1970-01-01"}
    assert document["properties"]["methodology"] == {"value": UNKNOWN, "source": UNKNOWN, "stated_on": UNKNOWN}
    assert file_name(BALE.id) == BALE.id[2:] + ".json"


def test_a_pin_is_a_quorums_and_made_anew_only_when_something_changed(later: World) -> None:
    first = later.registry.pin_metadata(BALE.id, HERE)
    assert first is not None
    assert first.items[0] == Pin(class_id=BALE.id, number=1, sha256=sealed(body_of(later)), as_of=3 * DAY)
    assert len(first.signers) == 2
    assert later.registry.pin_metadata(BALE.id, HERE) is None
    before = body_of(later)
    later.ledger.describe(BALE.id, Attributes(host_country="ET"), source(1))
    assert changes(before, body_of(later)) == (
        "host_country: unknown → ET",
        "host_country.source: unknown → a letter",
        "host_country.stated_on: unknown → 1970-01-01",
    )
    second = later.registry.pin_metadata(BALE.id, HERE)
    assert second is not None
    found = later.registry.metadata(BALE.id)
    assert found is not None
    assert [one.signed for one in found.pins] == [first, second]
    assert [sealed(one.body) for one in found.pins] == [first.items[0].sha256, second.items[0].sha256]


def test_an_attester_signs_only_what_his_ledger_says_and_no_later_moment(later: World) -> None:
    attester = later.registry.attesters()["VERRA"].attesters[0]
    true = Pin(class_id=BALE.id, number=1, sha256=sealed(body_of(later)), as_of=3 * DAY)
    attester.sign_pin(later.ledger, HERE, true)
    for false in (
        {"sha256": hex32(7)},
        {"class_id": BIOLITE.id},
        {"class_id": hex32(9)},
        {"number": 2},
        {"as_of": 3 * DAY + 1},
    ):
        with pytest.raises(RegistryRefused):
            attester.sign_pin(later.ledger, HERE, true.model_copy(update=false))


def test_a_kept_pin_is_never_changed(later: World) -> None:
    later.registry.pin_metadata(BALE.id, HERE)
    for change in ("UPDATE class_metadata SET body = '{}'", "DELETE FROM class_metadata"):
        with pytest.raises(IntegrityError), later.engine.begin() as connection:
            connection.execute(text(change))
