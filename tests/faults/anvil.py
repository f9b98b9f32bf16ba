"""An anvil in a process of its own, with the verbs that the rehearsal's chain has."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from threading import local
from typing import Any

from web3 import HTTPProvider, Web3

from bridge.chain.connection import Connection
from bridge.chain.local import find_anvil, fund
from bridge.chain.signers import KeySigner

FINALITY = 2
"""Blocks of depth."""

KEPT_STATES = 200
"""Blocks of which anvil keeps the state in memory: several runs'. What it had put on disk was wrong."""


_HEAD = b"POST / HTTP/1.1\r\nHost: anvil\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Provider(HTTPProvider):
    """Over one connection of our own: `requests` takes longer around a call than anvil to answer it. The chain's id is
    asked for once, as `Connection.to` has it."""

    def __init__(self, chain: Anvil) -> None:
        super().__init__(chain.url)
        self._chain = chain
        self._chain_id = cache(partial(self._ask, "eth_chainId", []))

    def make_request(self, method: Any, params: Any) -> Any:  # type: ignore[override]
        if method == "eth_chainId":
            return self._chain_id()
        return self._chain.between(str(method), params, lambda: self._ask(method, params))

    def make_batch_request(self, batch_requests: Any) -> Any:
        def ask() -> Any:
            return self.decode_rpc_response(self._chain.post(self.encode_batch_rpc_request(batch_requests)))

        return self._chain.between("batch", batch_requests, ask)

    def _ask(self, method: Any, params: Any) -> Any:
        return self.decode_rpc_response(self._chain.post(self.encode_rpc_request(method, params)))


class Anvil:
    """Its own acts go round the connection, as the outside world's do: they are no points of the bridge. `between` is
    told of each call over the connection, as method, parameters and the call itself, and answers it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.between: Callable[[str, Any, Callable[[], Any]], Any] = lambda _method, _parameters, ask: ask()
        self.reconnect()
        self.w3 = Web3(Provider(self))
        # web3 reads a contract's ABI for as long as a few calls take; what it makes of it does not change.
        make, kept = self.w3.eth.contract, dict[tuple[Any, int], Any]()

        def contract(address: Any = None, **parts: Any) -> Any:
            key = (address, id(parts["abi"]))
            if key not in kept:
                kept[key] = make(address, **parts)
            return kept[key]

        self.w3.eth.contract = contract  # type: ignore[method-assign, assignment]
        self.connection = Connection(self.w3, FINALITY)

    def reconnect(self) -> None:
        """In a process that was forked: no two speak over one connection."""
        self._threads = local()

    def post(self, call: bytes) -> bytes:
        """Over a connection that is this thread's own."""
        if not hasattr(self._threads, "line"):
            host, _, port = self.url.removeprefix("http://").partition(":")
            self._threads.line = socket.create_connection((host, int(port)), timeout=30)
        line: socket.socket = self._threads.line
        line.sendall(_HEAD % len(call) + call)
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += _some(line)
        head, _, body = heard.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += _some(line)
        return body

    def rpc(self, method: str, *parameters: Any) -> Any:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        answer = json.loads(self.post(json.dumps(call).encode()))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def signer(self, seed: int) -> KeySigner:
        signer = KeySigner(seed.to_bytes(32, "big"))
        fund(self.connection, signer.address)
        return signer

    def mine(self, blocks: int) -> None:
        self.rpc("anvil_mine", hex(blocks))

    def pass_seconds(self, seconds: int) -> None:
        self.rpc("evm_increaseTime", seconds)
        self.mine(FINALITY + 1)

    def height(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    def reorganise(self, blocks: int = FINALITY) -> None:
        """Takes back as many blocks, by default those that are not final, with their transactions, and mines as many
        others and one."""
        self._settle_down()
        self.rpc("evm_setAutomine", False)
        self._settle_down()
        self.rpc("anvil_rollback", blocks)
        self.rpc("anvil_dropAllTransactions")
        self._differ()
        self.rpc("evm_setAutomine", True)
        self.mine(blocks + 1)

    def _settle_down(self) -> None:
        """What is sent is answered before it is mined, and a block that is being mined while others are taken back
        leaves its logs without its state."""
        for _ in range(200):
            if self.rpc("txpool_status")["pending"] == "0x0":
                return
            time.sleep(0.001)

    def snapshot(self) -> str:
        return str(self.rpc("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """For good: the snapshot is used up, so that another is taken. Who died over a reorg left blocks unmined."""
        assert self.rpc("evm_revert", snapshot)
        self.rpc("evm_setAutomine", True)
        self._differ()

    def _differ(self) -> None:
        """Blocks of the same content have another miner from here on, else they would be the same blocks again: no
        reorg at all, and anvil mistakes their states for those it has put away."""
        self.rpc("anvil_setCoinbase", "0x" + secrets.token_hex(20))


def _some(line: socket.socket) -> bytes:
    heard = line.recv(1 << 20)
    if not heard:
        raise ConnectionError("anvil has hung up")
    return heard


@contextmanager
def anvil() -> Iterator[Anvil]:
    program = find_anvil()
    if program is None:
        raise SystemExit("no anvil: run scripts/setup --contracts")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--port", str(port), "--silent", "--prune-history", str(KEPT_STATES)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(2400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.025)
        yield Anvil(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)
