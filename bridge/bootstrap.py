"""The only place where rooms are wired together: settings in, ready-made hands for each user out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.alerts.channel import Channel
from bridge.alerts.mail import MailChannel
from bridge.alerts.webhook import WebhookChannel
from bridge.cases.store import Cases, open_cases
from bridge.chain.admin.acts import Acts
from bridge.chain.admin.timelock import Timelock
from bridge.chain.anchors import Anchors
from bridge.chain.callers import through
from bridge.chain.connection import Connection
from bridge.chain.contract import BridgeContract, ContractCall, Deployed
from bridge.chain.deploy import deploy
from bridge.chain.fees import GWEI, FeePolicy
from bridge.chain.history import ChainHistory
from bridge.chain.local import EmbeddedChain, LocalChain
from bridge.chain.signers import KeySigner, RemoteSigner, keystore_address, open_keystore, recover
from bridge.chain.signers import Signer as Key
from bridge.chain.snapshot import class_snapshots, ledger_snapshots
from bridge.chain.transactions import Sender
from bridge.chain.verifying.verify import Verification, verify
from bridge.chain.witness import FinalWitness
from bridge.daemon.readiness import (
    attempted,
    attester_checks,
    code_checks,
    keys_elsewhere,
    node_checks,
    operator_checks,
    password_check,
    service_checks,
    signer_check,
)
from bridge.domain.attestations import Deployment, Lock, Receipt, typed_data
from bridge.domain.credit_class import Terms
from bridge.domain.deployment import About, Check, Expectations
from bridge.domain.observed import (
    BlockStamp,
    ChainEvent,
    ClassCreated,
    ClassSnapshot,
    LedgerSnapshot,
    Minted,
    OutcomeSettled,
    RequestOpened,
    SpaceRegistered,
    Statement,
)
from bridge.domain.serials import SerialRange
from bridge.domain.values import Address, Hex32, RegistryCode
from bridge.domain.watching import Alerts
from bridge.errors import BridgeError, ContractRefused, UsageError
from bridge.flow.bridge import Bridge
from bridge.flow.hold import Holder
from bridge.journal.store import Journal, open_journal
from bridge.reconcile.evidence import (
    ChainView,
    Claim,
    ClaimLink,
    Endorsement,
    Evidence,
    JournalEntry,
    StatementArchive,
)
from bridge.reconcile.sources import view
from bridge.registry.attesters import Attester, AttesterSet, Eyes
from bridge.registry.cad_trust.client import CadTrustClient
from bridge.registry.cad_trust.counterpart import CadTrustCounterpart
from bridge.registry.counterpart import Counterpart, Counterparts
from bridge.registry.desk.desk import Desk
from bridge.registry.desk.rules import DeskRules
from bridge.registry.embedded import NO_RULES, NOWHERE_ELSE, LedgerRegistry
from bridge.registry.evidence import EvidenceFolder
from bridge.registry.gate import Gatekeeper
from bridge.registry.http import HttpRegistry, Line, Patience, Place
from bridge.registry.ledger import Ledger, open_ledger
from bridge.registry.ledger.custody import bridge_account
from bridge.registry.port import Registry, Signer
from bridge.registry.rules import Rules
from bridge.report.messages import Language
from bridge.settings import (
    FILE_NAME,
    Contract,
    Database,
    KeyPlace,
    Settings,
    alert_secret,
    cad_trust_key,
    environment_key,
    password,
    registry_token,
    signer_token,
)

if TYPE_CHECKING:  # what is imported below where it is needed, since most commands do without columns
    from bridge.chain.archive.archived import ArchivedChain
    from bridge.chain.archive.collect import Collected, Told
    from bridge.daemon.inspection import Gathered, Inspector
    from bridge.domain.findings import NotCompared
    from bridge.reconcile.archive import EvidenceArchive, Views
    from bridge.registry.service.tokens import Tokens

ASGI = Any
"""What a server runs."""

Ask = Callable[[str], str]
"""Asks a person for the password of the key with this name."""


def connect(settings: Settings) -> Connection:
    return Connection.to(settings.chain.rpc, settings.chain.finality)


def contract(settings: Settings) -> BridgeContract:
    """Raises UsageError before deployment, or when the node's chain is another one or lacks it."""
    return _found(settings.deployed(), connect(settings))


