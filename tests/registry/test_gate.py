"""Nothing is locked that could not be minted or that the rules do not let through: refused with every reason, and all
serials stay where they were."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.domain.attributes import Attributes, Source
from bridge.domain.credit_class import Verdict
from bridge.domain.values import hex32
from bridge.errors import BridgeError, RegistryRefused, Unreachable
from bridge.registry.embedded import LedgerRegistry
from bridge.registry.port import Instruction, LockOrder
from bridge.registry.rules import GateRules

from .fakes import BALE, ELSEWHERE, HERE, RECIPIENT, TONGXU, World, one_lock, serials

LETTER = Source(source="a letter", stated_on=date(1970, 1, 1))


def ruled(world: World, **rules: Any) -> LedgerRegistry:
    """The world's registry under rules for VERRA."""
    gate = {"VERRA": GateRules.model_validate(rules)}
    return LedgerRegistry(world.ledger, {HERE: world.witness}, world.registry.attesters(), rules=gate)


def say(world: World, **attributes: Any) -> None:
    world.ledger.describe(BALE.id, Attributes.model_validate(attributes), LETTER)


def refusal(registry: LedgerRegistry, world: World) -> str:
    """What a lock is refused for; nothing has moved, and the order waits as it did."""
    before = world.states()
    world.instruct(1, 101, 200)
    (answer,) = registry.lock([LockOrder(hex32(1), hex32(1))])
    assert isinstance(answer, RegistryRefused)
    assert world.states() == before
    assert [one.instruction_id for one in world.ledger.waiting(HERE)] == [hex32(1)]
    assert world.ledger.known_locks([hex32(1)]) == {}
    assert "Nothing was locked" in str(answer)
    return str(answer)


def test_a_project_that_is_barred_on_chain_is_not_locked(world: World) -> None:
    world.chain.verdicts["1340"] = Verdict.BARRED
    assert "its project is barred on chain" in refusal(world.registry, world)


def test_a_methodology_that_the_admin_named_and_barred_is_not_locked(world: World) -> None:
    world.chain.methodologies["1340"] = "VM0007"
    world.chain.verdicts["VM0007"] = Verdict.BARRED
    assert "its methodology VM0007 is barred on chain" in refusal(world.registry, world)


def test_a_methodology_that_is_barred_counts_though_the_admin_named_none_for_the_project(world: World) -> None:
    say(world, methodology="VM0007")
    world.chain.verdicts["VM0007"] = Verdict.BARRED
    assert "methodology VM0007 is barred on chain" in refusal(world.registry, world)


def test_where_terms_ask_for_admission_both_must_be_admitted(world: World) -> None:
    world.chain.admission_required = True
    words = refusal(world.registry, world)
    assert "its project is not admitted" in words
    assert "its methodology is not admitted" in words
    world.chain.verdicts |= {"1340": Verdict.ADMITTED, "VM0007": Verdict.ADMITTED}
    (answer,) = world.registry.lock([LockOrder(hex32(1), hex32(1))])
    assert isinstance(answer, RegistryRefused), "the admin has not said which methodology the project has"
    world.chain.methodologies["1340"] = "VM0007"
    assert one_lock(world.registry, hex32(1), hex32(1)).lock_id == hex32(1), "the same order, once admitted"


def test_the_depositor_hears_it_when_he_orders(world: World) -> None:
    world.chain.verdicts["1340"] = Verdict.BARRED
    order = Instruction(
        instruction_id=hex32(1),
        registry="VERRA",
        account="depositor",
        range=serials(101, 200),
        deployment=HERE,
        recipient=RECIPIENT,
        not_after=2_000,
    )
    with pytest.raises(RegistryRefused, match="its project is barred"):
        world.registry.instruct(order)
    assert world.ledger.waiting(HERE) == ()
    world.chain.verdicts.clear()
    world.registry.instruct(order)
    world.chain.verdicts["1340"] = Verdict.BARRED
    world.registry.instruct(order)  # given before: the same again changes nothing
    assert world.ledger.waiting(HERE) == (order,)


def test_a_lock_that_was_made_stays_the_same_lock(world: World) -> None:
    world.instruct(1, 101, 200)
    made = one_lock(world.registry, hex32(1), hex32(1))
    world.chain.verdicts["1340"] = Verdict.BARRED
    assert one_lock(world.registry, hex32(1), hex32(1)) == made


def test_one_refused_order_holds_up_no_other(world: World) -> None:
    world.ledger.issue("other", serials(2001, 2100), TONGXU.id, "depositor")
    world.chain.verdicts["1340"] = Verdict.BARRED
    world.instruct(1, 101, 200)
    world.instruct(2, 2001, 2100)
    refused, locked = world.registry.lock([LockOrder(hex32(1), hex32(1)), LockOrder(hex32(2), hex32(2))])
    assert isinstance(refused, RegistryRefused)
    assert not isinstance(locked, BridgeError)


