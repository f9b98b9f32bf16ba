"""One node, and the one place that says which block is final. Nobody else asks for "latest"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import requests
from eth_abi.abi import decode, encode
from eth_utils.abi import function_abi_to_4byte_selector, get_abi_input_types, get_abi_output_types
from web3 import HTTPProvider, Web3
from web3.contract.contract import ContractFunction
from web3.exceptions import BlockNotFound, ProviderConnectionError, TimeExhausted, TransactionNotFound, Web3RPCError
from web3.types import BlockData, RPCEndpoint

from bridge.domain.observed import BlockStamp
from bridge.domain.values import Address
from bridge.errors import Unreachable

Finality = int | Literal["finalized"]
"""Blocks of depth, or the chain's own tag. A depth is a bet that no reorg goes deeper; the tag is not."""

View = Callable[..., ContractFunction]
"""A contract's function, still without arguments."""

_BATCH = 100
"""Calls in one batch: nodes refuse larger ones."""


class Connection:
    """A node with its finality. Raises Unreachable when the node does not answer; that is safe to repeat."""

    def __init__(self, w3: Web3, finality: Finality) -> None:
        self.w3 = w3
        self.finality = finality

    @classmethod
    def to(cls, url: str, finality: Finality) -> Connection:
        # web3 asks for the chain id before every call; a node keeps it for good.
        provider = HTTPProvider(
            url, {"timeout": 30}, cache_allowed_requests=True, cacheable_requests={RPCEndpoint("eth_chainId")}
        )
        w3 = Web3(provider)
        for unused in ("ens_name_to_address", "attrdict"):  # they walk through every log of every answer
            w3.middleware_onion.remove(unused)
        return cls(w3, finality)

    @property
    def chain_id(self) -> int:
        with answering():
            return self.w3.eth.chain_id

    def head(self) -> BlockStamp:
        """The newest block: for deadlines of what is about to be sent, never for evidence."""
        with answering():
            return _stamp(self.w3.eth.get_block("latest"))

    def final(self) -> BlockStamp:
        """The block up to which history is settled."""
        try:
            with answering():
                if self.finality == "finalized":
                    return _stamp(self.w3.eth.get_block("finalized"))
                newest = self.w3.eth.block_number
                return _stamp(self.w3.eth.get_block(max(0, newest - self.finality)))
        except BlockNotFound as error:
            raise Unreachable(f"the node does not have the block that it says is final ({error}); try again") from error

    def call_each(self, view: View, arguments: Sequence[tuple[Any, ...]], block: int) -> list[Any]:
        """A view's answers for many arguments, in batches where the node takes batches. Raises as each would.

        Encoded here: web3's own way to a batch takes ten times as long.
        """
        if not isinstance(self.w3.provider, HTTPProvider):
            return [view(*each).call(block_identifier=block) for each in arguments]
        answers: list[Any] = []
        for start in range(0, len(arguments), _BATCH):
            answers += self._call_batch(view, arguments[start : start + _BATCH], block)
        return answers

    def _call_batch(self, view: View, arguments: Sequence[tuple[Any, ...]], block: int) -> Iterator[Any]:
        call = view(*arguments[0])
        selector, takes = function_abi_to_4byte_selector(call.abi), get_abi_input_types(call.abi)
        gives = get_abi_output_types(call.abi)
        asked: Any = [
            (RPCEndpoint("eth_call"), [{"to": call.address, "data": _hex(selector + encode(takes, each))}, hex(block)])
            for each in arguments
        ]
        provider: Any = self.w3.provider
        with answering():
            told = provider.make_batch_request(asked)
        given = told if isinstance(told, list) and len(told) == len(asked) else [{}] * len(asked)
        for each, one in zip(arguments, given, strict=True):
            if isinstance(one.get("result"), str):
                found = decode(gives, bytes.fromhex(one["result"][2:]))
                yield found[0] if len(found) == 1 else list(found)
            else:  # once more by itself, to raise what it raises
                yield view(*each).call(block_identifier=block)

    def has_code(self, account: Address) -> bool:
        with answering():
            return len(self.w3.eth.get_code(self.w3.to_checksum_address(account))) > 0

    def balance_wei(self, account: Address) -> int:
        """What the account has for gas, now."""
        with answering():
            return int(self.w3.eth.get_balance(self.w3.to_checksum_address(account)))

    def stamp_at(self, number: int) -> BlockStamp | None:
        """None when the chain is shorter than that."""
        try:
            with answering():
                return _stamp(self.w3.eth.get_block(number))
        except BlockNotFound:
            return None


@contextmanager
def answering() -> Iterator[None]:
    """Turns a silent or broken node into Unreachable, and one that says that it cannot answer, such as for a block
    whose state it does not have yet or no more. A contract's own refusal passes through, and that there is no such
    block or transaction."""
    try:
        with hearing():
            yield
    except (BlockNotFound, TransactionNotFound):
        raise
    except Web3RPCError as error:
        raise Unreachable(f"the node could not answer: {rpc_error_text(error)}; try again") from error


@contextmanager
def hearing() -> Iterator[None]:
    """Turns a silent node into Unreachable; whatever it says passes through."""
    try:
        yield
    except (requests.RequestException, ProviderConnectionError, TimeExhausted, ConnectionError) as error:
        raise Unreachable(f"the chain's node did not answer ({type(error).__name__}); try again") from error


def rpc_error_text(error: Exception) -> str:
    """What a node said, without the envelope."""
    response: Any = getattr(error, "rpc_response", None)
    if response and isinstance(response.get("error"), dict):
        return str(response["error"].get("message", error))
    return str(error)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _stamp(block: BlockData) -> BlockStamp:
    return BlockStamp(number=block["number"], hash="0x" + bytes(block["hash"]).hex(), timestamp=block["timestamp"])