def contracts(settings: Settings) -> list[BridgeContract]:
    """The configured one, and those that compliance reads beside it. Raises UsageError as `contract` does, and when one
    is named twice."""
    found = [contract(settings)]
    for other in settings.deployments.values():
        found.append(_found(other.contract, Connection.to(other.chain.rpc, other.chain.finality)))
    if len({one.deployment for one in found}) != len(found):
        raise UsageError(f"{FILE_NAME} names one contract twice: each of [deployments] must be another")
    return found


def _found(named: Contract, connection: Connection) -> BridgeContract:
    if connection.chain_id != named.chain_id:
        raise UsageError(f"the node serves chain {connection.chain_id}; the contract is on chain {named.chain_id}")
    if not connection.has_code(named.address):
        raise UsageError(
            f"no contract at {named.address} on chain {named.chain_id}: a local chain forgets when it stops; "
            f"take the [contract] section out of {FILE_NAME} and deploy again"
        )
    return BridgeContract(connection, _deployed(named))


def _deployed(named: Contract) -> Deployed:
    deployment = Deployment(chain_id=named.chain_id, contract=named.address)
    return Deployed(
        deployment=deployment,
        lens=named.lens,
        first_block=named.first_block,
        policy=named.policy,
        allow_list=named.allow_list,
    )


def verification(settings: Settings, expected: Expectations | None = None, since: int | None = None) -> Verification:
    """The configured deployment at its final block. The configured multisig is expected where no other is."""
    named, connection = settings.deployed(), contract(settings).connection
    expected = expected or Expectations()
    expected = expected.model_copy(update={"multisig": expected.multisig or named.multisig})
    return verify(connection, _deployed(named), expected, named.timelock, since)


def timelock(settings: Settings) -> Timelock:
    """Raises UsageError when the configuration names none, or what it names is none."""
    named = settings.deployed()
    if named.timelock is None or named.multisig is None:
        raise UsageError(
            f"{FILE_NAME} names no timelock and multisig: the admin is a key, which acts at once with: "
            "carbonbridge admin act. Hand over to a timelock with: "
            "carbonbridge operator hand-over --multisig ADDRESS --admin-delay-days DAYS"
        )
    return Timelock(contract(settings).connection, named.timelock)


def admin_acts(settings: Settings) -> Acts:
    """What the admin may do on the contracts that the configuration names."""
    named = settings.deployed()
    contracts = {"bridge": named.address, "policy": named.policy, "timelock": named.timelock}
    known = {place: address for place, address in contracts.items() if address is not None}
    return Acts(known, allow_list=named.allow_list)


def signer(settings: Settings, key: str, ask: Ask) -> Key:
    """A named key, from its one place. Raises UsageError when it is missing, malformed or in two places, or its
    password is wrong."""
    match settings.key_place(key):
        case KeyPlace.ENVIRONMENT:
            return KeySigner(environment_key(key))
        case KeyPlace.SIGNER:
            return _remote_signer(settings, key)
        case KeyPlace.FILE:
            path = settings.key_path(key)
            keystore_address(path)  # a missing or broken file is said before anybody types a password
            return open_keystore(path, password(key) or ask(key))


def _remote_signer(settings: Settings, key: str) -> RemoteSigner:
    remote, token = settings.signers[key], signer_token(key)
    if token is not None and not remote.is_private:
        raise UsageError(f"the token of key {key} would travel to {remote.url} in the clear; use https")
    return RemoteSigner(key, remote, token)


def address_of(settings: Settings, key_or_address: str) -> Address:
    """An address as it is, or that of a named key. Asks no signer and needs no password."""
    if key_or_address.startswith("0x"):
        return key_or_address.lower()
    match settings.key_place(key_or_address):
        case KeyPlace.ENVIRONMENT:
            return KeySigner(environment_key(key_or_address)).address
        case KeyPlace.SIGNER:
            return settings.signers[key_or_address].address
        case KeyPlace.FILE:
            return keystore_address(settings.key_path(key_or_address))


def sender(settings: Settings, key: str, ask: Ask) -> Sender:
    """What it sends is stored in the journal first."""
    return Sender(connect(settings), signer(settings, key, ask), journal(settings), _fees(settings))


def _fees(settings: Settings) -> FeePolicy:
    chain = settings.chain
    return FeePolicy(cap_wei=chain.max_fee_gwei * GWEI, patience_seconds=chain.replace_after_seconds)


def journal(settings: Settings) -> Journal:
    """Raises UsageError when it is lost."""
    _require_kept(settings, "journal", settings.journal)
    return open_journal(settings.journal.url)