def test_without_eyes_nothing_is_locked_and_all_may_be_asked_again(world: World) -> None:
    world.instruct(1, 101, 200)
    world.witness.gate = _blind  # type: ignore[method-assign]
    (answer,) = world.registry.lock([LockOrder(hex32(1), hex32(1))])
    assert isinstance(answer, Unreachable)
    del world.witness.gate
    one_lock(world.registry, hex32(1), hex32(1))


def _blind(_: object) -> Any:
    raise Unreachable("the witness's node does not answer; repeat later")


def test_an_order_for_a_deployment_that_is_not_served_is_the_ledgers_to_refuse(world: World) -> None:
    with pytest.raises(RegistryRefused, match="not served"):
        world.instruct(1, 101, 200, deployment=ELSEWHERE)


UNMET = [
    ({"projects": {"barred": ["1340"]}}, {}, "project 1340 is barred"),
    ({"projects": {"allowed": ["1", "2"]}}, {}, "project 1340 is not among those allowed"),
    ({"credit_types": {"barred": ["vcu"]}}, {}, "credit type VCU is barred"),
    ({"methodologies": {"barred": ["vm0007"]}}, {"methodology": " VM0007 "}, "methodology VM0007 is barred"),
    ({"methodologies": {"barred": ["VM0007"]}}, {}, "its methodology is unknown here"),
    ({"methodologies": {"allowed": ["VM0007"]}}, {}, "its methodology is unknown here"),
    ({"methodologies": {"allowed": ["VM0007"]}}, {"methodology": "VM0047"}, "VM0047 is not among those allowed"),
    ({"categories": {"allowed": ["森林"]}}, {"category": "省エネルギー"}, "category 省エネルギー is not among"),
    ({"host_countries": {"barred": ["ET"]}}, {"host_country": "ET"}, "host country ET is barred"),
    ({"article6": ["ndc", "both"]}, {}, "its Article 6 status is unknown"),
    ({"article6": ["unknown"]}, {}, "its Article 6 status is unknown"),
    (
        {"article6": ["ndc"]},
        {"article6": {"authorised_for": "oimp", "by": "ET", "reference": "7"}},
        "its Article 6 status is oimp",
    ),
    ({"corsia_phase": "first"}, {}, "not stated to be eligible in CORSIA's first phase"),
    (
        {"corsia_phase": "first"},
        {"corsia": {"eligible": "yes", "phases": ["first"], "first_vintage": 2021, "last_vintage": 2026}},
        "not stated to be eligible",
    ),
    (
        {"corsia_phase": "first"},
        {"corsia": {"eligible": "yes", "phases": ["pilot"], "first_vintage": 2016, "last_vintage": 2020}},
        "not stated to be eligible",
    ),
    ({"adjustment": ["committed"]}, {}, "its corresponding adjustment is unknown"),
    ({"adjustment_status": ["completed"]}, {"adjustment": {"status": "pending"}}, "status is pending"),
]


@pytest.mark.parametrize(("rules", "known", "words"), UNMET, ids=str)
def test_a_rule_that_is_not_met_stops_the_lock(
    world: World, rules: dict[str, Any], known: dict[str, Any], words: str
) -> None:
    if known:
        say(world, **known)
    assert words in refusal(ruled(world, **rules), world)


MET = [
    ({"methodologies": {"barred": ["VM0047"]}}, {"methodology": "VM0007"}),
    ({"methodologies": {"allowed": ["vm0007"]}}, {"methodology": "VM0007"}),
    ({"article6": ["ndc", "both"]}, {"article6": {"authorised_for": "both", "by": "ET", "reference": "7"}}),
    (
        {"corsia_phase": "first"},
        {"corsia": {"eligible": "yes", "phases": ["first"], "first_vintage": 2020, "last_vintage": 2020}},
    ),
    ({"adjustment": ["committed", "not-required"]}, {"adjustment": {"declaration": "not-required"}}),
]


@pytest.mark.parametrize(("rules", "known"), MET, ids=str)
def test_a_rule_that_is_met_lets_it_through(world: World, rules: dict[str, Any], known: dict[str, Any]) -> None:
    say(world, **known)
    world.instruct(1, 101, 200)
    one_lock(ruled(world, **rules), hex32(1), hex32(1))


def test_every_reason_is_given_at_once(world: World) -> None:
    world.chain.verdicts["1340"] = Verdict.BARRED
    words = refusal(ruled(world, article6=["ndc"], projects={"barred": ["1340"]}), world)
    assert words.count(";") == 2


def test_a_rule_that_is_misspelt_is_no_rule() -> None:
    for wrong in ({"artcle6": ["ndc"]}, {"article6": ["NDCs"]}, {"projects": {"banned": ["1"]}}):
        with pytest.raises(ValidationError):
            GateRules.model_validate(wrong)
