"""The certificate of a retirement or redemption: everything that a stranger needs to check it, in one JSON file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from pydantic import model_validator

from bridge.books.metadata import faults_of_pin, newest
from bridge.books.quorum import is_quorum
from bridge.chain.contract import BridgeContract
from bridge.chain.signers import recover
from bridge.domain.attestations import Attested, Deployment, Opening, Receipt, Request, typed_data
from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import Kind
from bridge.domain.metadata import ClassMetadata, PinnedMetadata
from bridge.domain.observed import ClassCreated, OutcomeSettled, Place, RequestOpened, SpaceRegistered
from bridge.domain.quantity import kilograms, tonnes
from bridge.domain.serials import SerialRange, coalesce, total_units
from bridge.domain.values import Fact, Hex32, RegistryCode
from bridge.errors import NotYet, Refused

FORMAT: Final = "carbonbridge-certificate/3"
_EARLIER: Final = "carbonbridge-certificate/2"
_LONGEST_SHOWN = 100


class CertifiedSerials(Fact):
    """A range with the readable name of its space."""

    registry: RegistryCode
    space_key: str
    range: SerialRange


class Certificate(Fact):
    """Bound to its holder by the request id, so that it cannot be passed on; `opening` shows who stands behind it.
    `metadata`: what the registry's attesters had signed of the class, by whom it may be used and for what; none where
    they had signed nothing, as in the format before."""

    format: Literal["carbonbridge-certificate/2", "carbonbridge-certificate/3"] = FORMAT
    deployment: Deployment
    request_id: Hex32
    request: Request
    opening: Opening
    credit_class: CreditClass
    units: int
    tonnes: Decimal
    serials: tuple[CertifiedSerials, ...]
    opened: Place
    settled: tuple[Place, ...]
    receipt: Attested[Receipt]
    metadata: PinnedMetadata | None = None

    @model_validator(mode="after")
    def _as_its_format(self) -> Certificate:
        if self.format == _EARLIER and self.metadata is not None:
            raise ValueError(f"metadata is of {FORMAT} and later")
        return self


def certify(
    contract: BridgeContract,
    request: Request,
    opening: Opening,
    receipt: Attested[Receipt],
    published: ClassMetadata | None = None,
) -> Certificate:
    """Puts a certificate together: all from the final chain, but what request, opening, receipt and the signed part of
    what is published of the class say themselves. Whoever has the opening can, and nobody else: the chain keeps only
    its seal.

    Raises Refused for another opening than was committed to, NotYet while the request is not settled there.
    """
    if opening.commitment != request.commitment:
        raise Refused(f"this opening is not what request {request.id_on(contract.deployment)} committed to")
    signed = newest(published, contract) if published is not None else None
    return _certified(contract, request, opening, receipt).model_copy(update={"metadata": signed})


def retired_in_all(certificate: Certificate, contract: BridgeContract) -> int:
    """Units of the class that the final chain keeps as retired for the holder, for ever, with those certified."""
    final = contract.connection.final().number
    return contract.retired_balance(certificate.request.holder, certificate.request.class_id, final)


def _certified(contract: BridgeContract, request: Request, opening: Opening, receipt: Attested[Receipt]) -> Certificate:
    request_id = request.id_on(contract.deployment)
    told = _told(contract, request_id)
    if told.opened is None or not told.settled:
        raise NotYet(f"request {request_id} is not settled on the final chain yet")
    created = told.classes[request.class_id]
    ranges = told.ranges
    units = total_units(ranges)
    return Certificate(
        deployment=contract.deployment,
        request_id=request_id,
        request=request,
        opening=opening,
        credit_class=CreditClass(
            registry=created.registry,
            project=created.project,
            vintage=created.vintage,
            credit_type=created.credit_type,
            kg_per_unit=created.kg_per_unit,
        ),
        units=units,
        tonnes=tonnes(kilograms(units, created.kg_per_unit)),
        serials=tuple(
            CertifiedSerials(registry=told.spaces[r.space].registry, space_key=told.spaces[r.space].key, range=r)
            for r in ranges
        ),
        opened=told.opened.place,
        settled=tuple(event.place for event in told.settled),
        receipt=receipt,
    )


def verify(certificate: Certificate, contract: BridgeContract) -> list[str]:
    """Everything that is wrong with a certificate, judged by the chain alone; empty when it holds.

    Raises Refused when the node no longer knows who attested at the settlement.
    """
    return list(_faults(certificate, contract))


def _faults(c: Certificate, contract: BridgeContract) -> Iterator[str]:
    if c.deployment != contract.deployment:
        yield f"it speaks of {c.deployment}; this is {contract.deployment}"
        return
    if c.request.id_on(c.deployment) != c.request_id:
        yield "the request does not hash to its id: kind, holder, class, units, commitment or salt was changed"
    yield from _faults_of_opening(c)
    try:
        true = _certified(contract, c.request, c.opening, c.receipt)
    except NotYet as error:
        yield str(error)
        return
    true = true.model_copy(update={"format": c.format, "metadata": c.metadata})
    yield from _differences(c.model_dump(), true.model_dump(), "")
    yield from _faults_of_balance(true, contract)
    yield from _faults_of_receipt(true)
    yield from _faults_of_signatures(true, contract)
    if c.metadata is not None:
        created = contract.credit_class(true.request.class_id)
        moments = (true.settled[-1].block, contract.connection.final().number)
        yield from (f"metadata: {fault}" for fault in faults_of_pin(c.metadata, created, contract, moments))


def _faults_of_opening(c: Certificate) -> Iterator[str]:
    if c.opening.commitment != c.request.commitment:
        yield "the opening does not match the commitment: beneficiary, purpose, units or holder was changed"
    asked = (c.request.holder, c.request.class_id, c.request.units)
    if (c.opening.holder, c.opening.class_id, c.opening.units) != asked:
        yield "the opening is of another holder, class or amount than the request"


def _faults_of_balance(true: Certificate, contract: BridgeContract) -> Iterator[str]:
    """What is settled as retired never leaves the holder's retired balance."""
    if true.request.kind is not Kind.RETIREMENT:
        return
    if (retired := retired_in_all(true, contract)) < true.units:
        asked = f"not the {true.units:,} settled"
        yield f"request.holder: {retired:,} units of the class are retired for it on chain, {asked}"


