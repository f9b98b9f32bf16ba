"""A programme whose registry has screens only, through the whole saga: people act there by hand, and nothing is signed
on the word of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from bridge.books.certificate import certify, verify
from bridge.domain.attestations import Attested, Receipt
from bridge.domain.lifecycle import ActState, Kind
from bridge.domain.observed import RequestOpened
from bridge.domain.values import Hex32, keccak_hex
from bridge.errors import AlreadyDone, Conflict, Halted, NotYet, RegistryRefused, UsageError
from bridge.flow.advance import advance
from bridge.flow.hold import ask, plan_request
from bridge.registry.counterpart import Verb, act_id
from tests.flow.desk_world import ALICE, CODE, DAY, OURS, PINES, USES, DeskStage, DeskWorld, Screens, trees
from tests.flow.world import Frozen
from tests.registry.fakes import answered

PURPOSE = f"{USES[0]}（2026年度）"


@pytest.fixture(scope="module")
def stage() -> DeskStage:
    return DeskStage()


@pytest.fixture
def world(tmp_path: Path, stage: DeskStage) -> DeskWorld:
    stage.clear()
    return DeskWorld(tmp_path, stage)


def retirement(world: DeskWorld, units: int = 30, purpose: str = PURPOSE) -> Hex32:
    holder = world.holder("alice")
    request_id = plan_request(holder, Kind.RETIREMENT, PINES.id, units, "緑の会社株式会社", purpose)
    ask(holder, request_id)
    return request_id


def retiring(world: DeskWorld) -> Hex32:
    """The act of a settled retirement of 30 units, planned at the desk."""
    world.deposited(trees(1, 100))
    request_id = retirement(world)
    advance(world.bridge)
    return act_id(Verb.RETIRE, request_id)


def state(world: DeskWorld, act: Hex32) -> ActState:
    return world.desk.record(act).state


def receipt_of(world: DeskWorld, act: Hex32) -> Attested[Receipt]:
    return world.registry.receipt(world.desk.record(act).act.subject)


# ------------------------------------------------------------------------------- unhappy paths first


def test_nothing_is_minted_before_two_officers_have_seen_the_serials(world: DeskWorld) -> None:
    lock_id = world.order(trees(1, 100))
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "locked"
    act = act_id(Verb.TAKE, lock_id)
    reference = world.screens.move([trees(1, 100)], ALICE, OURS)
    world.attest(act, reference, officers=[1])
    world.attest(act, reference, officers=[1])  # the same person twice is one person
    advance(world.bridge)
    assert (world.deposit_state(lock_id), state(world, act)) == ("locked", ActState.PLANNED)
    note = world.bridge.journal.deposit(lock_id)
    assert note is not None
    assert "1 of 2 officers" in note.note
    world.attest(act, reference, officers=[2])
    advance(world.bridge)
    assert world.balance("alice", PINES) == 100


def test_nothing_irreversible_can_be_filed_before_the_settlement_is_final(world: DeskWorld) -> None:
    world.deposited(trees(1, 100))
    request_id = retirement(world)
    act = act_id(Verb.RETIRE, request_id)
    with pytest.raises(RegistryRefused, match="there is no act"):
        world.desk.file(act, world.officer(1))
    bridge = world.bridge
    with pytest.raises(NotYet):
        answered(world.registry.execute([request_id]))
    assert world.desk.work() == ()
    advance(bridge)
    record = world.desk.record(act)
    assert record.act.final is not None
    assert record.act.final.number >= world.bridge.contract.connection.final().number - 1
    assert state(world, act) is ActState.PLANNED


def test_an_act_that_the_final_chain_does_not_show_is_not_filed_either(world: DeskWorld) -> None:
    """Whoever writes into the ledger's database cannot have an officer retire what nobody settled."""
    world.deposited(trees(1, 100))
    request_id = retirement(world)
    taken = world.ledger.acts(CODE)[0].act
    forged = taken.model_copy(
        update={"verb": Verb.RETIRE, "subject": request_id, "final": world.contract.connection.final()}
    )
    world.ledger.plan_act(forged)
    with pytest.raises(NotYet, match="has not ended at a final block"):
        world.desk.file(forged.id, world.officer(1))
    advance(world.bridge)  # settled meanwhile, on other serials than the forged act names
    with pytest.raises(RegistryRefused, match="other serials than are settled"):
        world.desk.file(forged.id, world.officer(1))


