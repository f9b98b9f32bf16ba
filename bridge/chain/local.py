"""Chains that live on this machine: eth-tester inside the process or behind JSON-RPC, or anvil beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import orjson
from web3 import Web3
from web3.types import RPCEndpoint

from bridge.chain.connection import Connection, answering
from bridge.chain.reverts import revert_bytes
from bridge.chain.signers import KeySigner
from bridge.domain.values import Address
from bridge.errors import UsageError

ETHER = 10**18
_MAX_BODY = 4 * 1024 * 1024
_IDLE_SECONDS = 30
_OURSELVES = ("127.0.0.1", "localhost")


class LocalChain(Protocol):
    """A chain for rehearsals: it can be gone back to, and its clock moved."""

    @property
    def connection(self) -> Connection: ...

    def signer(self, seed: int) -> KeySigner: ...

    def pass_seconds(self, seconds: int) -> None: ...

    def mine(self, blocks: int) -> None: ...

    def snapshot(self) -> Any: ...

    def revert(self, snapshot: Any) -> None: ...


class EmbeddedChain:
    """An eth-tester chain: one block a transaction, final at once, its clock moved by hand."""

    def __init__(self) -> None:
        try:
            from eth_tester import EthereumTester, PyEVMBackend
            from web3.providers.eth_tester import EthereumTesterProvider
        except ImportError as error:
            raise UsageError("the embedded chain needs: pip install 'carbonbridge[local]'") from error
        backend: Any = PyEVMBackend()
        backend.chain.gas_estimator = _estimated
        self._tester = EthereumTester(backend)
        self.w3 = Web3(EthereumTesterProvider(self._tester))
        self.connection = Connection(self.w3, finality=0)

    def signer(self, seed: int) -> KeySigner:
        """A funded key that is the same in every run: for demonstrations and tests only."""
        signer = KeySigner(seed.to_bytes(32, "big"))
        fund(self.connection, signer.address)
        return signer

    def pass_seconds(self, seconds: int) -> None:
        """Moves the chain's clock and mines a block that carries the new time."""
        self._tester.time_travel(self.connection.head().timestamp + seconds)
        self._tester.mine_blocks(1)

    def mine(self, blocks: int) -> None:
        self._tester.mine_blocks(blocks)

    def snapshot(self) -> Any:
        return self._tester.take_snapshot()

    def revert(self, snapshot: Any) -> None:
        self._tester.revert_to_snapshot(snapshot)


_STIPEND = 2_300


