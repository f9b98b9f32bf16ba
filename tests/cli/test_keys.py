"""A fresh configuration: what is written, who can read it, and what is never shown."""

from __future__ import annotations

import json
import os
import pty
import tomllib
from pathlib import Path

import pytest

from bridge.chain.signers import open_keystore
from bridge.cli.keys import NAMES
from bridge.settings import load
from tests.cli.office import COMMAND, PASSWORD, Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_init_writes_a_configuration_that_loads(office: Office) -> None:
    made = office.told("init", "--dev")
    config = load(office.folder / "carbonbridge.toml")
    assert config.chain.rpc == "http://127.0.0.1:8545"
    assert config.chain.finality == 0
    assert set(config.programmes) == {"VERRA", "GS", "ITL", "ACR", "CAR"}
    assert all((p.threshold, len(p.attesters)) == (2, 3) for p in config.programmes.values())
    assert list(made["keys"]) == list(NAMES)
    assert config.contract is None


@pytest.mark.slow
def test_init_for_a_real_chain_waits_for_its_finality_and_uses_heavy_keys(office: Office, tmp_path: Path) -> None:
    office.told("init", "--rpc", "https://node.example")
    assert tomllib.loads((tmp_path / "carbonbridge.toml").read_text())["chain"]["finality"] == "finalized"
    kdf = json.loads((tmp_path / "keys" / "admin.json").read_text())["crypto"]["kdfparams"]
    assert kdf.get("c", 0) >= 100_000 or kdf.get("n", 0) >= 2**17


def test_init_without_a_chain_asks_which(office: Office) -> None:
    assert "--rpc" in office.refused(2, "init")


def test_init_never_overwrites(office: Office) -> None:
    office.done("init", "--dev")
    before = {path: path.read_bytes() for path in office.folder.rglob("*") if path.is_file()}
    assert "exists already" in office.refused(2, "init", "--dev")
    assert {path: path.read_bytes() for path in office.folder.rglob("*") if path.is_file()} == before


def test_key_files_are_their_owners_alone_and_keys_are_never_shown(office: Office) -> None:
    office.done("init", "--dev")
    office.done("key", "new", "alice", "--dev")
    assert "alice" in office.done("key", "list")
    secrets = []
    for path in (office.folder / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        secrets.append(bytes(open_keystore(path, PASSWORD)._account.key).hex())
    assert len(secrets) == len(NAMES) + 1
    kept = [path.read_text() for path in office.folder.rglob("*") if path.is_file()]
    for secret in [*secrets, PASSWORD]:
        assert not any(secret in text for text in (*office.transcript, *kept))


def test_a_key_is_never_overwritten_and_stays_in_its_folder(office: Office) -> None:
    office.done("init", "--dev")
    assert "never overwritten" in office.refused(2, "key", "new", "admin")
    assert "no key name" in office.refused(2, "key", "new", "../elsewhere")


def test_without_a_password_and_a_terminal_it_says_how_to_give_one(office: Office) -> None:
    office.password = None
    assert "CARBONBRIDGE_PASSWORD" in office.refused(2, "init", "--dev")
    assert not (office.folder / "carbonbridge.toml").exists()


def test_without_a_configuration_it_says_how_to_make_one(office: Office) -> None:
    assert "carbonbridge init" in office.refused(2, "holder", "balance")


def test_a_broken_configuration_is_named_with_the_entry(office: Office) -> None:
    office.done("init", "--dev")
    path = office.folder / "carbonbridge.toml"
    path.write_text(path.read_text().replace("finality = 0", 'finality = "soon"'))
    assert "finality" in office.refused(2, "key", "list")


def test_a_silent_node_is_unreachable(office: Office) -> None:
    office.done("init", "--rpc", "http://127.0.0.1:9", "--dev")
    assert "did not answer" in office.refused(3, "operator", "deploy")
    assert "did not answer" in office.refused(3, "dev", "fund")


def test_a_wrong_password_is_said_without_a_trace(office: Office) -> None:
    office.done("init", "--rpc", "http://127.0.0.1:9", "--dev")
    office.password = "wrong"
    assert "password does not open" in office.refused(2, "operator", "deploy")


def test_typers_own_complaints_are_json_too(office: Office) -> None:
    ran = office.run("holder", "retire", "--json")
    assert ran.code == 2
    assert json.loads(ran.err)["error"] == "UsageError"


def test_a_password_is_asked_for_twice_and_never_echoed(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.pop("CARBONBRIDGE_PASSWORD", None)
        os.environ["CARBONBRIDGE_CONFIG"] = str(tmp_path / "carbonbridge.toml")
        os.execv(COMMAND[0], [*COMMAND, "init", "--dev"])  # noqa: S606 the program under test
    shown = _answer(terminal, [PASSWORD, PASSWORD])
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert "Password for new keys" in shown
    assert PASSWORD not in shown
    assert open_keystore(tmp_path / "keys" / "holder.json", PASSWORD).address


def _answer(terminal: int, answers: list[str]) -> str:
    """Types an answer at each prompt; gives all that the terminal showed."""
    shown = ""
    while True:
        try:
            shown += os.read(terminal, 1024).decode()
        except OSError:  # the other end has left
            return shown
        if answers and shown.count(": ") > 2 - len(answers):
            os.write(terminal, (answers.pop(0) + "\n").encode())