def test_one_officer_alone_cannot_end_a_retirement(world: DeskWorld) -> None:
    act = retiring(world)
    reference = world.filed(act)
    world.attest(act, reference, officers=[1, 1])
    advance(world.bridge)
    assert world.reconcile((CODE,)).findings == (), "what waits for people is no break"
    assert state(world, act) is ActState.ASKED
    with pytest.raises(NotYet):
        receipt_of(world, act)
    assert world.exit_state(world.desk.record(act).act.subject) == "settled"


def test_who_is_no_officer_confirms_nothing(world: DeskWorld) -> None:
    act = retiring(world)
    for verb in (world.desk.file, world.desk.doubt):
        with pytest.raises(RegistryRefused, match="is no officer"):
            verb(act, world.keys["mallory"])
    world.filed(act)
    with pytest.raises(RegistryRefused, match="is no officer"):
        world.desk.confirm(act, world.keys["attester-1"], "r", world.file_of("x"))


def test_what_is_not_filed_cannot_be_confirmed_and_what_is_filed_is_not_filed_again(world: DeskWorld) -> None:
    act = retiring(world)
    with pytest.raises(RegistryRefused, match="is not filed yet"):
        world.attest(act, "無効化 2026-001")
    world.filed(act)
    for number in (1, 2):
        with pytest.raises(Conflict, match="never filed twice"):
            world.desk.file(act, world.officer(number))


@pytest.mark.parametrize(("reference", "file"), [("無効化 2026-999", "same"), ("", "other")], ids=["reference", "file"])
def test_two_who_name_different_things_are_a_conflict(world: DeskWorld, reference: str, file: str) -> None:
    act = retiring(world)
    true = world.filed(act)
    world.desk.confirm(act, world.officer(1), true, world.file_of("same"))
    with pytest.raises(Conflict, match="Look again together"):
        world.desk.confirm(act, world.officer(2), reference or true, world.file_of(file))
    advance(world.bridge)
    assert state(world, act) is ActState.ASKED
    # the first one was wrong: he confirms anew, and then the second one
    world.desk.confirm(act, world.officer(1), reference or true, world.file_of(file))
    assert state(world, act) is ActState.ASKED
    assert world.desk.confirm(act, world.officer(2), reference or true, world.file_of(file)).done


def test_a_file_that_changes_after_it_was_attested_is_refused(world: DeskWorld) -> None:
    act = retiring(world)
    reference = world.filed(act)
    world.attest(act, reference)
    done = world.desk.record(act).done
    assert done is not None
    kept = world.desk.evidence.require(done.evidence)
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    content = kept.read_bytes()
    kept.write_bytes(content + b"!")
    advance(world.bridge)
    assert world.exit_state(world.desk.record(act).act.subject) == "settled"
    with pytest.raises(RegistryRefused, match="was changed since it was attested"):
        answered(world.registry.execute([world.desk.record(act).act.subject]))
    kept.unlink()
    with pytest.raises(RegistryRefused, match="put the file back"):
        answered(world.registry.execute([world.desk.record(act).act.subject]))
    kept.write_bytes(content)
    advance(world.bridge)
    assert receipt_of(world, act).items[0].evidence == keccak_hex(content)


def test_an_empty_or_missing_file_shows_nothing(world: DeskWorld, tmp_path: Path) -> None:
    act = retiring(world)
    world.filed(act)
    (tmp_path / "empty").touch()
    for name in ("empty", "missing"):
        with pytest.raises(UsageError, match=r"is empty|cannot be read"):
            world.desk.confirm(act, world.officer(1), "r", tmp_path / name)
    with pytest.raises(UsageError, match="own reference"):
        world.desk.confirm(act, world.officer(1), "  ", world.file_of("x"))


