"""Whether a machine is able to run the bridge, looked at before it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from bridge.chain.connection import Connection
from bridge.chain.contract import TRANSACTION_GAS_CAP, BridgeContract
from bridge.chain.fees import GWEI, FeePolicy, suggested
from bridge.chain.signers import RemoteSigner
from bridge.chain.verifying.code import read_code, read_extensions
from bridge.chain.verifying.code_checks import code_check
from bridge.domain.attestations import Deployment
from bridge.domain.deployment import About, Check
from bridge.domain.values import Address, RegistryCode, moment
from bridge.errors import BridgeError
from bridge.registry import wire

ENOUGH = 10
"""Transactions of the largest size that an operator's key should be able to pay for."""

_SKEW_SECONDS = 60
_SOON_SECONDS = 7 * 86_400


def attempted(about: About, subject: str, act: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """What an act finds; or that it could not look, and why."""
    try:
        yield from act()
    except BridgeError as error:
        yield Check.fails(about, subject, "cannot be looked at", str(error))


def node_checks(connection: Connection, chain_id: int) -> Iterator[Check]:
    served = connection.chain_id
    yield Check.compared(
        About.NODE, "chain", served == chain_id, f"{served}", f"the contract is on chain {chain_id}: name its node"
    )
    head, final = connection.head(), connection.final()
    found = f"block {final.number:,}, {head.timestamp - final.timestamp:,} s behind the newest"
    if connection.finality == "finalized":
        yield Check.holds(About.NODE, "finality", f"the chain's own, {found}")
    else:
        advice = "a depth is a bet that no reorg goes deeper; the tag `finalized` is none, where the chain has it"
        yield Check.warns(About.NODE, "finality", f"{connection.finality} blocks deep, {found}", advice)
    skew = int(time.time()) - head.timestamp
    advice = "set this machine's clock (NTP), or look whether the node is behind: attesters and deadlines go by time"
    if abs(skew) > _SKEW_SECONDS:
        yield Check.warns(About.MACHINE, "clock", f"{skew:+,} s against the newest block", advice)
    else:
        yield Check.holds(About.MACHINE, "clock", f"{skew:+,} s against the newest block")


def code_checks(contract: BridgeContract, lens: Address) -> Iterator[Check]:
    """Byte by byte with what this package ships; `operator verify` looks at everything else."""
    connection = contract.connection
    block = connection.final().number
    code = read_code(connection, "CarbonBridge", contract.deployment.contract, block)
    yield code_check("bridge", code)
    for part in read_extensions(connection, code, block):
        yield code_check(part.name.lower(), part)
    yield code_check("lens", read_code(connection, "BridgeLens", lens, block))


def operator_checks(contract: BridgeContract, operator: Address, policy: FeePolicy) -> Iterator[Check]:
    per_day, left = contract.allowance(operator)
    found = f"{left:,} of {per_day:,} units a day left"
    advice = "the admin gives one with: carbonbridge admin propose setAllowance, after looking at the key"
    yield Check.compared(About.KEYS, "operator's allowance", per_day > 0, found, advice)
    if contract.view(contract.functions.paused()):
        yield Check.warns(About.KEYS, "pause", "a guardian has paused", "deposits wait until the admin unpauses")
    fees = suggested(contract.connection, policy)
    needed = ENOUGH * TRANSACTION_GAS_CAP * fees.max_wei // GWEI
    owned = contract.connection.balance_wei(operator) // GWEI
    found, advice = f"{owned:,} gwei for gas", f"send it some: {ENOUGH} full transactions may cost {needed:,} gwei now"
    if owned == 0:
        yield Check.fails(About.KEYS, "operator's purse", found, advice)
    elif owned < needed:
        yield Check.warns(About.KEYS, "operator's purse", found, advice)
    else:
        yield Check.holds(About.KEYS, "operator's purse", found)


def attester_checks(
    contract: BridgeContract, registry: RegistryCode, threshold: int, attesters: Sequence[Address]
) -> Iterator[Check]:
    """Whether the registry's keys are the contract's attesters, and as many as must sign."""
    asked = contract.threshold(registry)
    known = [account for account in attesters if contract.is_attester(registry, account)]
    found = f"{len(known)} of {len(attesters)} keys are attesters; {asked} must sign"
    advice = "the admin renews the set with: carbonbridge admin propose setAttesters"
    yield Check.compared(About.KEYS, f"{registry}'s attesters", len(known) >= asked, found, advice)
    if threshold != asked:
        advice = f"write threshold = {asked} in carbonbridge.toml: the contract asks for so many signatures"
        yield Check.fails(About.KEYS, f"{registry}'s threshold", f"{threshold} here, {asked} on chain", advice)


def service_checks(about: wire.About, url: str, deployment: Deployment, now: int) -> Iterator[Check]:
    """Whether the registry's service serves this deployment, and takes our token for it."""
    yield Check.holds(About.MACHINE, "registry", f"answers at {url}")
    found = f"{about.token}, for {', '.join(about.scopes)}"
    advice = "ask the registry for one: carbonbridge registry token create NAME --scope bridge"
    if about.expires_at is not None and about.expires_at - now < _SOON_SECONDS:
        yield Check.warns(About.KEYS, "registry token", f"{found}, until {moment(about.expires_at)}", advice)
    else:
        yield Check.compared(About.KEYS, "registry token", "bridge" in about.scopes, found, advice)
    ours, advice = about.deployment == deployment, "a token is for one deployment: ask for one for this, or correct it"
    yield Check.compared(About.KEYS, "token's deployment", ours, str(about.deployment), advice)
    advice = "the registry names no node for it: its [contract] is another"
    yield Check.compared(About.MACHINE, "registry's eyes", about.served, "on this deployment" if ours else "", advice)


def keys_elsewhere(names: Sequence[str]) -> Iterator[Check]:
    """`names`: of attesters' keys that are here though the registry is not."""
    advice = "move them there: who holds a quorum and the operator's key mints without a registry"
    if names:
        yield Check.warns(About.KEYS, "attesters' keys", f"{', '.join(names)} are on this machine", advice)
    else:
        yield Check.holds(About.KEYS, "attesters' keys", "with the registry alone")


def signer_check(signer: RemoteSigner) -> Iterator[Check]:
    """Whether it answers, and would sign for the account."""
    subject, accounts = f"{signer.name}'s signer", signer.accounts()
    advice = f"it has {len(accounts)} accounts, not this one: give it the key, or correct [signers.{signer.name}]"
    yield Check.compared(About.KEYS, subject, signer.address in accounts, f"{signer.address} at {signer.url}", advice)


def password_check(files: Sequence[str], missing: Sequence[str]) -> Check:
    """`files`: the keys that a password opens; `missing`: those of them that have none."""
    if not files:
        return Check.holds(About.KEYS, "passwords", "no key needs one")
    if not missing:
        return Check.holds(About.KEYS, "passwords", "all set in the environment")
    advice = "set CARBONBRIDGE_PASSWORD_FILE, or start it at a terminal: a service has nobody to ask"
    return Check.warns(About.KEYS, "passwords", f"none for {', '.join(missing)}", advice)
