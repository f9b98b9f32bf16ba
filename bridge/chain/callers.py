"""Who changed a power: no event says who called, so the transaction that brought it is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hexbytes import HexBytes
from web3.exceptions import TransactionNotFound

from bridge.chain.connection import Connection, answering
from bridge.domain.observed import ChainEvent, PowerChanged
from bridge.domain.values import Address, Hex32


def with_callers(connection: Connection, events: Iterable[ChainEvent]) -> Iterator[ChainEvent]:
    """The same events, and those about powers with `by`: the sender of a plain call; else, since a contract called, the
    one that was asked and all that spoke in the transaction. Empty when the node has forgotten the transaction."""
    known: dict[Hex32, tuple[Address, ...]] = {}
    for event in events:
        if not isinstance(event, PowerChanged):
            yield event
            continue
        transaction = event.place.transaction
        if transaction not in known:
            known[transaction] = through(connection, transaction)
        yield event.model_copy(update={"by": known[transaction]})


def through(connection: Connection, transaction: Hex32) -> tuple[Address, ...]:
    try:
        with answering():
            receipt = connection.w3.eth.get_transaction_receipt(HexBytes(transaction))
    except TransactionNotFound:
        return ()
    accounts = [
        receipt["from"],
        receipt["to"] or receipt["contractAddress"],
        *(log["address"] for log in receipt["logs"]),
    ]
    return tuple(dict.fromkeys(account.lower() for account in accounts if account))
