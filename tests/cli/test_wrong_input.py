"""Whatever a file or the configuration holds, the answer is a sentence and an exit code, never a trace or a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridge import bootstrap, settings
from bridge.chain.signers import create_keystore, open_keystore
from bridge.domain.attestations import Receipt
from bridge.domain.lifecycle import Kind
from bridge.errors import UsageError
from tests.cli.office import PASSWORD, Office


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    Office(folder).done("init", "--dev", "--rpc", "http://127.0.0.1:9")
    return folder


@pytest.fixture
def office(made: Path, tmp_path: Path) -> Office:
    """The configuration may be spoilt; it is another one for each test."""
    text = (made / "carbonbridge.toml").read_text()
    (tmp_path / "carbonbridge.toml").write_text(text)
    (tmp_path / "keys").symlink_to(made / "keys")
    return Office(tmp_path)


def broken(*_: object, **__: object) -> Any:
    raise RuntimeError("secret-in-the-text")


def test_an_error_that_nobody_foresaw_is_one_sentence_and_exit_70(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "load", broken)
    shown = office.refused(70, "key", "list")
    assert ("RuntimeError" in shown, "secret" in shown) == (True, False)
    monkeypatch.setenv("CARBONBRIDGE_DEBUG", "1")
    assert "Traceback" in office.run("key", "list").err


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", DEEP, '{"findings": 5, "in_flight": []}', '{"findings": [1]}']
)
def test_what_is_no_stored_reconciliation_is_said_to_be_none(office: Office, text: str) -> None:
    file = office.folder / "report.json"
    file.write_text(text)
    assert "no stored reconciliation" in office.refused(2, "compliance", "findings", str(file))


@pytest.mark.parametrize("text", ["", "{}", DEEP, "\x00"])
def test_what_is_no_certificate_is_said_to_be_none(office: Office, text: str) -> None:
    file = office.folder / "certificate.json"
    file.write_text(text)
    assert "is no certificate" in office.refused(2, "holder", "verify", str(file))


@pytest.mark.parametrize("second", [-1, 2**64])
def test_a_receipt_s_moment_is_one_that_can_be_signed(second: int) -> None:
    with pytest.raises(ValueError, match="executed_at"):
        Receipt(request_id="0x" + "11" * 32, kind=Kind.RETIREMENT, ranges=(), reference="r", executed_at=second)


SECRET = "s3cret-w0rd"


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("finality = 0", "finality = -5", "finality"),
        ("[chain]", 'folder = "/"\n[chain]', "folder"),
        ("sqlite:///journal.db", f"nonsense {SECRET}", "journal"),
        ("sqlite:///journal.db", f"oracle://u:{SECRET}@host/x", "journal"),
        ("sqlite:///journal.db", f"nodb://u:{SECRET}@host/x?password={SECRET}", "journal"),
        ("sqlite:///registry.db", f"post gres://u:{SECRET}@host/x", "registry"),
        ("sqlite:///registry.db", f"postgresql://u:{SECRET}/x", "registry"),
        ("sqlite:///registry.db", "sqlite:///carbonbridge.toml", "registry"),
        ("sqlite:///journal.db", "sqlite:///carbonbridge.toml", "journal"),
    ],
)
def test_a_wrong_entry_of_the_configuration_is_named_without_its_secrets(
    office: Office, old: str, new: str, fault: str
) -> None:
    path = office.folder / "carbonbridge.toml"
    path.write_text(path.read_text().replace(old, new))

    def both() -> None:
        config = settings.load(path)
        bootstrap.journal(config)
        bootstrap.ledger(config)

    with pytest.raises(UsageError) as wrong:
        both()
    assert fault in str(wrong.value)
    assert SECRET not in str(wrong.value)


def test_a_configuration_that_is_not_utf_8_is_said_so(office: Office) -> None:
    (office.folder / "carbonbridge.toml").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in office.refused(2, "key", "list")


@pytest.mark.sqlite
def test_databases_are_their_owners_alone(office: Office) -> None:
    config = settings.load(office.folder / "carbonbridge.toml")
    bootstrap.journal(config)
    bootstrap.ledger(config)
    files = sorted(office.folder.glob("*.db*"))
    assert {"journal.db", "registry.db"} <= {file.name for file in files}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.update(crypto={}),
        lambda file: file.update(address="zz"),
        lambda file: file.update(version=4),
        lambda file: file["crypto"].update(kdf="unknown"),
        lambda file: file["crypto"].update(kdf=5),
        lambda file: file["crypto"].update(kdfparams={}),
        lambda file: file["crypto"]["kdfparams"].pop("salt"),
        lambda file: file["crypto"]["kdfparams"].update(n=3),
        lambda file: file["crypto"]["cipherparams"].update(iv="zz"),
        lambda file: file["crypto"].update(mac="zz"),
        lambda file: file["crypto"].pop("ciphertext"),
    ],
)
def test_a_spoilt_key_file_is_named(tmp_path: Path, spoil: Callable[[dict[str, Any]], None]) -> None:
    path = tmp_path / "key.json"
    create_keystore(path, PASSWORD, light=True)
    file = json.loads(path.read_text())
    spoil(file)
    path.write_text(json.dumps(file))
    with pytest.raises(UsageError, match=r"key\.json"):
        open_keystore(path, PASSWORD)


def test_a_key_file_that_names_another_account_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    create_keystore(path, PASSWORD, light=True)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"address": "22" * 20}))
    with pytest.raises(UsageError, match="another account"):
        open_keystore(path, PASSWORD)
