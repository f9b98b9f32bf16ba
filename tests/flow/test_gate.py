"""The gate before a lock, on a real contract: what the mint would refuse is refused while serials are still free."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bridge.chain.witness import FinalWitness
from bridge.domain.attributes import Attributes, Source
from bridge.domain.credit_class import CreditClass, Subject, Verdict
from bridge.domain.values import code_bytes
from bridge.errors import ContractRefused
from bridge.flow.advance import advance
from bridge.flow.lock import plan
from tests.flow.world import FOREST, TERMS, Stage, World, span

OLD, NEW = "VM0007", "VM0047"


@pytest.fixture
def world(tmp_path: Path, stage: Stage) -> World:
    stage.clear()
    world = World(tmp_path, stage)
    world.issue(span(1, 100))
    return world


def verdict(world: World, subject: Subject, code: str, said: Verdict) -> None:
    world.send("admin", world.contract.set_verdict("VERRA", subject, code, said))


def methodology(world: World, code: str) -> None:
    world.send("admin", world.contract.functions.setMethodology(code_bytes("VERRA"), "1340", code))


def tried(world: World) -> tuple[str, str, list[str]]:
    """State and note of a deposit of the serials, and the states they are in afterwards."""
    planned = plan(world.bridge, world.instruct(span(1, 100)))
    advance(world.bridge)
    row = world.bridge.journal.deposit(planned.lock_id)
    assert row is not None
    states = [one.state for one in world.ledger.statement("VERRA", world.contract.deployment)[1]]
    return row.state, row.note, states


def test_a_barred_project_is_not_locked_and_its_serials_stay_free(world: World) -> None:
    verdict(world, Subject.PROJECT, "1340", Verdict.BARRED)
    state, note, states = tried(world)
    assert (state, states) == ("failed", ["held"])
    assert "its project is barred on chain" in note
    verdict(world, Subject.PROJECT, "1340", Verdict.NONE)
    assert tried(world)[0] == "minted", "ordered again, once the admin has taken it back"


def test_of_a_project_s_methodologies_the_last_that_the_admin_named_counts(world: World) -> None:
    verdict(world, Subject.METHODOLOGY, OLD, Verdict.BARRED)
    assert tried(world)[0] == "minted"
    methodology(world, OLD)
    world.issue(span(101, 200))
    witness = FinalWitness(world.contract)
    assert witness.gate(FOREST).objections() == (f"its methodology {OLD} is barred on chain",)
    methodology(world, NEW)
    assert witness.gate(FOREST).objections() == ()


def test_verdicts_and_terms_are_read_as_the_mint_reads_them(world: World) -> None:
    witness = FinalWitness(world.contract)
    for said in Verdict:
        verdict(world, Subject.PROJECT, "1340", said)
        assert bool(witness.gate(FOREST).objections()) == (said is Verdict.BARRED)
    wanting = TERMS.model_copy(update={"admission_required": True})
    attesters = [key.address for key in world.attesters]
    world.send("admin", world.contract.add_registry("ACR", attesters, 2, wanting))
    oak = CreditClass(registry="ACR", project="1", vintage=2020, credit_type="ERT", kg_per_unit=1000)
    assert len(witness.gate(oak).objections()) == 2, "of a class that is not on chain yet, too"
    world.send("admin", world.contract.set_verdict("ACR", Subject.PROJECT, "1", Verdict.ADMITTED))
    assert witness.gate(oak).objections() == ("its methodology is not admitted on chain",)
    unknown = oak.model_copy(update={"registry": "CAR"})
    with pytest.raises(ContractRefused):
        witness.gate(unknown)


def test_a_methodology_that_only_the_books_know_is_looked_at_too(world: World) -> None:
    world.ledger.describe(FOREST.id, Attributes(methodology=OLD), Source(source="PDD", stated_on=date(2020, 1, 1)))
    verdict(world, Subject.METHODOLOGY, OLD, Verdict.BARRED)
    state, note, states = tried(world)
    assert (state, states) == ("failed", ["held"])
    assert f"methodology {OLD} is barred on chain" in note