def _estimated(state: Any, transaction: Any) -> int:
    """Gas that a transaction needs: what a run with all that a block has took, and a 64th more for what each call keeps
    back (EIP-150), if a second run ends well with that. py-evm's own way, which is left for where it does not, halves
    its way there in a dozen runs. Raises what the transaction raises."""
    from eth.estimators.gas import binary_gas_search_intrinsic_tolerance
    from eth.vm.spoof import SpoofTransaction

    def run(gas: int) -> Any:
        before = state.snapshot()
        try:
            return state.apply_transaction(SpoofTransaction(transaction, gas=gas, gas_price=0))
        finally:
            state.revert(before)

    most = state.gas_limit
    first = run(most)
    if first.is_error:
        raise first.error
    likely = min((most - first.get_gas_remaining()) * 64 // 63 + _STIPEND, most)
    return int(binary_gas_search_intrinsic_tolerance(state, transaction) if run(likely).is_error else likely)


def fund(connection: Connection, account: Address) -> None:
    """Ten ether for gas, from the local chain's own purse. Raises UsageError on a chain that has none."""
    with answering():
        purses = connection.w3.eth.accounts
        if not purses:
            raise UsageError("this chain has no unlocked account to pay from; fund the account yourself")
        payment: Any = {
            "from": purses[0],
            "to": connection.w3.to_checksum_address(account),
            "value": 10 * ETHER,
        }
        connection.w3.eth.send_transaction(payment)


def pass_seconds(connection: Connection, seconds: int) -> None:
    """Moves a local chain's clock and mines a block that carries the new time. For deadlines in rehearsals."""
    for method, parameters in (("evm_increaseTime", [seconds]), ("evm_mine", [])):
        with answering():
            response = connection.w3.provider.make_request(RPCEndpoint(method), parameters)
        if "error" in response:
            raise UsageError(f"this chain does not let its clock be moved: {response['error']}")


def find_anvil() -> str | None:
    """The anvil on the PATH, or the one that a checkout's contracts/ installed: the program itself, since the scripts
    that npm puts before it die of a signal and leave it running."""
    installed = Path(__file__).parents[2] / "contracts" / "node_modules" / "@foundry-rs"
    programs = [str(found) for found in installed.glob("anvil-*/bin/anvil")]
    return shutil.which("anvil") or next(iter(programs), None)


def serve_embedded(port: int) -> HTTPServer:
    """An eth-tester chain behind JSON-RPC, on loopback only; the caller runs `serve_forever`.

    Web pages in a browser of this machine reach loopback too, so whatever they may have sent is refused.
    """
    chain, one_at_a_time = EmbeddedChain(), Lock()

    class Handler(BaseHTTPRequestHandler):
        timeout = _IDLE_SECONDS

        def do_POST(self) -> None:
            if refusal := _refusal(self.headers):
                self.send_error(refusal)
                return
            call = self.rfile.read(int(self.headers["Content-Length"]))
            with one_at_a_time:
                body = json.dumps(_answers(chain, call)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent: the commands say what happens."""

    return _Server(("127.0.0.1", port), Handler)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Silent: a caller who hangs up is no event, and what the chain refuses is answered."""


def _refusal(headers: Message) -> int | None:
    """The HTTP status for who is no program of this machine, or sends no body of a length that we read."""
    if headers.get("Host", "").rpartition(":")[0] not in _OURSELVES or "Origin" in headers:
        return 403
    length = headers.get("Content-Length", "")
    if not (length.isascii() and length.isdigit()):
        return 411
    return 413 if int(length) > _MAX_BODY else None


def _answers(chain: EmbeddedChain, body: bytes) -> Any:
    """To one call, or to each of a batch."""
    try:
        calls = orjson.loads(body)  # bounds nesting by itself; py-evm lifts Python's own limit until the stack bursts
    except ValueError:
        calls = None
    if isinstance(calls, list) and calls:
        return [_answer(chain, call) for call in calls]
    return _answer(chain, calls)


def _answer(chain: EmbeddedChain, call: Any) -> dict[str, Any]:
    try:
        method, parameters, call_id = call["method"], call.get("params", []), call.get("id")
    except (AttributeError, KeyError, TypeError):
        return {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "not a JSON-RPC call"}}
    try:
        return {"jsonrpc": "2.0", "id": call_id} | _call(chain, method, parameters)
    except Exception as error:  # whatever the chain refuses is an answer, never the end of the server
        return {"jsonrpc": "2.0", "id": call_id, "error": _error(str(error))}


def _call(chain: EmbeddedChain, method: str, parameters: list[Any]) -> dict[str, Any]:
    if method == "evm_increaseTime":
        chain.pass_seconds(parameters[0])
        return {"result": parameters[0]}
    if method == "evm_mine":
        chain.mine(1)
        return {"result": "0x0"}
    provider: Any = chain.w3.provider
    response = provider.request_func(chain.w3, chain.w3.middleware_onion)(method, parameters)
    if "error" in response:
        return {"error": _error(str(response["error"]["message"]))}
    return {"result": _wire(response["result"])}


def _error(message: str) -> dict[str, Any]:
    data = revert_bytes(message)
    if isinstance(data, bytes):
        return {"code": 3, "message": "execution reverted", "data": "0x" + data.hex()}
    return {"code": -32000, "message": message}


def _wire(value: Any, name: str = "") -> Any:
    """eth-tester's Python values as JSON-RPC writes them."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        if name == "logsBloom":
            return f"0x{value:0512x}"
        return value if name == "code" else hex(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {key: _wire(member, key) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_wire(member) for member in value]
    return str(value)
