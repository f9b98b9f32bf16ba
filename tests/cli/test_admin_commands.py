"""From a deployer's key to a timelock behind a multisig, and its acts afterwards, from the command line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.chain.connection import Connection
from bridge.chain.local import fund
from bridge.chain.signers import open_keystore
from tests.cli.office import PASSWORD, Office, chain_process

pytestmark = pytest.mark.slow

DAYS = 10


class Headquarters(Office):
    """An office with a multisig, which is one key here, and the chain that it sends to."""

    def __init__(self, folder: Path, rpc: str) -> None:
        super().__init__(folder)
        self.w3 = Connection.to(rpc, 0).w3
        self.done("init", "--dev", "--rpc", rpc)
        self.done("key", "new", "multisig", "--dev")
        self.done("dev", "fund")

    def imports(self, file: str) -> None:
        """What the Safe does with an imported batch, once its owners have signed."""
        made = json.loads(Path(file).read_text())
        signer = open_keystore(self.folder / "keys" / "multisig.json", PASSWORD)
        assert made["chainId"] == str(self.w3.eth.chain_id)
        for transaction in made["transactions"]:
            sent: Any = {
                "to": transaction["to"],
                "value": int(transaction["value"]),
                "data": transaction["data"],
                "nonce": self.w3.eth.get_transaction_count(self.w3.to_checksum_address(signer.address)),
                "gas": 1_000_000,
                "chainId": self.w3.eth.chain_id,
                "maxFeePerGas": 10**11,
                "maxPriorityFeePerGas": 10**9,
            }
            signed = signer.sign_transaction(sent, now=0)
            self.w3.eth.send_raw_transaction(bytes.fromhex(signed.raw.removeprefix("0x")))
            receipt = self.w3.eth.wait_for_transaction_receipt(bytes.fromhex(signed.hash.removeprefix("0x")))
            assert receipt["status"] == 1

    def decides(self, *words: str) -> None:
        made = self.told("admin", "propose", *words, "--out", str(self.folder / "batches"))
        self.imports(made["files"]["schedule"])
        self.done("dev", "pass", "--seconds", str(DAYS * 86_400))
        self.imports(made["files"]["execute"])

    def failing(self, *options: str) -> list[str]:
        ran = self.run("operator", "verify", *options, "--json")
        found = json.loads(ran.out)
        failing = [check["subject"] for check in found["checks"] if check["verdict"] == "fails"]
        assert (ran.code, found["holds"]) == ((1, False) if failing else (0, True))
        return failing


@pytest.fixture(scope="module")
def rpc() -> Iterator[str]:
    with chain_process("--embedded") as chain:
        yield chain["rpc"]


@pytest.fixture
def headquarters(tmp_path: Path, rpc: str) -> Headquarters:
    return Headquarters(tmp_path, rpc)


def test_a_timelock_must_leave_time_to_leave_and_time_to_confirm(headquarters: Headquarters) -> None:
    deploy = ("operator", "deploy", "--freezable")
    assert "go together" in headquarters.refused(2, *deploy, "--multisig", "multisig")
    days = ("--multisig", "multisig", "--admin-delay-days")
    assert "holders of VERRA need 1.04 days" in headquarters.refused(2, *deploy, *days, "1")
    assert "end before its confirmation" in headquarters.refused(2, *deploy, *days, "30")
    assert "names no contract" in headquarters.refused(2, "operator", "verify")
    assert "names no contract" in headquarters.refused(2, "operator", "hand-over")


def test_a_bridge_comes_under_a_timelock_and_obeys_it_alone(headquarters: Headquarters) -> None:
    shown = headquarters.done(
        "operator", "deploy", "--freezable", "--multisig", "multisig", "--admin-delay-days", str(DAYS)
    )
    assert "owns nothing yet" in shown
    named = tomllib.loads((headquarters.folder / "carbonbridge.toml").read_text())["contract"]
    assert named["multisig"] == headquarters.addresses()["multisig"]
    assert headquarters.failing() == ["bridge owner"]

    for place in ("setAllowance", "policy.setGuardian"):  # the timelock does not own them yet
        value = "5" if place == "setAllowance" else "false"
        early = headquarters.refused(4, "admin", "propose", place, "holder", value)
        assert "carbonbridge admin act" in early
    headquarters.done(
        "admin", "act", "setAllowance", "operator", "10000000", "+", "policy.setGuardian", "holder", "false"
    )

    handed = headquarters.told("operator", "hand-over", "--out", str(headquarters.folder / "acceptance"))
    assert headquarters.failing() == ["bridge owner", "bridge hand-over", "policy hand-over"]
    assert [call["words"] for call in handed["calls"]] == ["bridge.acceptOwnership()", "policy.acceptOwnership()"]
    assert headquarters.told("operator", "hand-over")["operation_id"] == handed["operation_id"]
    headquarters.imports(handed["files"]["schedule"])
    again = headquarters.told("operator", "hand-over")
    assert (again["state"], again["schedule"], again["execute"]["transactions"]) == (
        "waiting",
        None,
        handed["execute"]["transactions"],
    )
    headquarters.done("dev", "pass", "--seconds", str(DAYS * 86_400))
    headquarters.imports(handed["files"]["execute"])
    assert headquarters.failing() == []
    assert "owns it already" in headquarters.done("operator", "hand-over")
    by_key = headquarters.refused(4, "admin", "act", "setAllowance", "operator", "1")
    assert "carbonbridge admin propose" in by_key

    headquarters.done("compliance", "pause")
    assert "carbonbridge admin propose" in headquarters.refused(4, "compliance", "unpause")
    headquarters.decides("unpause")
    fund(Connection(headquarters.w3, 0), named["timelock"].lower())  # eth-tester simulates only for who could pay
    assert "IsNotPaused" in headquarters.refused(4, "admin", "propose", "unpause")
    assert headquarters.told("admin", "propose", "unpause", "--unchecked")["calls"][0]["words"] == "bridge.unpause()"
    headquarters.decides("setAllowance", "operator", "0", "+", "policy.setGuardian", "guardian", "false")
    found = json.loads(headquarters.run("operator", "verify", "--json").out)
    assert (found["bridge"]["paused"], found["bridge"]["operators"], found["policy"]["guardians"]) == (False, {}, [])


def test_what_waits_is_listed_and_can_be_cancelled(headquarters: Headquarters) -> None:
    headquarters.done("operator", "deploy", "--multisig", "multisig", "--admin-delay-days", str(DAYS))
    assert headquarters.done("admin", "pending") == "nothing is scheduled\n"
    handed = headquarters.told("operator", "hand-over", "--out", str(headquarters.folder / "batch"))
    headquarters.imports(handed["files"]["schedule"])
    (row,) = headquarters.told("admin", "pending")
    assert (row["operation_id"], row["state"]) == (handed["operation_id"], "waiting")
    assert "bridge.acceptOwnership()" in headquarters.done("admin", "pending")
    shown = headquarters.done("admin", "cancel", row["operation_id"], "--out", str(headquarters.folder / "batch"))
    assert f"{row['operation_id'][:10]}-cancel.json" in shown
    cancelled = headquarters.told("admin", "cancel", row["operation_id"], "--out", str(headquarters.folder / "batch"))
    headquarters.imports(cancelled["files"]["cancel"])
    assert headquarters.told("admin", "pending") == []
    assert "nothing is left to do" in headquarters.done("admin", "cancel", row["operation_id"])
    assert "was ever scheduled" in headquarters.refused(2, "admin", "cancel", "0x" + 64 * "5")


def test_a_key_is_admin_only_with_a_warning_and_can_hand_over_later(headquarters: Headquarters) -> None:
    assert "Warning: the admin is one key" in headquarters.done("operator", "deploy")
    assert "hand-over --multisig" in headquarters.refused(2, "operator", "hand-over")
    assert "hand-over --multisig" in headquarters.refused(2, "admin", "propose", "unpause")
    headquarters.done("compliance", "pause")
    headquarters.done("compliance", "unpause")
    later = ("operator", "hand-over", "--multisig", "multisig", "--admin-delay-days", str(DAYS))
    assert "bridge.acceptOwnership()" in headquarters.done(*later)
    assert "names timelock" in headquarters.refused(2, *later)
    assert headquarters.failing() == ["bridge owner", "bridge hand-over"]


def test_nothing_is_handed_to_a_timelock_that_others_steer(headquarters: Headquarters) -> None:
    headquarters.done("operator", "deploy", "--multisig", "multisig", "--admin-delay-days", str(DAYS))
    path = headquarters.folder / "carbonbridge.toml"
    address = headquarters.addresses()
    path.write_text(path.read_text().replace(address["multisig"], address["holder"]))
    assert "verification fails: proposer" in headquarters.refused(4, "operator", "hand-over")
    assert "bridge hand-over" not in headquarters.failing()


def test_expectations_are_read_from_a_file(headquarters: Headquarters) -> None:
    headquarters.done("operator", "deploy", "--multisig", "multisig", "--admin-delay-days", str(DAYS))
    address = headquarters.addresses()
    attesters = [address[f"attester-{n}"] for n in (1, 2, 3)]
    file = headquarters.folder / "deployment.toml"
    sound = [
        f'multisig = "{address["multisig"]}"',
        f"admin_delay_days = {DAYS}",
        f'guardians = ["{address["guardian"]}"]',
        "[operators]",
        f'"{address["operator"]}" = 10000000',
        *(
            line
            for code in ("VERRA", "GS", "ITL", "ACR", "CAR")
            for line in (f"[registries.{code}]", "threshold = 2", f"attesters = {json.dumps(attesters)}")
        ),
    ]
    file.write_text("\n".join(sound))
    assert headquarters.failing("--expect", str(file)) == ["bridge owner"]
    file.write_text("\n".join(sound).replace(f"admin_delay_days = {DAYS}", "admin_delay_days = 11"))
    assert headquarters.failing("--expect", str(file)) == ["bridge owner", "admin delay"]
    file.write_text("guardian = []")
    assert "guardian: Extra inputs" in headquarters.refused(2, "operator", "verify", "--expect", str(file))


def test_what_people_see_fits_80_columns_and_says_what_to_do(headquarters: Headquarters) -> None:
    headquarters.done("operator", "deploy", "--freezable", "--multisig", "multisig", "--admin-delay-days", str(DAYS))
    ran = headquarters.run("operator", "verify")
    assert ran.code == 1
    assert max(len(line) for line in ran.out.splitlines()) <= 80
    assert "✗ bridge owner: it acts at once: hand over" in ran.out
    assert "✓  bridge code" in ran.out
    named = tomllib.loads((headquarters.folder / "carbonbridge.toml").read_text())["contract"]
    proposed = headquarters.done("admin", "propose", "setGuardian", "holder", "true", "--unchecked")
    assert f"to     {named['timelock']}" in proposed
    assert "an act" not in proposed
    for wrong in (["fly"], ["unpause", "+"], ["setGuardian", "holder"], ["setGuardian", "nobody", "true"]):
        headquarters.refused(2, "admin", "propose", *wrong)
    shorter = headquarters.refused(2, "admin", "propose", "unpause", "--delay-days", "9")
    assert "the timelock's delay is 10 days" in shorter