def ledger(settings: Settings) -> Ledger:
    """The embedded registry's books, for its own officers; its clock is the final chain's when there is one. Raises
    UsageError when they are lost, or elsewhere."""
    if settings.registry.is_remote:
        raise UsageError(
            f"the registry's books are kept at {settings.registry.url}, by officers of its own: this is theirs to do, "
            "on their machine"
        )
    _require_kept(settings, "registry", settings.registry)
    connection = connect(settings)
    return Ledger(open_ledger(settings.registry.url), lambda: connection.final().timestamp)


LOSSES = {
    "journal": "Deposits and requests are then found again from registry and chain; what is lost with it are the "
    "openings of requests that were not sent or disclosed yet",
    "registry": "It has then forgotten all accounts and serials, so that nothing stands behind what is on chain",
}
"""What it means to begin anew without a database."""


def begin_anew(settings: Settings, which: str) -> Path:
    """Makes an empty journal or registry where it is lost. Raises UsageError where it is not."""
    file = {"journal": settings.journal, "registry": settings.registry}[which].file
    if file is None or file.exists():
        raise UsageError(f"the {which} is not lost: {file or 'it is no SQLite file'}; nothing was changed")
    if which == "journal":
        open_journal(settings.journal.url).close()
    else:
        open_ledger(settings.registry.url).dispose()
    return file


def _require_kept(settings: Settings, which: str, database: Database) -> None:
    """What a deployment has written must not be made anew in silence: it would pass for empty."""
    if settings.contract is not None and database.file is not None and not database.file.exists():
        raise UsageError(
            f"{database.file} is missing, though {FILE_NAME} names a deployed contract: put it back, or begin with an "
            f"empty one: carbonbridge init --anew {which}. {LOSSES[which]}"
        )


def registry(settings: Settings, ask: Ask | None) -> LedgerRegistry | HttpRegistry:
    """The registry behind its port: the service at the configured address, or the embedded one. Without `ask` the
    embedded one signs nothing: enough for holders."""
    return remote_registry(settings) if settings.registry.is_remote else own_registry(settings, ask)


def remote_registry(settings: Settings) -> HttpRegistry:
    """Raises UsageError without a token: nobody is answered there without one."""
    place, token = settings.registry, registry_token()
    if token is None:
        raise UsageError(
            f"the registry at {place.url} asks for a token: name its file in CARBONBRIDGE_REGISTRY_TOKEN_FILE. Its "
            "officers make one with: carbonbridge registry token create"
        )
    patience = Patience(answer_seconds=place.answer_seconds)
    return HttpRegistry(Line(Place(url=place.url, ca=place.ca), token, patience))


def own_registry(settings: Settings, ask: Ask | None) -> LedgerRegistry:
    """The embedded one. Raises UsageError where the books are elsewhere."""
    signers: dict[RegistryCode, tuple[int, Sequence[Signer]]] = {}
    if ask is not None:
        opened = {name: signer(settings, name, ask) for name in _attester_keys(settings)}
        for code, programme in settings.programmes.items():
            signers[code] = (programme.threshold, [opened[name] for name in programme.attesters])
    books = ledger(settings)
    elsewhere = _nowhere_else if ask is None else partial(_counterparts, settings, books)
    return embedded_registry(books, contract(settings), signers, elsewhere, _rules(settings))


def gatekeeper(settings: Settings, books: Ledger) -> Gatekeeper:
    return Gatekeeper(books, _rules(settings))


def witness(settings: Settings) -> FinalWitness:
    return FinalWitness(contract(settings))


def _rules(settings: Settings) -> Rules:
    return {code: programme.gate for code, programme in settings.programmes.items()}


def _nowhere_else(_eyes: Eyes) -> Counterparts:
    return NOWHERE_ELSE


def service(settings: Settings, ask: Ask, rate: str) -> ASGI:
    """The embedded registry as a service for others. `rate`: how often a token may ask, such as `6000/minute`."""
    from bridge.registry.service.app import create_app
    from bridge.registry.service.calls import Service
    from bridge.registry.service.rates import Rates

    return create_app(Service.of(own_registry(settings, ask), this_machines_clock, Rates(rate)))


def tokens(settings: Settings) -> Tokens:
    """Who may ask the embedded registry's service."""
    from bridge.registry.service.tokens import Tokens

    return Tokens(ledger(settings).engine, this_machines_clock)


def this_machines_clock() -> int:
    return int(time.time())


