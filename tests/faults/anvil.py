"""An anvil in a process of its own, with the verbs that the rehearsal's chain has."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

from bridge.chain.connection import Connection
from bridge.chain.local import find_anvil, fund
from bridge.chain.signers import KeySigner

FINALITY = 2
"""Blocks of depth."""

KEPT_STATES = 200
"""Blocks of which anvil keeps the state in memory: several runs'. What it had put on disk was wrong."""


class Anvil:
    """Its own acts go round the connection, as the outside world's do: they are no points of the bridge."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = HTTPConnection(url.removeprefix("http://"), timeout=30)
        self.connection = Connection.to(url, FINALITY)
        self.w3 = self.connection.w3

    def post(self, call: bytes) -> bytes:
        """Over one connection of our own: `requests` takes longer around a call than anvil to answer it."""
        self._http.request("POST", "/", call, {"Content-Type": "application/json"})
        return self._http.getresponse().read()

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

    def reorganise(self) -> None:
        """Takes back as many blocks as are not final, with their transactions, and mines as many others and one."""
        self._settle_down()
        self.rpc("evm_setAutomine", False)
        self._settle_down()
        self.rpc("anvil_rollback", FINALITY)
        self.rpc("anvil_dropAllTransactions")
        self._differ()
        self.rpc("evm_setAutomine", True)
        self.mine(FINALITY + 1)

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
        """For good: the snapshot is used up, so that another is taken."""
        assert self.rpc("evm_revert", snapshot)
        self._differ()

    def _differ(self) -> None:
        """Blocks of the same content have another miner from here on, else they would be the same blocks again: no
        reorg at all, and anvil mistakes their states for those it has put away."""
        self.rpc("anvil_setCoinbase", "0x" + secrets.token_hex(20))


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
