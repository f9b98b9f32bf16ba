"""Where a remote key may live: what its entry may say, and what would put it at risk."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.domain.signing import RemoteKey

ADDRESS = "0x" + "ab" * 20


def key(**entries: Any) -> RemoteKey:
    return RemoteKey.model_validate({"url": "https://signer.example", "address": ADDRESS, "kind": "clef"} | entries)


@pytest.mark.parametrize(
    "url",
    ["https://signer.example:9000/eth1", "http://127.0.0.1:8550", "http://localhost:8550", "http://[::1]:8550"],
)
def test_it_is_reached_by_https_or_on_this_machine(url: str) -> None:
    assert key(url=url).is_private


@pytest.mark.parametrize(
    "host", ["signer.example", "10.0.0.7:8550", "localhost.example", "127.0.0.1.example", "[fe80::1]"]
)
def test_plain_http_to_another_machine_must_be_asked_for(host: str) -> None:
    with pytest.raises(ValidationError, match="plain_http = true"):
        key(url=f"http://{host}")
    assert not key(url=f"http://{host}", plain_http=True).is_private


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ({"url": "https://user:word@signer.example"}, "secrets never stand in this file"),
        ({"url": "https://signer.example/?token=word"}, "secrets never stand in this file"),
        ({"url": "ftp://signer.example"}, "neither http"),
        ({"url": "https://"}, "neither http"),
        ({"url": "https://signer.example:port"}, "ort"),
        ({"url": "https://signer.example/\r\nX: y"}, "letters that no address has"),
        ({"address": "0x12"}, "40 hex digits"),
        ({"kind": "ledger"}, "'web3signer', 'clef' or 'node'"),
        ({"certificate": "us.pem"}, "go together"),
        ({"url": "http://127.0.0.1:1", "ca": "ca.pem"}, "for https"),
        ({"answer_seconds": 0}, "greater than 0"),
        ({"token": "word"}, "Extra inputs"),
    ],
)
def test_a_wrong_entry_says_why(entries: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        key(**entries)
