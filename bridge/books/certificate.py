"""The certificate of a retirement or redemption: everything that a stranger needs to check it, in one JSON file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal

from bridge.chain.contract import BridgeContract
from bridge.chain.signers import recover
from bridge.domain.attestations import Attested, Deployment, Opening, Receipt, Request, typed_data
from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import Kind
from bridge.domain.observed import OutcomeSettled, Place, RequestOpened, SpaceRegistered
from bridge.domain.quantity import kilograms, tonnes
from bridge.domain.serials import SerialRange, coalesce, total_units
from bridge.domain.values import Fact, Hex32, RegistryCode
from bridge.errors import NotYet


class CertifiedSerials(Fact):
    """A range with the readable name of its space."""

    registry: RegistryCode
    space_key: str
    range: SerialRange


class Certificate(Fact):
    """Bound to its holder by the request id, so that it cannot be passed on; `opening` shows who stands behind it."""

    format: Literal["carbonbridge-certificate/1"] = "carbonbridge-certificate/1"
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


def certify(contract: BridgeContract, request: Request, opening: Opening, receipt: Attested[Receipt]) -> Certificate:
    """Puts a certificate together from the final chain and the registry's receipt. Raises NotYet when either lacks."""
    request_id = request.id_on(contract.deployment)
    opened, settled = _history(contract, request_id)
    if opened is None or not settled:
        raise NotYet(f"request {request_id} is not settled on the final chain yet")
    created = contract.credit_class(request.class_id)
    spaces = {e.space: e for e in _events(contract, SpaceRegistered) if isinstance(e, SpaceRegistered)}
    ranges = coalesce(receipt.items[0].ranges)
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
            CertifiedSerials(registry=spaces[r.space].registry, space_key=spaces[r.space].key, range=r) for r in ranges
        ),
        opened=opened.place,
        settled=tuple(event.place for event in settled),
        receipt=receipt,
    )


def verify(certificate: Certificate, contract: BridgeContract) -> list[str]:
    """Everything that is wrong with a certificate, judged by the chain alone; empty when it holds."""
    return list(_faults(certificate, contract))


def _faults(c: Certificate, contract: BridgeContract) -> Iterator[str]:
    if c.deployment != contract.deployment:
        yield f"it speaks of {c.deployment}; this is {contract.deployment}"
        return
    if c.request.id_on(c.deployment) != c.request_id:
        yield "the request does not hash to its id: kind, holder, class, units, commitment or salt was changed"
    if c.opening.commitment != c.request.commitment:
        yield "the opening does not match the commitment: beneficiary, purpose, units or holder was changed"
    if c.credit_class.id != c.request.class_id:
        yield "registry, project, vintage or credit type is not what the token id stands for"
    opened, settled = _history(contract, c.request_id)
    if opened is None:
        yield f"no final block holds request {c.request_id}"
        return
    yield from _faults_of_amounts(c, settled)
    yield from _faults_of_receipt(c, contract)


def _faults_of_amounts(c: Certificate, settled: Sequence[OutcomeSettled]) -> Iterator[str]:
    on_chain = coalesce(r for event in settled for r in event.ranges)
    if coalesce(c.receipt.items[0].ranges) != on_chain:
        yield "the receipt's serials are not the serials settled on chain"
    if coalesce(s.range for s in c.serials) != on_chain:
        yield "the certificate's serials are not the serials settled on chain"
    if c.units != total_units(on_chain):
        yield f"it states {c.units} units; {total_units(on_chain)} are settled on chain"
    if c.tonnes != tonnes(kilograms(total_units(on_chain), c.credit_class.kg_per_unit)):
        yield f"{c.units} units of this class do not weigh {c.tonnes} t"


def _faults_of_receipt(c: Certificate, contract: BridgeContract) -> Iterator[str]:
    receipt = c.receipt.items[0]
    if receipt.request_id != c.request_id or receipt.kind != c.request.kind:
        yield "the receipt is for another request"
    document = typed_data(c.deployment, c.receipt.items)
    signers = {recover(document, signature) for signature in c.receipt.signatures}
    threshold = contract.threshold(c.credit_class.registry)
    valid = {signer for signer in signers if signer and contract.is_attester(c.credit_class.registry, signer)}
    if len(valid) < threshold:
        yield f"{len(valid)} of {c.credit_class.registry}'s attesters signed the receipt; {threshold} must"


def _history(contract: BridgeContract, request_id: Hex32) -> tuple[RequestOpened | None, list[OutcomeSettled]]:
    events = list(_events(contract, RequestOpened, OutcomeSettled))
    opened = next((e for e in events if isinstance(e, RequestOpened) and e.request_id == request_id), None)
    return opened, [e for e in events if isinstance(e, OutcomeSettled) and e.request_id == request_id]


def _events(contract: BridgeContract, *kinds: type) -> Iterator[object]:
    return contract.events(contract.first_block, contract.connection.final().number, *kinds)


def summary(certificate: Certificate) -> str:
    """One line in English, for screens."""
    verb = "retired" if certificate.request.kind is Kind.RETIREMENT else "handed over"
    return f"{certificate.tonnes} t of {certificate.credit_class.label} {verb} for {certificate.opening.beneficiary}"
