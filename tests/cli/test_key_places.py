"""Keys in the environment and with signers of other processes: one place each, never shown, and checked beforehand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.chain.signers import KeySigner
from bridge.domain.signing import CURVE_ORDER
from bridge.settings import load
from tests.chain.clef import clef
from tests.cli.office import Office, chain_process, free_port

SECRET = "11" * 32
OWN = KeySigner(bytes.fromhex(SECRET)).address
STOVES = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    made.done("init", "--dev")
    return made


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CARBONBRIDGE_KEY_CI_RUNNER", f"0x{SECRET}")
    return SECRET


def entrust(office: Office, name: str, url: str, address: str, **entries: str) -> None:
    """Gives a key to a signer: its section in the configuration, and no file any more."""
    path = office.folder / "carbonbridge.toml"
    facts = {"url": url, "address": address, "kind": "clef"} | entries
    section = [f"[signers.{name}]", *(f'{key} = "{value}"' for key, value in facts.items())]
    path.write_text(path.read_text() + "\n" + "\n".join(section) + "\n")
    (office.folder / "keys" / f"{name}.json").unlink(missing_ok=True)


def test_every_key_is_listed_with_its_place(office: Office, secret: str) -> None:
    entrust(office, "operator", "http://127.0.0.1:8550", "0x" + "ab" * 20)
    listed = office.told("key", "list")
    assert {name: key["place"] for name, key in listed.items() if key["place"] != "file"} == {
        "ci-runner": "environment",
        "operator": "clef http://127.0.0.1:8550",
    }
    assert listed["ci-runner"]["address"].lower() == OWN
    assert listed["operator"]["address"].lower() == "0x" + "ab" * 20
    shown = office.done("key", "list")
    assert "clef http://127.0.0.1:8550" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_a_key_in_the_environment_is_warned_of_on_stderr_and_never_shown(office: Office, secret: str) -> None:
    assert (
        "ci-runner: private keys from CARBONBRIDGE_KEY_…, which are for tests and CI only"
        in office.run("key", "list").complaint
    )
    assert "tests and CI" in json.loads(office.run("key", "list", "--json").err)["warning"]
    assert not any(secret in text.lower() for text in office.transcript)
    assert secret not in repr(KeySigner(bytes.fromhex(secret)))


@pytest.mark.parametrize(
    "wrong",
    ["", "0x", SECRET[:-1], SECRET + "1", "z" * 64, "0" * 64, f"{CURVE_ORDER:064x}", f" {SECRET}", f"{SECRET}\n"],
)
def test_a_malformed_key_in_the_environment_is_refused_and_not_shown(
    office: Office, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("CARBONBRIDGE_KEY_CI_RUNNER", wrong)
    ran = office.run("key", "list")
    assert (ran.code, ran.out) == (2, "")
    assert "CARBONBRIDGE_KEY_CI_RUNNER holds no private key" in ran.err
    assert len(wrong) < 8 or wrong.strip() not in ran.err


def test_init_makes_no_file_for_a_key_that_the_environment_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARBONBRIDGE_KEY_OPERATOR", SECRET)
    office = Office(tmp_path)
    assert "operator" not in office.told("init", "--dev")["keys"]
    assert office.told("key", "list")["operator"]["place"] == "environment"


def test_a_key_in_two_places_is_refused_and_both_are_named(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CARBONBRIDGE_KEY_HOLDER", SECRET)
    said = office.run("key", "list").complaint
    assert "variable CARBONBRIDGE_KEY_HOLDER and the file" in said
    assert str(tmp_path / "keys" / "holder.json") in said
    entrust(office, "holder", "http://127.0.0.1:8550", "0x" + "ab" * 20)
    said = office.run("key", "list").complaint
    assert "variable CARBONBRIDGE_KEY_HOLDER and [signers.holder] of" in said
    monkeypatch.delenv("CARBONBRIDGE_KEY_HOLDER")
    assert "lives elsewhere already" in office.refused(2, "key", "new", "holder")
    (office.folder / "keys" / "holder.json").write_text("{}")
    assert "[signers.holder] of" in office.refused(2, "key", "list")


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"url": "http://signer.example"}, "signers.operator: Value error, http only reaches signers on this machine"),
        ({"url": "https://me:word@signer.example"}, "secrets never stand in this file"),
        ({"kind": "ledger"}, "signers.operator.kind"),
        ({"address": "0x12"}, "signers.operator.address"),
        ({"token": "word"}, "signers.operator.token: Extra inputs"),
        ({"certificate": "us.pem"}, "certificate_key go together"),
    ],
)
def test_a_wrong_signer_is_named_with_its_entry(office: Office, entries: dict[str, str], told: str) -> None:
    entrust(office, "operator", **({"url": "https://signer.example", "address": "0x" + "ab" * 20} | entries))
    assert told in office.refused(2, "key", "list")


def test_files_of_a_signer_lie_beside_the_configuration(office: Office) -> None:
    files = {"ca": "tls/ca.pem", "certificate": "tls/us.pem", "certificate_key": "/run/us.key"}
    entrust(office, "operator", "https://signer.example", "0x" + "ab" * 20, **files)
    key = load(office.folder / "carbonbridge.toml").signers["operator"]
    assert (key.ca, key.certificate) == (office.folder / "tls/ca.pem", office.folder / "tls/us.pem")
    assert key.certificate_key == Path("/run/us.key")


def test_a_signer_needs_a_key_name(office: Office) -> None:
    entrust(office, "Operator", "https://signer.example", "0x" + "ab" * 20)
    assert "signers.Operator" in office.refused(2, "key", "list")


def test_the_example_that_init_writes_is_right_once_filled_in(office: Office) -> None:
    path = office.folder / "carbonbridge.toml"
    lines = path.read_text().splitlines()
    start = lines.index("# [signers.operator]")
    lines[start : start + 4] = [line.removeprefix("# ") for line in lines[start : start + 4]]
    path.write_text("\n".join(lines).replace('"0x..."', '"0x' + "ab" * 20 + '"', 1))
    (office.folder / "keys" / "operator.json").unlink()
    assert office.told("key", "list")["operator"]["place"] == "web3signer https://signer.example:9000"


def test_a_token_comes_from_a_file_and_never_travels_in_the_clear(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    monkeypatch.setenv("CARBONBRIDGE_SIGNER_TOKEN_ADMIN_FILE", str(file))
    entrust(office, "admin", f"http://127.0.0.1:{free_port()}", "0x" + "ab" * 20)
    assert f"token file {file} cannot be read" in office.refused(2, "operator", "deploy")
    file.write_text("a-secret\r\nX-Header: y\n")
    assert "holds no bearer token" in office.refused(2, "operator", "deploy")
    path = office.folder / "carbonbridge.toml"
    path.write_text(path.read_text().replace("http://127.0.0.1", "http://10.0.0.7") + "plain_http = true\n")
    file.write_text("a-secret\n")
    assert "in the clear" in office.refused(2, "operator", "deploy")
    assert not any("a-secret" in text for text in office.transcript)


# ----------------------------------------------------------------- end to end


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Operator and first attester live with Clef, the guardian in the environment, the others in files."""
    with chain_process("--embedded") as chain, clef(2) as signer, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARBONBRIDGE_KEY_GUARDIAN", SECRET)
        made = Office(tmp_path_factory.mktemp("town"))
        made.done("init", "--dev", "--rpc", chain["rpc"])
        for name, account in zip(("operator", "attester-1"), signer.accounts, strict=True):
            entrust(made, name, signer.url, account)
        (made.folder / "keys" / "attester-2.json").rename(made.folder / "unused.json")
        config = made.folder / "carbonbridge.toml"
        config.write_text(
            config.read_text().replace('"attester-1", "attester-2", "attester-3"', '"attester-1", "attester-3"')
        )
        made.done("dev", "fund")
        made.done("operator", "deploy")
        yield made


