"""For how long something is in flight, what it waits for, and until when it can: in words, for people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract
    from bridge.domain.observed import RequestOpened
    from bridge.journal.models import Deposit, Exit, ReversalSaga, Transaction
    from bridge.journal.store import Journal

    Saga = Deposit | Exit | ReversalSaga

_NEXT_TURN = "the next turn of the bridge"
_WAITS = {
    "planned": "the registry to lock",
    "locked": "attesters to sign the lock",
    "attested": "a transaction",
    "sent": "the chain to make it final",
    "seen": "the registry to reserve serials",
    "reserved": "attesters to sign the answer",
    "settled": "the registry to act",
    "refused": "the registry to end the reservation",
    "returned": "the registry to end the reservation",
}
_SECONDS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def span(seconds: int) -> str:
    """`3 d`, `2 h`, `5 min`: the largest of these that there is one of, rounded down."""
    sign = "-" if seconds < 0 else ""
    unit, size = next(((unit, size) for unit, size in _SECONDS if abs(seconds) >= size), _SECONDS[-1])
    return f"{sign}{abs(seconds) // size} {unit}"


def in_words(row: Saga) -> str:
    """What the journal alone knows: its last trouble, or who has the next step."""
    return told(row) or _WAITS.get(row.state, "")


def told(row: Saga) -> str:
    return "" if row.state == "sent" else row.note  # a sent row's note is its transaction


class Waits:
    """What the sagas of a journal wait for now, by chain and journal together. Changes nothing."""

    def __init__(self, journal: Journal, contract: BridgeContract) -> None:
        self._contract = contract
        self.head, self.final = contract.connection.head(), contract.connection.final()
        self._sent: dict[int, list[list[Transaction]]] = {}
        for attempts in journal.open_transactions(contract.deployment.chain_id):
            if attempts[0].attestation_id is not None:
                self._sent.setdefault(attempts[0].attestation_id, []).append(attempts)
        self._seen: dict[int, str] = {}

    def of_lock(self, row: Deposit) -> str:
        return self._sent_in_words(row) or in_words(row)

    def of_reversal(self, row: ReversalSaga) -> str:
        planned = "attesters to sign the reversal" if row.state == "planned" else ""
        return self._sent_in_words(row) or told(row) or planned or in_words(row)

    def of_request(self, row: Exit, opened: RequestOpened) -> str:
        words = self._sent_in_words(row) or in_words(row)
        ended = row.state in ("settled", "refused", "returned", "executed", "withdrawn")
        return words if ended else self.or_exit(words, opened)

    def or_exit(self, words: str, opened: RequestOpened) -> str:
        """Past its deadline an open request is its holder's to call back, and then to take."""
        late = self.head.timestamp > opened.deadline
        return "; ".join(filter(None, (words, self._exit_in_words(opened) if late else "")))

    def _sent_in_words(self, row: Saga) -> str:
        if row.state != "sent" or row.attestation_id is None:
            return ""
        if row.attestation_id not in self._seen:
            self._seen[row.attestation_id] = self._transaction_in_words(row.attestation_id)
        return self._seen[row.attestation_id]

    def _transaction_in_words(self, attestation_id: int) -> str:
        from bridge.chain.sightings import TransactionState, look
        from bridge.cli.screen import short

        open_ones = self._sent.get(attestation_id)
        if not open_ones:
            return _NEXT_TURN
        attempts = open_ones[-1]
        sighting = look(self._contract.connection, attempts, self.final)
        name, ago = short(sighting.hash), span(self.head.timestamp - attempts[0].signed_at)
        match sighting.state:
            case TransactionState.WAITING:
                return f"a block: transaction {name} was sent {ago} ago and is in the pool"
            case TransactionState.ABSENT:
                return f"a block: transaction {name} was sent {ago} ago, and the node does not have it (any more)"
            case TransactionState.MINED:
                return f"finality: transaction {name} is in block {sighting.block:,}, final is {self.final.number:,}"
            case _:
                return _NEXT_TURN

    def _exit_in_words(self, opened: RequestOpened) -> str:
        from bridge.cli.screen import moment
        from bridge.domain.lifecycle import RequestStatus
        from bridge.domain.observed import RequestCalledBack

        status = self._contract.request_state(opened.request_id).status
        if status is not RequestStatus.CALLED_BACK:
            return "" if status.ended else "past its deadline: its holder may call it back"
        events = self._contract.events(opened.place.block, self.head.number, RequestCalledBack)
        called = next(e for e in events if isinstance(e, RequestCalledBack) and e.request_id == opened.request_id)
        begun = self._contract.connection.stamp_at(called.place.block)
        created = self._contract.class_state(opened.class_id)
        if begun is None or created is None:
            return "called back by its holder"
        until = moment(begun.timestamp + created.terms.challenge_seconds)
        return f"called back: its holder may take the units from {until} on, later if the contract was paused"


def timed(journal: Journal, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With `begun_at` and `moved_at`, seconds by this machine's clock, or null where they were not noted."""
    times = journal.times([row["id"] for row in rows])
    return [row | {name: value or None for name, value in times[row["id"]]._asdict().items()} for row in rows]


def age(row: dict[str, Any]) -> str:
    return span(max(0, int(time.time()) - row["begun_at"])) if row.get("begun_at") else ""
