"""Supply by day, from what was issued and burned."""

from __future__ import annotations

from bridge.domain.lifecycle import Kind
from bridge.reconcile.evidence import Evidence
from bridge.reconcile.reconcile import reconcile
from tests.reconcile.story import DAY, FOREST, HERE, SOLAR, START, THERE, House, serials


def test_without_a_chain_there_is_no_series() -> None:
    assert reconcile(Evidence()).supply_by_day == ()


def test_each_day_with_a_change_has_what_circulates_at_its_end() -> None:
    house = House(HERE, THERE)
    for r in (serials(1, 100), serials(101, 200)):
        house.issue(r)
    house.issue(serials(201, 300), SOLAR)
    house.deposit(serials(1, 60))
    house.deposit(serials(101, 110))
    house.wait(3 * DAY)
    house.exit(Kind.RETIREMENT, serials(1, 25))
    house.deposit(serials(201, 207))
    house.deposit(serials(111, 130), THERE)
    points = reconcile(house.evidence()).supply_by_day
    first, second = START // DAY * DAY, (START + 3 * DAY) // DAY * DAY
    told = {(p.deployment, p.class_id, p.day, p.supply) for p in points}
    assert told == {
        (str(HERE), FOREST.id, first, 70),
        (str(HERE), FOREST.id, second, 45),
        (str(HERE), SOLAR.id, second, 7),
        (str(THERE), FOREST.id, second, 20),
    }


def test_the_last_point_is_the_supply_of_the_totals() -> None:
    house = House(HERE)
    house.issue(serials(1, 100))
    house.deposit(serials(1, 60))
    house.wait(DAY)
    house.ask(Kind.REDEMPTION, 11)
    found = reconcile(house.evidence())
    assert found.supply_by_day[-1].supply == found.totals[0].supply == 49
