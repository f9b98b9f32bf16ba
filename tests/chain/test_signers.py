"""Keys: encrypted, private to their owner, never shown; what they sign is what the contract reads."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from bridge.chain.signers import KeySigner, create_keystore, keystore_address, open_keystore, recover
from bridge.domain.attestations import Deployment, Refusal, typed_data
from bridge.errors import UsageError

HERE = Deployment(chain_id=1, contract="0x" + "11" * 20)
DOCUMENT = typed_data(HERE, [Refusal(request_id="0x" + "22" * 32, reason="no-such-account")])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "operator.json"
    create_keystore(path, "secret", light=True)
    return path


def test_a_wrong_password_a_missing_file_and_a_broken_one_are_told_apart(file: Path) -> None:
    with pytest.raises(UsageError, match="password does not open"):
        open_keystore(file, "wrong")
    with pytest.raises(UsageError, match="no key file"):
        open_keystore(file.with_name("none.json"), "secret")
    file.write_text('{"version": 3}')
    with pytest.raises(UsageError, match="not a version 3 keystore"):
        open_keystore(file, "secret")


def test_a_key_file_is_private_and_one_that_others_can_read_is_refused(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    file.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        open_keystore(file, "secret")


def test_a_key_is_never_overwritten(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        create_keystore(file, "other", light=True)
    assert file.read_bytes() == before


def test_the_key_stands_neither_in_the_file_nor_in_text_nor_in_logs(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    signer = open_keystore(file, "secret")
    key = bytes(signer._account.key).hex()
    assert key not in file.read_text()
    assert key not in repr(signer) + str(signer) + caplog.text
    assert "0x" + json.loads(file.read_text())["address"].lower() == signer.address == keystore_address(file)


def test_who_signed_is_recovered_and_another_document_recovers_to_somebody_else() -> None:
    signer = KeySigner((7).to_bytes(32, "big"))
    signature = signer.sign(DOCUMENT)
    assert recover(DOCUMENT, signature) == signer.address
    other_chain = typed_data(
        HERE.model_copy(update={"chain_id": 2}), [Refusal(request_id="0x" + "22" * 32, reason="no-such-account")]
    )
    assert recover(other_chain, signature) != signer.address