def embedded_registry(
    books: Ledger,
    deployed: BridgeContract,
    signers: Mapping[RegistryCode, tuple[int, Sequence[Signer]]],
    counterparts: Callable[[Eyes], Counterparts] = _nowhere_else,
    rules: Rules = NO_RULES,
) -> LedgerRegistry:
    """All in this process look through one witness, since there is one node here: copies of what it has read would only
    cost memory. An attester with a node of its own is another process."""
    books.serve(deployed.deployment)
    eyes: Eyes = {deployed.deployment: FinalWitness(deployed)}
    others = counterparts(eyes)
    attesters: dict[str, Attester] = {}
    for _, keys in signers.values():
        for key in keys:
            if key.address not in attesters:
                attesters[key.address] = Attester(key, eyes, others)
    sets = {
        code: AttesterSet(threshold, [attesters[key.address] for key in keys])
        for code, (threshold, keys) in signers.items()
    }
    return LedgerRegistry(books, eyes, sets, others, rules)


def _counterparts(settings: Settings, books: Ledger, eyes: Eyes) -> Counterparts:
    """The programmes whose own registry is not this ledger."""
    found: dict[RegistryCode, Counterpart] = {}
    found |= _desks(settings, books, eyes)
    for code, programme in settings.programmes.items():
        if (place := programme.cad_trust) is not None:
            kept = EvidenceFolder(place.evidence)
            found[code] = CadTrustCounterpart(books, code, place, cad_trust(settings, code), kept)
    return found


def cad_trust(settings: Settings, code: RegistryCode) -> CadTrustClient:
    """Raises UsageError when the programme's own registry is not CAD Trust."""
    programme = settings.programmes.get(code)
    if programme is None or programme.cad_trust is None:
        raise UsageError(f"{FILE_NAME} has no section [programmes.{code}.cad_trust]")
    return CadTrustClient(programme.cad_trust, cad_trust_key(code))


def _desks(settings: Settings, books: Ledger, eyes: Eyes) -> dict[RegistryCode, Desk]:
    return {
        code: desk_of(books, code, programme.desk, _officers(settings, programme.desk), eyes)
        for code, programme in settings.programmes.items()
        if programme.desk is not None
    }


def desk_of(books: Ledger, code: RegistryCode, rules: DeskRules, officers: Mapping[Address, str], eyes: Eyes) -> Desk:
    """`officers`: the names of their keys, by address."""
    return Desk(books, code, rules, officers, eyes, recover, EvidenceFolder(rules.evidence))


def _officers(settings: Settings, rules: DeskRules) -> dict[Address, str]:
    return {address_of(settings, name): name for name in rules.officers}


def desks(settings: Settings) -> dict[RegistryCode, Desk]:
    """Of all programmes that have one. Raises UsageError when none has."""
    books, deployed = ledger(settings), contract(settings)
    eyes: Eyes = {deployed.deployment: FinalWitness(deployed)}
    found = _desks(settings, books, eyes)
    if not found:
        raise UsageError(f"no programme in {FILE_NAME} has a desk; give one a section [programmes.CODE.desk]")
    return found


def operator(settings: Settings, ask: Ask, *, takes_up: bool = False) -> Bridge:
    return Bridge(
        contract=contract(settings),
        registry=registry(settings, ask),
        journal=journal(settings),
        sender=sender(settings, "operator", ask),
        takes_up=takes_up,
    )