def _differences(stated: object, true: object, name: str) -> Iterator[str]:
    """Every field that is not what the chain says, by its path."""
    match stated, true:
        case dict(), dict():
            for key, value in true.items():
                yield from _differences(stated[key], value, f"{name}.{key}" if name else str(key))
        case tuple(), tuple() if len(stated) == len(true):
            for number, pair in enumerate(zip(stated, true, strict=True)):
                yield from _differences(*pair, f"{name}[{number}]")
        case tuple(), tuple():
            yield f"{name}: it has {len(stated)}; on chain there are {len(true)}"
        case _ if stated != true:
            yield f"{name}: it states {_shown(stated)}; on chain it is {_shown(true)}"


def _shown(value: object) -> str:
    text = str(value) or "empty"
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _faults_of_receipt(true: Certificate) -> Iterator[str]:
    """What the registry signed must be what was settled."""
    if len(true.receipt.items) != 1:
        yield f"receipt: it has {len(true.receipt.items)} items; a certificate has one"
    for receipt in true.receipt.items:
        if receipt.request_id != true.request_id or receipt.kind != true.request.kind:
            yield "receipt: it is for another request"
        if coalesce(receipt.ranges) != [s.range for s in true.serials] or total_units(receipt.ranges) != true.units:
            yield "receipt: its serials are not the serials settled on chain"


def _faults_of_signatures(true: Certificate, contract: BridgeContract) -> Iterator[str]:
    """Each signature counts or is a fault, so that nothing can be slipped in beside a quorum."""
    document = typed_data(true.deployment, true.receipt.items)
    signers = tuple(recover(document, signature) for signature in true.receipt.signatures)
    if signers != true.receipt.signers:
        yield "receipt.signers: they are not those who signed"
    known = [signer for signer in signers if signer is not None]
    if known != sorted(set(known)):
        yield "receipt.signatures: they do not rise by signer"
    # The registry signs after the settlement: by the set of that block, or by the one that has followed it. Whoever is
    # replaced later has still signed rightly.
    registry, moments = true.credit_class.registry, (true.settled[-1].block, contract.connection.final().number)
    if not any(is_quorum(signers, contract, registry, block) for block in moments):
        yield (
            f"receipt.signatures: {len(signers)} are given, and they are no quorum of {registry}'s attesters alone, "
            f"neither at settlement in block {moments[0]} nor now"
        )


class _Told(NamedTuple):
    """What the final chain tells of one request, with the classes and spaces there are."""

    opened: RequestOpened | None
    settled: tuple[OutcomeSettled, ...]
    classes: Mapping[Hex32, ClassCreated]
    spaces: Mapping[Hex32, SpaceRegistered]

    @property
    def ranges(self) -> list[SerialRange]:
        return coalesce(r for event in self.settled for r in event.ranges)


def _told(contract: BridgeContract, request_id: Hex32) -> _Told:
    kinds = (RequestOpened, OutcomeSettled, ClassCreated, SpaceRegistered)
    events = list(contract.events(contract.first_block, contract.connection.final().number, *kinds))
    return _Told(
        opened=next((e for e in events if isinstance(e, RequestOpened) and e.request_id == request_id), None),
        settled=tuple(e for e in events if isinstance(e, OutcomeSettled) and e.request_id == request_id),
        classes={e.class_id: e for e in events if isinstance(e, ClassCreated)},
        spaces={e.space: e for e in events if isinstance(e, SpaceRegistered)},
    )


def summary(certificate: Certificate) -> str:
    """One line in English, for screens."""
    verb = "retired" if certificate.request.kind is Kind.RETIREMENT else "handed over"
    amount = f"{certificate.units:,} units ({certificate.tonnes.normalize():,f} t)"
    return f"{amount} of {certificate.credit_class.label} {verb} for {certificate.opening.beneficiary}"