def test_signatures_that_somebody_wrote_into_the_database_count_for_nothing(world: DeskWorld) -> None:
    act = retiring(world)
    world.filed(act)
    honest = world.keys["officer-2"]

    class Forger:
        """Says that he is the second officer."""

        address = honest.address

        def sign(self, document: object) -> str:
            return world.keys["mallory"].sign(document)  # type: ignore[arg-type]

    with pytest.raises(RegistryRefused, match="the signature is not"):
        world.desk.confirm(act, Forger(), "r", world.file_of("x"))
    world.desk.confirm(act, world.officer(1), "r", world.file_of("x"))
    (filed, one) = world.desk.record(act).confirmed
    world.ledger.confirm(one.model_copy(update={"officer": honest.address}))
    advance(world.bridge)
    assert state(world, act) is ActState.DONE, "the desk counts rows; attesters do not believe it"
    with pytest.raises(RegistryRefused, match="1 of 2 officers signed"):
        answered(world.registry.execute([world.desk.record(act).act.subject]))
    assert filed.confirmation.finding == "filed"


def test_a_request_that_mixes_uses_or_names_none_is_refused_before_it_is_settled(world: DeskWorld) -> None:
    world.deposited(trees(1, 100))
    mixed, none = retirement(world, 5, f"{USES[0]}と{USES[2]}"), retirement(world, 5, "annual report")
    advance(world.bridge)
    reasons = [world.ledger.decision(request).reservation.refusal.reason for request in (mixed, none)]  # type: ignore[union-attr]
    assert reasons == ["mixed-uses", "use-unknown"]
    advance(world.bridge)
    assert world.balance("alice", PINES) == 100
    assert world.screens.filings == ["移転"]


# --------------------------------------------------------------------------------------- what is unknown


def in_doubt(world: DeskWorld, *, went_through: bool) -> Hex32:
    act = retiring(world)
    record = world.desk.file(act, world.officer(1))
    if went_through:
        world.screens.carry_out(record.act)
    world.desk.doubt(act, world.officer(1))
    return act


def resolve(
    world: DeskWorld, act: Hex32, officers: tuple[int, ...] = (1, 2), reference: str = "無効化 2026-002"
) -> None:
    file = world.screens.save_list(world.folder / f"list-{world.now()}.csv")
    for number in officers:
        world.desk.resolve(act, world.officer(number), file, world.now(), reference)


def test_what_is_unknown_is_never_tried_again(world: DeskWorld) -> None:
    act = in_doubt(world, went_through=True)
    for _ in range(3):
        advance(world.bridge)
        with pytest.raises(Conflict, match="never filed twice"):
            world.desk.file(act, world.officer(2))
        with pytest.raises(RegistryRefused, match="only that registry's list resolves it"):
            world.attest(act, "無効化 2026-002")
        world.chain.pass_seconds(30 * DAY)
    assert state(world, act) is ActState.UNKNOWN
    with pytest.raises(AlreadyDone):
        world.desk.doubt(act, world.officer(2))
    exit_row = world.bridge.journal.exit(world.desk.record(act).act.subject)
    assert exit_row is not None
    assert "next list resolves it, nothing else" in exit_row.note


def test_the_next_list_shows_it_done(world: DeskWorld) -> None:
    act = in_doubt(world, went_through=True)
    resolve(world, act, officers=(1,))
    assert state(world, act) is ActState.UNKNOWN, "one officer alone resolves nothing"
    resolve(world, act, officers=(2,))
    advance(world.bridge)
    assert state(world, act) is ActState.DONE
    assert receipt_of(world, act).items[0].reference == "無効化 2026-002"
    assert world.screens.filings == ["移転", "無効化"]


