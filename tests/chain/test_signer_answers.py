"""What a remote signer may answer: the very thing that was asked, signed by the very key; every lie halts."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rlp
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from bridge.chain.signers import KeySigner, in_full
from bridge.chain.signers.answers import Asked, read_accounts, read_signature, read_transaction
from bridge.chain.signers.rpc import MOST_BYTES, read_answer
from bridge.domain.attestations import Deployment, Refusal, typed_data
from bridge.domain.signing import CURVE_ORDER
from bridge.errors import Halted, SignerRefused, Unreachable

KEY, OTHER_KEY = (n.to_bytes(32, "big") for n in (7, 8))
SIGNER = KeySigner(KEY)
WHO = "the signer of key operator"
PLAIN: dict[str, Any] = {
    "chainId": 1,
    "nonce": 5,
    "to": to_checksum_address("0x" + "ab" * 20),
    "value": 3,
    "data": "0x1234",
    "gas": 90_000,
    "maxFeePerGas": 20,
    "maxPriorityFeePerGas": 2,
}
CREATION = {**PLAIN, "to": b"", "data": HexBytes("0x6001")}
HERE = Deployment(chain_id=1, contract="0x" + "11" * 20)
DOCUMENT = typed_data(HERE, [Refusal(request_id="0x" + "22" * 32, reason="no-such-account")])
SIGNATURE = in_full(SIGNER.sign(DOCUMENT))


def signed(transaction: dict[str, Any], key: bytes = KEY) -> str:
    fields = {name: value for name, value in transaction.items() if value != b""}
    return str(Account.sign_transaction(fields, key).raw_transaction.to_0x_hex())


def with_high_s(raw: str) -> str:
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    mirrored = fields | {"s": CURVE_ORDER - fields["s"], "v": 1 - fields["v"]}
    return "0x" + bytes(TypedTransaction.from_dict(mirrored).encode()).hex()


def with_v(raw: str, v: int) -> str:
    """The recovery bit written in another way, which no node takes."""
    parts = rlp.decode(bytes.fromhex(raw[4:]))
    return "0x02" + rlp.encode([*parts[:-3], bytes([v]), *parts[-2:]]).hex()


def read(answer: Any, transaction: dict[str, Any] = PLAIN) -> Any:
    return read_transaction(WHO, answer, Asked.of(transaction), SIGNER.address, 1_000)


@pytest.mark.parametrize("transaction", [PLAIN, CREATION])
def test_what_was_asked_is_taken_as_our_own_key_would_give_it(transaction: dict[str, Any]) -> None:
    own = SIGNER.sign_transaction({**transaction, "to": transaction["to"] or ""}, 1_000)
    assert read(own.raw, transaction) == own
    assert read({"raw": own.raw, "tx": {"nonce": "0x63"}}, transaction) == own


def test_what_is_signed_again_with_higher_fees_reads_back_the_same() -> None:
    fields = TypedTransaction.from_bytes(HexBytes(signed(PLAIN))).as_dict()
    assert Asked.of(fields) == Asked.of(PLAIN)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"nonce": 6}, "nonce 6, not 5"),
        ({"chainId": 2}, "chain id 2, not 1"),
        ({"value": 10**18}, "value 1,000,000,000,000,000,000, not 3"),
        ({"gas": 90_001}, "gas 90,001, not 90,000"),
        ({"maxFeePerGas": 21}, "fee 21, not 20"),
        ({"maxPriorityFeePerGas": 3}, "tip 3, not 2"),
        ({"to": to_checksum_address("0x" + "cd" * 20)}, f"to 0x{'cd' * 20}, not 0x{'ab' * 20}"),
        ({"to": b""}, "to nobody, not 0xab"),
        ({"data": "0x1235"}, "other data"),
        ({"data": "0x"}, "other data"),
        ({"accessList": ({"address": "0x" + "cd" * 20, "storageKeys": ()},)}, "an access list"),
    ],
)
def test_another_transaction_halts_and_names_what_differs(change: dict[str, Any], told: str) -> None:
    with pytest.raises(Halted, match="signed something else") as halted:
        read(signed(PLAIN | change))
    assert told in str(halted.value)
    assert "nothing was sent" in str(halted.value)


def test_another_type_halts() -> None:
    fees = ("maxFeePerGas", "maxPriorityFeePerGas")
    legacy = {name: value for name, value in PLAIN.items() if name not in fees} | {"gasPrice": 20}
    with pytest.raises(Halted, match="of type 0, not 2"):
        read(signed(legacy))
    with pytest.raises(Halted, match="of type 1, not 2"):
        read(signed(legacy | {"accessList": ()}))


def test_another_key_halts_and_a_high_s_does() -> None:
    with pytest.raises(Halted, match=f"with the key of {KeySigner(OTHER_KEY).address}"):
        read(signed(PLAIN, OTHER_KEY))
    assert Account.recover_transaction(with_high_s(signed(PLAIN))).lower() == SIGNER.address
    with pytest.raises(Halted, match="high s"):
        read(with_high_s(signed(PLAIN)))


@pytest.mark.parametrize(
    "answer",
    [
        *(None, 5, [], {}, "", "0x", "0xf", "02", "garbage", {"raw": None}, {"raw": 2}, {"tx": {}}),
        *("0x02", "0x02c0", "0x02deadbeef", signed(PLAIN) + "00", signed(PLAIN)[:-2], "0x02" + "ff" * 2000),
    ],
    ids=lambda answer: str(answer)[:12],
)
def test_garbage_halts(answer: Any) -> None:
    with pytest.raises(Halted, match=r"no transaction at all|no signed transaction"):
        read(answer)


@pytest.mark.parametrize("v", [SIGNATURE[-2:], f"{int(SIGNATURE[-2:], 16) - 27:02x}"])
def test_a_signature_is_taken_with_either_v_in_our_compact_form(v: str) -> None:
    answer = SIGNATURE[:-2] + v
    assert read_signature(WHO, answer, DOCUMENT, SIGNER.address) == SIGNER.sign(DOCUMENT)
    assert read_signature(WHO, "0x" + answer[2:].upper(), DOCUMENT, SIGNER.address) == SIGNER.sign(DOCUMENT)


def mirrored(signature: str) -> str:
    s, v = CURVE_ORDER - int(signature[66:130], 16), 27 + 28 - int(signature[130:], 16)
    return f"{signature[:66]}{s:064x}{v:02x}"


OTHER_DOCUMENT = typed_data(HERE.model_copy(update={"chain_id": 2}), [Refusal(request_id="0x" + "22" * 32, reason="x")])


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (in_full(SIGNER.sign(OTHER_DOCUMENT)), "another document, or with another key"),
        (in_full(KeySigner(OTHER_KEY).sign(DOCUMENT)), KeySigner(OTHER_KEY).address),
        (mirrored(SIGNATURE), "high s"),
        (SIGNATURE[:-2] + "1d", "v is 29"),
        (SIGNATURE[:-2] + "25", "v is 37"),
        (SIGNATURE[:-2], "65 bytes"),
        (SIGNATURE + "00", "65 bytes"),
        (SIGNATURE + "\n", "65 bytes"),
        ("0x" + "00" * 65, "nobody"),
        (SIGNATURE[:66] + "00" * 32 + SIGNATURE[130:], "nobody"),
        ("0x" + "ff" * 32 + SIGNATURE[66:], "nobody"),
        *((answer, "65 bytes") for answer in (None, 5, [], {}, "", "garbage")),
    ],
)
def test_another_signature_halts(answer: Any, told: str) -> None:
    with pytest.raises(Halted, match="signed something else") as halted:
        read_signature(WHO, answer, DOCUMENT, SIGNER.address)
    assert told in str(halted.value)


def test_accounts_are_a_list_of_addresses_or_nothing() -> None:
    assert read_accounts(["0x" + "AB" * 20]) == ["0x" + "ab" * 20]
    assert [read_accounts(answer) for answer in (None, "0x", [5], ["0x12"], {"a": 1})] == [None] * 5


def envelope(**members: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1} | members).encode()


def test_a_result_is_taken_from_its_envelope() -> None:
    assert read_answer(WHO, 200, envelope(result="0x12")) == "0x12"


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_refusal_is_told_in_the_signers_words_escaped_and_shortened(status: int) -> None:
    words = "Request denied\x1b[2J\ncarbonbridge: all is well\u202e" + "x" * 1000
    with pytest.raises(SignerRefused, match="does not sign: 'Request denied") as refused:
        read_answer(WHO, status, envelope(error={"code": -32000, "message": words}))
    told = str(refused.value)
    assert told.isprintable()
    assert "…" in told
    assert len(told) < 300


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b"\xff\xfe", b"[]", b"null", b"5", b"[" * 100_000, b'{"jsonrpc":"2.0"}'),
        *(envelope(id=2, result="0x"), envelope(id=None, result="0x"), envelope(jsonrpc="1.0", result="0x")),
        envelope(error="no"),
    ],
    ids=lambda body: str(body)[:40],
)
def test_what_is_no_answer_to_our_question_is_not_taken(body: bytes) -> None:
    with pytest.raises(SignerRefused, match="does not speak JSON-RPC"):
        read_answer(WHO, 200, body)
    assert len(body) < MOST_BYTES


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (302, SignerRefused, "nobody is followed"),
        (401, SignerRefused, "token"),
        (404, SignerRefused, "HTTP 404"),
        (503, Unreachable, "try again"),
    ],
)
def test_a_status_says_whether_it_is_worth_repeating(status: int, error: type[Exception], told: str) -> None:
    for body in (b"<html>", envelope(result="0x")):
        with pytest.raises(error, match=told):
            read_answer(WHO, status, body)


def test_a_recovery_bit_that_no_node_takes_halts() -> None:
    for v in (27, 28, 37, 38, 2):
        with pytest.raises(Halted, match=r"recovery bit|no signed transaction"):
            read(with_v(signed(PLAIN), v))


def test_what_is_spelt_in_a_way_that_no_node_takes_halts() -> None:
    parts = rlp.decode(bytes.fromhex(signed(PLAIN)[4:]))
    payload = rlp.encode(parts)
    assert read("0x02" + payload.hex())
    for spelt in (
        rlp.encode([parts[0], b"\x00" + parts[1], *parts[2:]]),  # a number with a leading zero
        payload[:1] + b"\x00" + payload[1:],
        b"\xf9" + len(payload[2:]).to_bytes(2, "big") + payload[2:],  # a length longer than it need be
    ):
        with pytest.raises(Halted, match="no signed transaction"):
            read("0x02" + spelt.hex())
