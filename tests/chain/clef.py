"""A signer in a process of its own that speaks Clef's methods, with keys that only it knows. It announces its address
and accounts on one line, then serves until it is ended.

As Clef does, it refuses addresses without a checksum and numbers that are not text.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import is_checksum_address


class Clef(NamedTuple):
    url: str
    accounts: list[str]


@contextmanager
def clef(accounts: int) -> Iterator[Clef]:
    command = [sys.executable, "-m", "tests.chain.clef", str(accounts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Clef(**json.loads(process.stdout.readline()))
        finally:
            process.terminate()


def _serve(count: int) -> None:
    keys = [Account.from_key(secrets.token_bytes(32)) for _ in range(count)]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                said = {"result": _answer({key.address: key for key in keys}, asked["method"], asked["params"])}
            except Exception as error:
                said = {"error": {"code": -32000, "message": f"{type(error).__name__}: {error}"}}
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"]} | said).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    addresses = [key.address.lower() for key in keys]
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{server.server_port}", "accounts": addresses}) + "\n")
    sys.stdout.flush()
    server.serve_forever()


def _answer(keys: dict[str, LocalAccount], method: str, parameters: list[Any]) -> Any:
    if method == "account_list":
        return list(keys)
    if method == "account_signTransaction":
        (fields,) = parameters
        sender = fields.pop("from")
        assert all(is_checksum_address(fields[name]) for name in ("to",) if name in fields), "no checksum"
        signed = keys[sender].sign_transaction({"type": 2, **fields})
        return {"raw": signed.raw_transaction.to_0x_hex(), "tx": {"hash": signed.hash.to_0x_hex()}}
    if method == "account_signTypedData":
        sender, document = parameters
        return "0x" + keys[sender].sign_typed_data(full_message=_numbers_read(document)).signature.hex()
    raise LookupError(f"the method {method} does not exist")


def _numbers_read(document: Any) -> Any:
    types = document["types"]

    def read(kind: str, value: Any) -> Any:
        if kind.endswith("[]"):
            return [read(kind[:-2], one) for one in value]
        if kind in types:
            return {member["name"]: read(member["type"], value[member["name"]]) for member in types[kind]}
        assert isinstance(value, str), f"{kind} is not text"
        return int(value) if kind.startswith("uint") else value

    message = read(document["primaryType"], document["message"])
    return document | {"domain": read("EIP712Domain", document["domain"]), "message": message}


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