def test_the_next_list_shows_it_undone_but_only_when_the_registry_has_had_its_time(world: DeskWorld) -> None:
    act = in_doubt(world, went_through=False)
    with pytest.raises(NotYet, match="may still be at it"):
        resolve(world, act)
    world.chain.pass_seconds(world.rules.processing_days * DAY)
    resolve(world, act, officers=(1,))
    assert state(world, act) is ActState.UNKNOWN
    resolve(world, act, officers=(3,))
    assert state(world, act) is ActState.PLANNED
    world.attest(act, world.filed(act))
    advance(world.bridge)
    record = world.desk.record(act)
    assert (record.state, record.round) == (ActState.DONE, 2)
    assert world.screens.filings == ["移転", "無効化"]


def test_words_of_an_earlier_round_do_not_count(world: DeskWorld) -> None:
    act = in_doubt(world, went_through=False)
    world.chain.pass_seconds(world.rules.processing_days * DAY)
    resolve(world, act)
    reference = world.filed(act)
    world.attest(act, reference, officers=[3])  # whom the two of the round before do not contradict
    assert state(world, act) is ActState.ASKED
    world.attest(act, reference, officers=[1])
    assert state(world, act) is ActState.DONE


def test_a_list_from_before_the_filing_shows_nothing(world: DeskWorld) -> None:
    act = in_doubt(world, went_through=False)
    filed_at = max(at for at, _, _ in world.ledger.steps(act))
    world.chain.pass_seconds(60 * DAY)
    file = world.screens.save_list(world.folder / "list.csv")
    with pytest.raises(NotYet, match="is older than the filing"):
        world.desk.resolve(act, world.officer(1), file, filed_at - 1, "")
    with pytest.raises(UsageError, match="of the future"):
        world.desk.resolve(act, world.officer(1), file, world.now() + DAY, "")


def test_a_list_that_shows_half_of_it_stops_everything(world: DeskWorld) -> None:
    act = in_doubt(world, went_through=False)
    world.screens.retire([trees(1, 10)])
    world.chain.pass_seconds(60 * DAY)
    with pytest.raises(Halted, match="done for some of its serials"):
        resolve(world, act)
    world.screens.holder[1] = "somebody"
    world.screens.retired.clear()
    with pytest.raises(Halted, match="explains neither"):
        resolve(world, act)
    del world.screens.holder[1]
    with pytest.raises(RegistryRefused, match="does not show serials 1-1"):
        resolve(world, act)
    assert state(world, act) is ActState.UNKNOWN


# -------------------------------------------------------------------------------------- as it should go


def test_the_whole_saga_ends_with_a_certificate_that_names_the_evidence(world: DeskWorld) -> None:
    act = retiring(world)
    reference = world.filed(act)
    world.attest(act, reference, officers=[3, 2])
    advance(world.bridge)
    request_id = world.desk.record(act).act.subject
    assert world.exit_state(request_id) == "executed"
    signed = world.registry.receipt(request_id)
    assert signed.items[0].reference == reference
    assert signed.items[0].evidence == keccak_hex((world.folder / f"{act[:10]}.txt").read_bytes())
    row = world.bridge.journal.exit(request_id)
    assert row is not None
    request = RequestOpened.model_validate_json(row.opened).request
    opening = world.ledger.disclosed({request_id: request.commitment}).get(request_id)
    assert opening is not None
    made = certify(world.contract, request, opening, signed)
    assert verify(made, world.contract) == []
    forged = signed.items[0].model_copy(update={"evidence": keccak_hex(b"another file")})
    changed = made.model_copy(update={"receipt": signed.model_copy(update={"items": (forged,)})})
    assert any("signers" in fault for fault in verify(changed, world.contract))
    assert world.reconcile((CODE,)).findings == ()
    assert world.ledger.audit() == ()


def test_a_redemption_is_moved_to_the_account_named(world: DeskWorld) -> None:
    world.deposited(trees(1, 100))
    request_id = world.ask("alice", Kind.REDEMPTION, 40, PINES, for_="bob")
    advance(world.bridge)
    act = act_id(Verb.HAND_OVER, request_id)
    world.attest(act, world.filed(act))
    advance(world.bridge)
    assert world.exit_state(request_id) == "executed"
    assert {world.screens.holder[number] for number in range(61, 101)} == {"bob"}
    assert [(c, str(r)) for c, r in world.ledger.holdings("bob")] == [(PINES.id, "61-100")]


