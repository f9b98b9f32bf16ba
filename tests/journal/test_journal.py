"""The journal: ids first, the state table in the database itself, nothing half done."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from bridge.chain.signers import SignedTransaction
from bridge.domain.attestations import Attested, Deployment, Lock, Opening, Request
from bridge.domain.lifecycle import (
    DEPOSIT_MOVES,
    EXIT_MOVES,
    REVERSAL_MOVES,
    DepositState,
    ExitState,
    Kind,
    ReversalState,
)
from bridge.domain.observed import BlockStamp, Place, RequestOpened
from bridge.domain.serials import SerialRange
from bridge.errors import Conflict, Halted, NotYet, Unreachable
from bridge.journal.models import Base
from bridge.journal.store import Journal, open_journal
from tests.databases import Databases

HERE = Deployment(chain_id=1, contract="0x" + "11" * 20)
ALICE = "0x" + "a1" * 20


def word(number: int) -> str:
    return f"0x{number:064x}"


@pytest.fixture
def url(tmp_path: Path, databases: Databases) -> str:
    return databases.url(tmp_path, "journal")


@pytest.fixture
def journal(url: str) -> Journal:
    return open_journal(url)


def lock(lock_id: str) -> Lock:
    span = SerialRange(space=word(1), first=1, last=9)
    return Lock(lock_id=lock_id, class_id=word(2), range=span, recipient=ALICE, not_after=10)


def attested(*ids: str) -> Attested[Lock]:
    return Attested[Lock](items=tuple(lock(i) for i in ids), signers=(), signatures=())


def signed(nonce: int, tx: int = 0) -> SignedTransaction:
    return SignedTransaction(
        hash=word(tx or 100 + nonce), chain_id=1, sender=ALICE, nonce=nonce, raw="0x00", signed_at=0
    )


def opened(request_id: str) -> RequestOpened:
    place = Place(block=1, transaction=word(3), log_index=0)
    return RequestOpened(
        place=place,
        request_id=request_id,
        holder=ALICE,
        class_id=word(2),
        kind=Kind.RETIREMENT,
        units=3,
        commitment=word(4),
        salt=word(5),
        deadline=9,
    )


def locked(journal: Journal, instruction: int) -> str:
    deposit = journal.plan_deposit(word(instruction), "VERRA", HERE)
    journal.move_deposit(deposit.lock_id, DepositState.LOCKED, lock=lock(deposit.lock_id).model_dump_json())
    return deposit.lock_id


def test_a_move_outside_the_table_halts_and_changes_nothing(journal: Journal) -> None:
    deposit = journal.plan_deposit(word(1), "VERRA", HERE)
    with pytest.raises(Halted, match=deposit.lock_id):
        journal.move_deposit(deposit.lock_id, DepositState.MINTED)
    assert [d.state for d in journal.deposits(HERE)] == ["planned"]


def test_the_database_holds_a_reversal_to_its_table_too(journal: Journal, url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO attestations VALUES (1, 'reversals', '')"))
        for old in REVERSAL_MOVES:
            columns = "event_id, deployment, registry, class_id, serials, state, attestation_id, note"
            connection.execute(
                text(f"INSERT INTO reversals ({columns}) VALUES ('{old}', '', '', '', '', '{old}', 1, '')")
            )
    for old, new in product(REVERSAL_MOVES, REVERSAL_MOVES):
        change = text(f"UPDATE reversals SET state = '{new}' WHERE event_id = '{old}'")
        with engine.connect() as connection:
            if new in REVERSAL_MOVES[old] or new == old:
                connection.execute(change)
            else:
                with pytest.raises(IntegrityError, match="forbidden"):
                    connection.execute(change)
            connection.rollback()


def test_a_restored_reversal_is_seen_once(journal: Journal) -> None:
    span = SerialRange(space=word(1), first=1, last=9)
    journal.see_reversal(word(9), "VERRA", HERE, word(2), span)
    journal.move_reversal(word(9), ReversalState.MOOT)
    journal.see_reversal(word(9), "VERRA", HERE, word(2), span)
    assert [row.state for row in journal.reversals(HERE)] == ["moot"]


@pytest.mark.parametrize("table", ["deposits", "exits"])
def test_the_database_forbids_every_move_that_the_table_does_not_list(journal: Journal, url: str, table: str) -> None:
    moves = DEPOSIT_MOVES if table == "deposits" else EXIT_MOVES
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO attestations VALUES (1, 'locks', '')"))
        columns = (
            "lock_id, instruction_id, deployment, registry, state, lock, attestation_id, note"
            if table == "deposits"
            else "request_id, deployment, registry, state, opened, reservation, receipt, attestation_id, note"
        )
        for old in moves:
            values = (
                f"'d-{old}', 'i-{old}', '', '', '{old}', '', 1, ''"
                if table == "deposits"
                else f"'d-{old}', '', '', '{old}', '', '', '', 1, ''"
            )
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"))
    key = "lock_id" if table == "deposits" else "request_id"
    for old, news in moves.items():
        for new in moves:
            change = text(f"UPDATE {table} SET state = '{new}' WHERE {key} = 'd-{old}'")
            with engine.connect() as connection:
                if new in news or new == old:
                    connection.execute(change)
                else:
                    with pytest.raises(IntegrityError, match="forbidden"):
                        connection.execute(change)
                connection.rollback()


def test_the_models_are_what_the_migrations_make(journal: Journal, url: str) -> None:
    with create_engine(url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_an_instruction_has_one_lock_id_for_good(journal: Journal, url: str) -> None:
    first = journal.plan_deposit(word(1), "VERRA", HERE)
    again = open_journal(url).plan_deposit(word(1), "VERRA", HERE)
    assert again.lock_id == first.lock_id


def test_a_failed_deposit_may_be_planned_anew_under_another_id(journal: Journal) -> None:
    first = journal.plan_deposit(word(1), "VERRA", HERE)
    journal.move_deposit(first.lock_id, DepositState.FAILED, note="the account is closed")
    assert journal.plan_deposit(word(1), "VERRA", HERE).lock_id != first.lock_id


def test_256_lock_ids_share_a_word_and_the_next_one_does_not(journal: Journal) -> None:
    ids = [journal.plan_deposit(word(n), "VERRA", HERE).lock_id for n in range(257)]
    assert len(set(ids)) == 257
    assert len({i[:-2] for i in ids[:256]}) == 1
    assert ids[256][:-2] != ids[0][:-2]


def test_two_journals_never_make_the_same_lock_id(journal: Journal, tmp_path: Path, databases: Databases) -> None:
    other = open_journal(databases.url(tmp_path, "other"))
    assert journal.plan_deposit(word(1), "VERRA", HERE).lock_id != other.plan_deposit(word(1), "VERRA", HERE).lock_id


def test_a_stored_transaction_takes_its_whole_batch_along(journal: Journal) -> None:
    ids = [locked(journal, 1), locked(journal, 2)]
    journal.keep_locks(attested(*ids))
    attestation = journal.deposits(HERE)[0].attestation_id
    assert attestation is not None
    journal.keep_transaction(signed(0), "mint", attestation)
    assert {d.state for d in journal.deposits(HERE)} == {"sent"}
    (attempts,) = journal.open_transactions(1)
    assert journal.open_transactions(2) == []
    journal.end_transaction(attempts, None)
    assert {d.state for d in journal.deposits(HERE)} == {"attested"}
    assert journal.open_transactions(1) == []


def test_a_nonce_is_promised_once_and_free_again_when_its_transaction_is_dropped(journal: Journal) -> None:
    journal.keep_locks(attested(locked(journal, 1)))
    attestation = journal.deposits(HERE)[0].attestation_id
    assert attestation is not None
    assert journal.keep_transaction(signed(4), "mint", attestation)
    assert journal.next_nonce(1, ALICE, 4) == 5
    assert journal.next_nonce(1, ALICE, 9) == 9
    assert not journal.keep_transaction(signed(4, tx=999), "pause", None)
    (attempts,) = journal.open_transactions(1)
    assert [row.hash for row in attempts] == [signed(4).hash]
    journal.end_transaction(attempts, None)
    assert journal.next_nonce(1, ALICE, 4) == 4


def test_a_batch_is_sent_once(journal: Journal) -> None:
    journal.keep_locks(attested(locked(journal, 1)))
    attestation = journal.deposits(HERE)[0].attestation_id
    assert journal.keep_transaction(signed(4), "mint", attestation)
    with pytest.raises(NotYet, match="sent this batch already"):
        journal.keep_transaction(signed(5, tx=999), "mint", attestation)
    assert journal.next_nonce(1, ALICE, 4) == 5


def test_of_all_that_were_signed_for_a_nonce_one_lands(journal: Journal) -> None:
    journal.keep_locks(attested(locked(journal, 1)))
    attestation = journal.deposits(HERE)[0].attestation_id
    first, second, third = signed(4), signed(4, tx=998), signed(4, tx=999)
    journal.keep_transaction(first, "mint", attestation)
    assert journal.keep_replacement(first, second)
    assert not journal.keep_replacement(first, third)  # somebody was quicker
    (attempts,) = journal.open_transactions(1)
    assert [(row.hash, row.purpose) for row in attempts] == [(first.hash, "mint"), (second.hash, "mint")]
    journal.end_transaction(attempts, first.hash)
    assert journal.open_transactions(1) == []
    assert {d.state for d in journal.deposits(HERE)} == {"sent"}  # the watch will see it minted
    assert journal.next_nonce(1, ALICE, 5) == 5


def test_behind_a_final_transaction_that_has_left_the_chain_nothing_is_sent(journal: Journal) -> None:
    """A reorg deeper than the configured depth, or a node that is behind: a next nonce would wait for ever."""
    journal.keep_transaction(signed(4), "request", None)
    (attempts,) = journal.open_transactions(1)
    assert journal.next_nonce(1, ALICE, 4) == 5, "it is sent again"
    journal.end_transaction(attempts, signed(4).hash)
    with pytest.raises(Unreachable, match="nonce 4 was final"):
        journal.next_nonce(1, ALICE, 4)
    assert journal.next_nonce(1, ALICE, 5) == 5


def test_seeing_a_request_twice_is_seeing_it_once(journal: Journal) -> None:
    journal.see_exits([(opened(word(7)), "VERRA")], HERE)
    journal.move_exit(word(7), ExitState.RETURNED)
    journal.see_exits([(opened(word(7)), "VERRA")], HERE)
    assert [row.state for row in journal.exits(HERE)] == ["returned"]
    assert [(m.old, m.new) for m in journal.moves(word(7))] == [("", "seen"), ("seen", "returned")]


def test_an_opening_cannot_be_replaced(journal: Journal) -> None:
    opening = Opening(holder=ALICE, class_id=word(2), units=3, beneficiary="Acme", purpose="", secret=word(6))
    request = Request(
        kind=Kind.RETIREMENT, holder=ALICE, class_id=word(2), units=3, commitment=opening.commitment, salt=word(7)
    )
    request_id = journal.keep_request(request, opening, HERE)
    assert journal.keep_request(request, opening, HERE) == request_id
    with pytest.raises(Conflict):
        journal.keep_request(request, opening.model_copy(update={"beneficiary": "Other"}), HERE)


def test_the_cursor_remembers_the_block_and_its_hash(journal: Journal, url: str) -> None:
    assert journal.cursor(HERE) is None
    journal.set_cursor(HERE, BlockStamp(number=7, hash=word(8), timestamp=1))
    assert open_journal(url).cursor(HERE) == (7, word(8))
