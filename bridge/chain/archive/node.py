"""A node's raw answers, for those who read much: JSON-RPC over HTTP kept open, from several threads at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import json
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError
from web3 import HTTPProvider

from bridge.chain.connection import Connection
from bridge.domain.observed import BlockStamp
from bridge.errors import Unreachable, UsageError

MOST_BYTES = 512 * 2**20
"""Of one answer. A page that is larger is asked for in parts."""
_BATCH = 100
_TEXT = pa.string()
_LOG = pa.struct(
    [
        ("address", _TEXT),
        ("topics", pa.list_(_TEXT)),
        ("data", _TEXT),
        ("blockNumber", _TEXT),
        ("blockHash", _TEXT),
        ("transactionHash", _TEXT),
        ("transactionIndex", _TEXT),
        ("logIndex", _TEXT),
        ("removed", pa.bool_()),
    ]
)
_ANSWER = pa.schema([("result", pa.list_(_LOG))])
_CONNECTIONS = 8
_SECONDS = 60


class NodeRefused(Exception):
    """The node understood, and does not do it: most of all where a page is too large for it."""


class Node:
    """Raises Unreachable when the node does not answer in JSON-RPC; that is safe to repeat."""

    def __init__(self, url: str) -> None:
        again = Retry(3, backoff_factor=0.3, status_forcelist=(429, 502, 503, 504), allowed_methods=None, redirect=0)
        timeout = Timeout(connect=10, read=_SECONDS)
        self._url = url
        self._pool = PoolManager(maxsize=_CONNECTIONS, retries=again, timeout=timeout)

    @classmethod
    def of(cls, connection: Connection) -> Node:
        provider = connection.w3.provider
        if not isinstance(provider, HTTPProvider) or provider.endpoint_uri is None:
            raise UsageError("an archive is read from a node over HTTP; name its address as [chain] rpc")
        return cls(str(provider.endpoint_uri))

    def call(self, method: str, *parameters: Any) -> Any:
        """Raises NodeRefused."""
        return _result(self._ask({"jsonrpc": "2.0", "id": 0, "method": method, "params": parameters}), method)

    def logs(self, wanted: Mapping[str, Any]) -> pa.StructArray:
        """As `eth_getLogs` gives them, by field. Raises NodeRefused."""
        content = self._post({"jsonrpc": "2.0", "id": 0, "method": "eth_getLogs", "params": [wanted]})
        how = json.ParseOptions(_ANSWER, newlines_in_values=True, unexpected_field_behavior="ignore")
        whole = json.ReadOptions(use_threads=False, block_size=len(content) + 64)
        try:
            (found,) = json.read_json(pa.BufferReader(content), whole, how)["result"].chunks
        except (pa.ArrowException, ValueError):
            found = pa.nulls(1)
        if len(found) != 1 or found.null_count:
            _result(_parsed(content), "eth_getLogs")
            raise Unreachable("the chain's node gave something else than a list of logs; try again, or another node")
        return found.flatten()

    def stamps(self, numbers: Sequence[int]) -> list[BlockStamp | None]:
        """Of these blocks; None for those that the node does not have."""
        found: list[BlockStamp | None] = []
        for start in range(0, len(numbers), _BATCH):
            found += self._stamps(numbers[start : start + _BATCH])
        return found

    def stamp(self, number: int) -> BlockStamp | None:
        return self.stamps([number])[0]

    def _stamps(self, numbers: Sequence[int]) -> list[BlockStamp | None]:
        method = "eth_getBlockByNumber"
        calls = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": [hex(number), False]}
            for place, number in enumerate(numbers)
        ]
        answers = self._ask(calls) if len(calls) > 1 else None
        try:
            if isinstance(answers, list):
                placed = {answer["id"]: _result(answer, method) for answer in answers}
            else:  # some nodes take no batches
                placed = {place: self.call(method, hex(number), False) for place, number in enumerate(numbers)}
            return [_stamp(placed[place], number) for place, number in enumerate(numbers)]
        except NodeRefused as error:
            raise Unreachable(f"the node does not give out blocks ({error}); try again, or another node") from error
        except (KeyError, TypeError, ValueError) as error:
            raise Unreachable(
                "the node answered with something that is no block; try again, or another node"
            ) from error

    def _ask(self, body: Any) -> Any:
        return _parsed(self._post(body))

    def _post(self, body: Any) -> bytes:
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=orjson.dumps(body),
                headers={"Content-Type": "application/json"},
                preload_content=False,
            )
            try:
                content = response.read(MOST_BYTES + 1)
            finally:
                response.release_conn()
        except HTTPError as error:  # its text may name the address, and that a key
            raise Unreachable(f"the chain's node did not answer ({type(error).__name__}); try again") from error
        if len(content) > MOST_BYTES:
            raise NodeRefused(f"more than {MOST_BYTES:,} bytes")
        if response.status == 413:
            raise NodeRefused("too large")
        return content


def _parsed(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Unreachable(
            f"the chain's node answered with {len(content):,} bytes that are no JSON; try again"
        ) from error


def _result(answer: Any, method: str) -> Any:
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        raise NodeRefused(str(answer["error"].get("message", ""))[:200])
    if not isinstance(answer, dict) or "result" not in answer:
        raise Unreachable(f"the chain's node gave no result to {method}; try again, or another node")
    return answer["result"]


def _stamp(block: Any, number: int) -> BlockStamp | None:
    if block is None:
        return None
    stamp = BlockStamp(number=int(block["number"], 16), hash=block["hash"], timestamp=int(block["timestamp"], 16))
    if stamp.number != number:
        raise ValueError(f"block {stamp.number} is not block {number}")
    return stamp