def readiness(settings: Settings) -> list[Check]:
    """Whether this machine is able to run the bridge. What cannot be looked at fails, and the rest is looked at."""
    named, connection = settings.deployed(), connect(settings)
    found = BridgeContract(connection, _deployed(named))
    keys = ["operator", *(() if settings.registry.is_remote else _attester_keys(settings))]

    def databases() -> Iterator[Check]:
        journal(settings).close()
        yield Check.holds(About.MACHINE, "journal", "opens, at this version's revision")
        if not settings.registry.is_remote:
            ledger(settings)
            yield Check.holds(About.MACHINE, "registry", "opens, at this version's revision")

    def registry_service() -> Iterator[Check]:
        about = remote_registry(settings).about()
        yield from service_checks(about, settings.registry.url, found.deployment, this_machines_clock())
        for code, quorum in about.programmes.items():
            yield from attester_checks(found, code, quorum.threshold, quorum.attesters)
        yield from keys_elsewhere([name for name in _attester_keys(settings) if name in settings.key_names()])

    def attesters() -> Iterator[Check]:
        if settings.registry.is_remote:
            yield from registry_service()
            return
        for code, programme in settings.programmes.items():
            accounts = [address_of(settings, name) for name in programme.attesters]
            yield from attester_checks(found, code, programme.threshold, accounts)

    def signers() -> Iterator[Check]:
        for name in keys:
            if settings.key_place(name) is KeyPlace.SIGNER:
                yield from attempted(
                    About.KEYS, f"{name}'s signer", partial(signer_check, _remote_signer(settings, name))
                )

    def passwords() -> Iterator[Check]:
        files = [name for name in keys if settings.key_place(name) is KeyPlace.FILE]
        yield password_check(files, [name for name in files if password(name) is None])

    return [
        *attempted(About.NODE, "node", lambda: node_checks(connection, named.chain_id)),
        *attempted(About.CODE, "code", lambda: code_checks(found, named.lens)),
        *attempted(
            About.KEYS, "operator", lambda: operator_checks(found, address_of(settings, "operator"), _fees(settings))
        ),
        *attempted(About.KEYS, "registry" if settings.registry.is_remote else "attesters", attesters),
        *attempted(About.KEYS, "signers", signers),
        *attempted(About.KEYS, "passwords", passwords),
        *attempted(About.MACHINE, "databases", databases),
    ]


def holder(settings: Settings, key: str, ask: Ask) -> Holder:
    return Holder(
        contract=contract(settings),
        registry=registry(settings, None),
        journal=journal(settings),
        sender=sender(settings, key, ask),
    )


def evidence(
    deployed: BridgeContract,
    books: Registry,
    codes: Iterable[RegistryCode],
    claims: Sequence[Claim] = (),
    links: Sequence[ClaimLink] = (),
) -> Evidence:
    """What compliance compares: one statement a programme and who signed it, the contract at its final block, by events
    and by its views, others' claims; and of our own registry the locks and receipts behind what the chain shows."""
    codes, deployment = list(codes), deployed.deployment
    statements = [books.statement(code, deployment) for code in codes]
    seen = view(ChainHistory(deployed))
    ledgers = _ledgers(deployed, seen)
    return Evidence(
        chains=[seen],
        statements=statements,
        endorsements=[e for e in (endorsement(deployed, statement) for statement in statements) if e],
        claims=claims,
        links=links,
        locks=_locks(books, seen),
        receipts=_receipts(books, seen),
        accounts=[(code, deployment, bridge_account(deployment)) for code in codes],
        snapshots=_snapshots(deployed, seen, ledgers),
        ledgers=ledgers or (),
    )


LEDGER_RANGES = 6_400
"""A larger serial ledger is not walked at each comparison: that takes one call for every 64 ranges."""


def _ledgers(deployed: BridgeContract, seen: ChainView) -> list[LedgerSnapshot] | None:
    if sum(isinstance(event, Minted) for event in seen.events) > LEDGER_RANGES:
        return None
    return ledger_snapshots(deployed, _of_kind(seen, SpaceRegistered, "space"), seen.stamp.number)


def _snapshots(
    deployed: BridgeContract, seen: ChainView, ledgers: list[LedgerSnapshot] | None
) -> Sequence[ClassSnapshot]:
    return class_snapshots(deployed, _of_kind(seen, ClassCreated, "class_id"), seen.stamp.number, ledgers)


def _of_kind(seen: ChainView, kind: type[ChainEvent], name: str) -> list[Hex32]:
    return [getattr(event, name) for event in seen.events if isinstance(event, kind)]


def all_evidence(
    deployed: Sequence[BridgeContract],
    books: Registry,
    codes: Iterable[RegistryCode],
    claims: Sequence[Claim] = (),
    links: Sequence[ClaimLink] = (),
) -> Evidence:
    """The first, with the registry's statements, and the chains of the others beside it."""
    first, *others = deployed
    found = evidence(first, books, codes, claims, links)
    if not others:
        return found
    seen = [view(ChainHistory(other)) for other in others]
    ledgers = [_ledgers(other, one) for other, one in zip(others, seen, strict=True)]
    endorsements = [endorsement(other, statement) for other in others for statement in found.statements]
    return replace(
        found,
        chains=[*found.chains, *seen],
        endorsements=[*found.endorsements, *(one for one in endorsements if one)],
        locks=[*found.locks, *(lock for one in seen for lock in _locks(books, one))],
        receipts=[*found.receipts, *(receipt for one in seen for receipt in _receipts(books, one))],
        accounts=[
            *found.accounts,
            *((code, one.deployment, bridge_account(one.deployment)) for one in seen for code, *_ in found.accounts),
        ],
        snapshots=[
            *found.snapshots,
            *(snapshot for chain in zip(others, seen, ledgers, strict=True) for snapshot in _snapshots(*chain)),
        ],
        ledgers=[*found.ledgers, *(one for ledger in ledgers for one in ledger or ())],
    )


