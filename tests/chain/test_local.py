"""The embedded chain answers programs of this machine, all at once, and no web page."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
import requests

from bridge.chain.connection import Connection
from bridge.chain.local import find_anvil, serve_embedded
from tests.chain.conftest import free_port, wait_for

CALL = json.dumps({"id": 1, "method": "eth_blockNumber", "params": []})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serve_embedded(0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def post(port: int, body: str = CALL, **headers: str) -> Any:
    return requests.post(f"http://127.0.0.1:{port}", data=body, headers=headers, timeout=10)


def test_a_program_is_answered_by_address_and_by_name(port: int) -> None:
    assert post(port).json()["result"].startswith("0x")
    assert post(port, Host=f"localhost:{port}").status_code == 200


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Host": "evil.example:1"}, {"Origin": "http://evil"}])
def test_a_web_page_is_refused(port: int, headers: dict[str, str]) -> None:
    assert post(port, **headers).status_code == 403


@pytest.mark.parametrize(("length", "status"), [("-1", 411), ("many", 411), ("99999999999", 413)])
def test_a_body_of_no_honest_length_is_not_read(port: int, length: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\n\r\n".encode())
        assert f" {status} " in line.recv(100).decode()


def test_one_who_says_nothing_holds_up_nobody(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as idle:
        idle.sendall(f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 50\r\n\r\n".encode())
        assert post(port).status_code == 200


def test_a_batch_is_answered_call_by_call(port: int) -> None:
    calls = [json.loads(CALL), {"id": 2, "method": "eth_chainId"}, {"id": 3}, 4]
    first, second, third, fourth = post(port, json.dumps(calls)).json()
    assert [first["id"], second["id"]] == [1, 2]
    assert first["result"].startswith("0x")
    assert int(second["result"], 16) > 0
    assert {third["error"]["code"], fourth["error"]["code"]} == {-32700}


def test_nesting_without_end_is_an_error_and_not_the_end(port: int) -> None:
    assert "not a JSON-RPC call" in post(port, "[" * 100_000).text
    assert post(port).status_code == 200


@pytest.mark.slow
def test_an_anvil_that_is_told_to_end_leaves_nobody_on_its_port() -> None:
    program, port = find_anvil(), free_port()
    if program is None:
        pytest.skip("no anvil: run scripts/setup --contracts")
    process = subprocess.Popen([program, "--port", str(port), "--silent"], stdout=subprocess.DEVNULL)
    try:
        wait_for(Connection.to(f"http://127.0.0.1:{port}", 0))
    finally:
        process.terminate()
        process.wait(10)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