def checks(office: Office) -> dict[str, Any]:
    return {one["subject"]: one for one in json.loads(office.run("operator", "check", "--json").out)}


@pytest.mark.slow
def test_credits_are_brought_to_the_chain_by_keys_of_all_three_kinds(town: Office) -> None:
    town.done("registry", "account", "Alice Ltd")
    town.done("registry", "issue", STOVES.format(1, 100), "--account", "Alice Ltd")
    order = town.told("registry", "instruct", STOVES.format(1, 100), "--account", "Alice Ltd", "--to", "holder")
    town.done("operator", "deposit", order["instruction_id"])
    assert [row["units"] for row in town.told("holder", "balance")["holdings"]] == [100]
    town.done("compliance", "pause")
    town.done("compliance", "unpause")
    assert not any(SECRET in text for text in town.transcript)


@pytest.mark.slow
def test_a_check_asks_the_signers_and_no_password_for_their_keys(town: Office) -> None:
    found = checks(town)
    assert {name: found[name]["verdict"] for name in ("operator's signer", "attester-1's signer", "passwords")} == {
        "operator's signer": "holds",
        "attester-1's signer": "holds",
        "passwords": "holds",
    }
    poor = Office(town.folder, password=None)
    assert checks(poor)["passwords"]["found"] == "none for attester-3"


@pytest.mark.slow
def test_a_check_tells_a_signer_without_the_key_and_one_that_is_silent(town: Office) -> None:
    path = town.folder / "carbonbridge.toml"
    kept = path.read_text()
    listed = town.told("key", "list")
    try:
        path.write_text(kept.replace(listed["operator"]["address"].lower(), "0x" + "ab" * 20))
        found = checks(town)["operator's signer"]
        assert (found["verdict"], "it has 2 accounts, not this one" in found["advice"]) == ("fails", True)
        url = listed["operator"]["place"].split()[1]
        path.write_text(kept.replace(url, f"http://127.0.0.1:{free_port()}"))
        found = checks(town)
        assert "did not answer" in found["operator's signer"]["advice"]
        assert found["attester-1's signer"]["verdict"] == "fails"
        assert found["operator's purse"]["verdict"] == "holds"
    finally:
        path.write_text(kept)