def collect_evidence(settings: Settings, ask: Ask, archive: EvidenceArchive, told: Told = int) -> list[Collected]:
    """Everything new of chains, registry and journal, into the archive: statements first, and then final blocks, so
    that all is visible which the registry could have acted upon. What fails holds up no other chain; the first failure
    is raised when all have had their turn."""
    deployed, books = contracts(settings), registry(settings, ask)
    moment = this_machines_clock()
    stated = [books.statement(code, deployed[0].deployment) for code in settings.programmes]
    found: list[Collected] = []
    failed: list[BridgeError] = []
    for one in deployed:
        try:
            found.append(_collect_chain(settings, archive, books, one, told))
        except BridgeError as error:
            failed.append(error)
    archive.keep_moment(moment)
    for statement in stated:
        archive.keep_statement(statement, [e for e in (endorsement(one, statement) for one in deployed) if e])
    if failed:
        raise failed[0]
    return found


def collect_peers(archive: EvidenceArchive, told: Told = int) -> list[Collected]:
    """Everything new of other bridges' contracts whose mappings the archive holds; failures as above."""
    from bridge.chain.archive.peers import collect_peer

    found: list[Collected] = []
    failed: list[BridgeError] = []
    for peer, folder in archive.peers():
        try:
            found.append(collect_peer(folder, peer, told))
        except BridgeError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    return found


def read_statements(
    settings: Settings, paths: Iterable[Path]
) -> list[tuple[Statement, list[Endorsement], tuple[NotCompared, ...]]]:
    """Statements from files, who of the contracts' attesters signed them, and what of them names no serials.

    Raises UsageError for one that nobody signed of a registry that signs its statements here: it could only displace
    those.
    """
    from bridge.reconcile.statement_rows import read_statement_file

    found: list[tuple[Statement, list[Endorsement], tuple[NotCompared, ...]]] = []
    for path in paths:
        statement, left = read_statement_file(path)
        if not statement.head.signatures:
            if statement.registry in settings.programmes:
                raise UsageError(
                    f"{path} is signed by nobody, and {statement.registry} signs its statements here: have it state "
                    f"anew with: carbonbridge registry statement {statement.registry} --out FILE"
                )
            found.append((statement, [], left))
        else:
            vouched = [endorsement(one, statement) for one in contracts(settings)]
            found.append((statement, [one for one in vouched if one], left))
    return found


def _collect_chain(
    settings: Settings, archive: EvidenceArchive, books: Registry, deployed: BridgeContract, told: Told
) -> Collected:
    from bridge.chain.archive.archived import ArchivedChain, bridge_emitters
    from bridge.chain.archive.collect import collect
    from bridge.chain.archive.node import Node

    here = deployed.deployment
    emitters = bridge_emitters(here.contract, deployed.policy)
    final, node = deployed.connection.final(), Node.of(deployed.connection)
    callers = partial(through, deployed.connection)
    found = collect(archive.events(here), node, here, emitters, deployed.first_block, final, told, callers)
    chain = ArchivedChain(archive.events(here))
    if archive.views(here, found.stamp) is None:
        archive.keep_views(here, _views(deployed, chain, found.stamp))
    locks = books.locks(chain.ids("Minted", "lock_id", [lock.lock_id for lock in archive.locks(here)]))
    receipts = books.receipts(
        chain.ids("OutcomeSettled", "request_id", [receipt.request_id for receipt in archive.receipts(here)])
    )
    archive.keep_signed(
        here, [one.lock for one in locks if one.deployment == here], [r for one in receipts for r in one.items]
    )
    archive.keep_accounts(here, dict.fromkeys(settings.programmes, bridge_account(here)))
    if settings.journal.file is None or settings.journal.file.exists():
        archive.keep_journal(here, journal_entries(journal(settings), here))
    return found


