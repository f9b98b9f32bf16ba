"""Bringing contracts to a chain: policy, remedies, office, bridge and lens; and the timelock that owns them at last."""

from __future__ import annotations

from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection
from bridge.chain.contract import Deployed
from bridge.chain.transactions import Sender
from bridge.domain.attestations import Deployment
from bridge.domain.values import ZERO_ADDRESS, Address


def deploy(
    connection: Connection,
    sender: Sender,
    admin: Address,
    uri: str,
    *,
    freezable: bool = False,
    allow_list: bool = False,
) -> Deployed:
    """Deploys an immutable bridge owned by `admin`, and the policy that lets its guardians freeze, or that also keeps a
    list of who takes units, if that is wanted: later is too late. Costs the sender gas; a crash leaves orphans, no
    credits."""
    first_block = connection.head().number
    owner = connection.w3.to_checksum_address(admin)
    kind = "AllowListPolicy" if allow_list else "FreezePolicy"
    policy = create(connection, sender, kind, owner) if freezable or allow_list else None
    asked = connection.w3.to_checksum_address(policy or ZERO_ADDRESS)
    remedies = connection.w3.to_checksum_address(create(connection, sender, "Remedies", asked))
    office = connection.w3.to_checksum_address(create(connection, sender, "Office", asked, remedies))
    bridge = create(connection, sender, "CarbonBridge", owner, uri, asked, office)
    lens = create(connection, sender, "BridgeLens")
    deployment = Deployment(chain_id=connection.chain_id, contract=bridge)
    return Deployed(deployment=deployment, lens=lens, first_block=first_block, policy=policy, allow_list=allow_list)


def deploy_timelock(connection: Connection, sender: Sender, multisig: Address, delay_seconds: int) -> Address:
    """A timelock in which the multisig proposes, cancels and executes, and nobody is admin but the timelock itself."""
    alone = [connection.w3.to_checksum_address(multisig)]
    return create(connection, sender, "TimelockController", delay_seconds, alone, alone, ZERO_ADDRESS)


def create(connection: Connection, sender: Sender, name: str, *arguments: object) -> Address:
    parts = artifact(name)
    factory = connection.w3.eth.contract(abi=parts.abi, bytecode=parts.bytecode)
    receipt = sender.mine({"data": factory.constructor(*arguments).data_in_transaction})
    return str(receipt["contractAddress"]).lower()