def test_a_lock_that_ran_out_goes_back_by_hand_and_is_released_then(world: DeskWorld) -> None:
    lock_id = world.order(trees(1, 100), days=3)
    advance(world.bridge)
    world.send("guardian", world.contract.functions.pause())
    taking, back = act_id(Verb.TAKE, lock_id), act_id(Verb.GIVE_BACK, lock_id)
    world.attest(taking, world.screens.carry_out(world.desk.record(taking).act))
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "attested"
    with pytest.raises(RegistryRefused, match="there is no act"):
        world.desk.file(back, world.officer(1))
    world.chain.pass_seconds(4 * DAY)
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "attested"
    world.attest(back, world.filed(back))
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "released"
    assert [str(r) for _, r in world.ledger.holdings("alice")] == ["1-100"]
    assert set(world.screens.holder.values()) == {ALICE}


def test_a_lock_whose_serials_never_came_is_released_without_an_officer(world: DeskWorld) -> None:
    lock_id = world.order(trees(1, 100), days=3)
    advance(world.bridge)
    world.chain.pass_seconds(4 * DAY)
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "released"
    assert state(world, act_id(Verb.TAKE, lock_id)) is ActState.VOID
    with pytest.raises(RegistryRefused, match="was given up"):
        world.attest(act_id(Verb.TAKE, lock_id), "too late", officers=[1])


# ------------------------------------------------------------------------------------- whatever dies


class Died(BaseException):
    """Not an Exception, so that no handler of ours survives it."""


@contextmanager
def dying_at_write(engine: Engine, number: int) -> Iterator[list[str]]:
    writes: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            writes.append(statement)
            if len(writes) == number:
                raise Died

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield writes
    finally:
        event.remove(engine, "before_cursor_execute", count)


def tell(world: DeskWorld, act: Hex32) -> None:
    """What bridge and officers do, who know only what desk and screens show them, until the receipt is there."""
    screen = world.file_of("screen.txt", "the same screen")
    for _ in range(8):
        advance(world.bridge)
        record = world.desk.record(act)
        if record.done:
            advance(world.bridge)
            return
        if record.state is ActState.PLANNED:
            world.filed(act)
        elif record.state is ActState.UNKNOWN:
            world.chain.pass_seconds(world.rules.processing_days * DAY)
            with suppress(AlreadyDone):
                resolve(world, act)
        elif world.screens.retired:
            with suppress(AlreadyDone):
                world.desk.confirm(act, world.officer(1), "無効化 2026-002", screen)
                world.desk.confirm(act, world.officer(2), "無効化 2026-002", screen)
        else:
            world.desk.doubt(act, world.officer(1))
    raise AssertionError("it does not come to an end")


@pytest.mark.slow
def test_a_crash_at_any_write_ends_as_the_undisturbed_run_and_files_once(tmp_path: Path) -> None:
    stage = DeskStage()
    stage.clear()
    (tmp_path / "start").mkdir()
    start = DeskWorld(tmp_path / "start", stage)
    act = retiring(start)
    frozen, holder = Frozen(start, stage), dict(start.screens.holder)

    def wake(number: int) -> DeskWorld:
        folder = tmp_path / str(number)
        frozen.wake(folder)
        return DeskWorld(folder, stage, Screens(dict(holder), set(), ["移転"]))

    def end(world: DeskWorld) -> object:
        record = world.desk.record(act)
        serials = {row.model_dump_json() for row in world.ledger.balances()}
        return record.state, serials, world.exit_state(record.act.subject), world.screens.filings

    undisturbed = wake(0)
    tell(undisturbed, act)
    assert end(undisturbed)[3] == ["移転", "無効化"]  # type: ignore[index]
    number = 1
    while True:
        world = wake(number)
        with dying_at_write(world.ledger.engine, number) as writes:
            try:
                tell(world, act)
                break
            except Died:
                pass
        tell(world, act)
        assert end(world) == end(undisturbed), f"died at write {number}: {writes[-1]}"
        number += 1
    assert number >= 15