def _views(deployed: BridgeContract, chain: ArchivedChain, stamp: BlockStamp) -> Views:
    from bridge.reconcile.archive import Views

    ledgers = None
    if chain.count("Minted") <= LEDGER_RANGES:
        ledgers = ledger_snapshots(deployed, chain.ids("SpaceRegistered", "space"), stamp.number)
    classes = class_snapshots(deployed, chain.ids("ClassCreated", "class_id"), stamp.number, ledgers)
    return Views(stamp=stamp, classes=tuple(classes), ledgers=None if ledgers is None else tuple(ledgers))


def journal_entries(kept: Journal, deployment: Deployment) -> list[JournalEntry]:
    """What the operator's journal believes of a deployment."""
    found: list[JournalEntry] = []
    facts: dict[str, Any]
    for deposit in kept.deposits(deployment):
        lock = Lock.model_validate_json(deposit.lock) if deposit.lock else None
        facts = {"class_id": lock.class_id, "range": lock.range, "units": lock.range.units} if lock else {}
        found.append(_entry(deployment, "deposit", deposit.lock_id, deposit.registry_code, deposit.state, facts))
    for row in kept.exits(deployment):
        opened = RequestOpened.model_validate_json(row.opened)
        facts = {"class_id": opened.class_id, "units": opened.units}
        found.append(_entry(deployment, "exit", row.request_id, row.registry_code, row.state, facts))
    for saga in kept.reversals(deployment):
        serials = SerialRange.model_validate_json(saga.serials)
        facts = {"range": serials, "units": serials.units}
        found.append(_entry(deployment, "reversal", saga.event_id, saga.registry_code, saga.state, facts))
    return found


def _entry(
    deployment: Deployment, saga: str, key: Hex32, code: RegistryCode, state: str, facts: Mapping[str, Any]
) -> JournalEntry:
    fields = {"deployment": deployment, "saga": saga, "key": key, "registry": code, "state": state, **facts}
    return JournalEntry.model_validate(fields)


def cases(settings: Settings) -> Cases:
    """Compliance's own database."""
    return open_cases(settings.compliance.url)


def inspector(settings: Settings, ask: Ask, deployed: BridgeContract, gather: Callable[[], Gathered]) -> Inspector:
    """What compliance needs for its runs. Raises UsageError for a channel whose secret cannot be read: who is never
    told would never know."""
    from bridge.daemon.inspection import Inspector  # brings the engine with it, which only comparisons need

    told, breaker = settings.compliance.alerts, settings.compliance.breaker
    # Opened now: when it is needed nobody may be there to type a password.
    guardian = sender(settings, breaker.key, ask) if breaker.enabled else None
    return Inspector(
        contract=deployed,
        cases=cases(settings),
        gather=gather,
        clock=this_machines_clock,
        guardian=guardian,
        channels=channels(told),
        language=Language(told.language),
    )


def channels(told: Alerts) -> dict[str, Channel]:
    """By their names."""
    found: dict[str, Channel] = {}
    for name, hook in told.webhooks.items():
        found[name] = WebhookChannel(name, hook, alert_secret(name, hook.secret_file))
    for name, mail in told.mails.items():
        password = alert_secret(name, mail.password_file) if mail.password_file else None
        found[name] = MailChannel(name, mail, password)
    return found


def anchors(settings: Settings, address: Address | None = None) -> Anchors:
    """Raises UsageError when none is named, or what is named is none."""
    place = address or settings.compliance.anchors
    if place is None:
        raise UsageError(
            f"{FILE_NAME} names no [compliance] anchors, the contract that keeps hashes of reports; make one with: "
            "carbonbridge compliance anchor FILE --deploy"
        )
    return Anchors(connect(settings), place)


def _locks(books: Registry, seen: ChainView) -> list[tuple[Deployment, Lock]]:
    """What the registry locked under each id that was minted; an id that it does not know shows in its rows."""
    minted = dict.fromkeys(event.lock_id for event in seen.events if isinstance(event, Minted))
    return [(one.deployment, one.lock) for one in books.locks(list(minted))]


def _receipts(books: Registry, seen: ChainView) -> list[tuple[Deployment, Receipt]]:
    settled = dict.fromkeys(event.request_id for event in seen.events if isinstance(event, OutcomeSettled))
    return [(seen.deployment, receipt) for one in books.receipts(list(settled)) for receipt in one.items]


def endorsement(deployed: BridgeContract, statement: Statement | StatementArchive) -> Endorsement | None:
    """Who of the contract's attesters, as of the final block, signed the statement for this contract and no other.

    None for a registry that the contract does not know. The statement's word on who signed it counts for nothing.
    """
    registry, head = statement.registry, statement.head
    final = deployed.connection.final().number
    try:
        threshold = deployed.threshold(registry, final)
    except ContractRefused:
        return None
    document = typed_data(deployed.deployment, head.items)
    signers = {recover(document, signature) for signature in head.signatures} - {None}
    attesters = sum(deployed.is_attester(registry, signer, final) for signer in signers if signer)
    return Endorsement(
        registry=registry,
        deployment=deployed.deployment,
        head=head,
        attesters=attesters,
        threshold=max(threshold, 1),
    )


def _attester_keys(settings: Settings) -> list[str]:
    return sorted({name for programme in settings.programmes.values() for name in programme.attesters})


# ------------------------------------------------------------------ rehearsals


ATTESTER_NAMES = ("attester-1", "attester-2", "attester-3")


def sqlite_file(folder: Path, name: str) -> str:
    return f"sqlite:///{folder}/{name}.db"


@dataclass(frozen=True)
class Rehearsal:
    """A local chain with a contract on it, and people with the same keys in every run."""

    chain: LocalChain
    keys: Mapping[str, KeySigner]
    deployed: Deployed
    codes: tuple[RegistryCode, ...]
    databases: Callable[[Path, str], str] = sqlite_file
    """From a folder and the name of who keeps it there to a database's URL."""

    @property
    def contract(self) -> BridgeContract:
        return BridgeContract(self.chain.connection, self.deployed)

    def sender(self, name: str, journal: Journal | None = None) -> Sender:
        """Without a journal, what is sent is forgotten with the sender."""
        return Sender(self.chain.connection, self.keys[name], journal or open_journal("sqlite://"))

    def send(self, name: str, call: ContractCall) -> None:
        self.sender(name).send_and_wait(call)

    def open_ledger(self, folder: Path) -> Ledger:
        """The registry's books in a folder, with the chain's time."""
        url = self.databases(folder, "registry")
        return Ledger(open_ledger(url), lambda: self.chain.connection.final().timestamp)

    def open_registry(
        self, books: Ledger, counterparts: Callable[[Eyes], Counterparts] = _nowhere_else
    ) -> LedgerRegistry:
        quorum = (2, [self.keys[name] for name in ATTESTER_NAMES])
        return embedded_registry(books, self.contract, dict.fromkeys(self.codes, quorum), counterparts)

    def witness(self) -> FinalWitness:
        return FinalWitness(self.contract)

    def open_journal(self, name: str, folder: Path) -> Journal:
        return open_journal(self.databases(folder, name))

    def open_bridge(self, folder: Path, registry: Registry) -> Bridge:
        """The operator's side, as a new process would open it."""
        journal = self.open_journal("operator", folder)
        return Bridge(self.contract, registry, journal, self.sender("operator", journal))

    def open_holder(self, name: str, folder: Path, registry: Registry, file: str | None = None) -> Holder:
        """`file`: the journal's name when it is not the holder's."""
        journal = self.open_journal(file or name, folder)
        return Holder(self.contract, registry, journal, self.sender(name, journal))


def rehearse(
    terms: Mapping[RegistryCode, Terms],
    people: Sequence[str],
    databases: Callable[[Path, str], str] = sqlite_file,
    chain: LocalChain | None = None,
) -> Rehearsal:
    """Deploys to a chain of its own, inside this process where none is given: two of three attesters for each
    programme, an operator, a guardian, and people."""
    chain = chain or EmbeddedChain()
    names = ("admin", "operator", "guardian", *ATTESTER_NAMES, *people)
    keys = {name: chain.signer(seed) for seed, name in enumerate(names, start=1)}
    admin = Sender(chain.connection, keys["admin"], open_journal("sqlite://"))
    deployed = deploy(chain.connection, admin, admin.address, "https://credits.example/{id}.json")
    rehearsal = Rehearsal(chain, keys, deployed, tuple(terms), databases)
    contract = rehearsal.contract
    attesters = [keys[name].address for name in ATTESTER_NAMES]
    for code, its_terms in terms.items():
        rehearsal.send("admin", contract.add_registry(code, attesters, 2, its_terms))
    rehearsal.send("admin", contract.set_allowance(keys["operator"].address, 10**12))
    rehearsal.send("admin", contract.set_guardian(keys["guardian"].address, True))
    return rehearsal
