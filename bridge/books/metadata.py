"""Whether what is published of a class is what the registry's attesters signed, and since when it is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

from bridge.books.quorum import is_quorum
from bridge.chain.contract import BridgeContract
from bridge.chain.signers import recover
from bridge.domain.attestations import typed_data
from bridge.domain.metadata import ClassMetadata, PinnedMetadata, changes, read, sealed
from bridge.domain.observed import ClassCreated
from bridge.domain.values import Address, Fact, Hex32


class Standing(StrEnum):
    """Of published metadata. Only the first holds."""

    PINNED = "pinned"
    CHANGED = "changed"
    UNSIGNED = "unsigned"
    FALSE = "false"


class Checked(Fact):
    """`signed_at`: when a quorum last signed, in chain seconds; `changed`: what is published otherwise since; `faults`:
    what cannot be true, whoever signed."""

    class_id: Hex32
    standing: Standing
    sha256: Hex32
    signed_at: int | None = None
    signers: tuple[Address, ...] = ()
    changed: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def check(published: ClassMetadata, contract: BridgeContract) -> Checked:
    """Judged by the chain: what it says of the class, and who attests at the final block."""
    created = contract.credit_class(published.class_id)
    found = Checked(class_id=published.class_id, standing=Standing.UNSIGNED, sha256=sealed(published.body))
    if faults := tuple(_faults(published.body, created)):
        return found.model_copy(update={"standing": Standing.FALSE, "faults": faults})
    last = newest(published, contract)
    if last is None:
        return found
    pin = last.signed.items[0]
    signed = {"signed_at": pin.as_of, "signers": last.signed.signers}
    if pin.sha256 == found.sha256:
        return found.model_copy(update={"standing": Standing.PINNED, **signed})
    changed = changes(last.body, published.body)
    return found.model_copy(update={"standing": Standing.CHANGED, "changed": changed, **signed})


def newest(published: ClassMetadata, contract: BridgeContract) -> PinnedMetadata | None:
    """The last that a quorum of today's attesters signed for this deployment."""
    created = contract.credit_class(published.class_id)
    now = (contract.connection.final().number,)
    good = [one for one in published.pins if not tuple(faults_of_pin(one, created, contract, now))]
    return max(good, key=lambda one: (one.signed.items[0].as_of, one.signed.items[0].number), default=None)


def faults_of_pin(
    one: PinnedMetadata, created: ClassCreated, contract: BridgeContract, blocks: Sequence[int]
) -> Iterator[str]:
    """Why this is not the word on this class of those who attested at one of the blocks."""
    if one.deployment != contract.deployment or len(one.signed.items) != 1:
        yield f"it speaks of {one.deployment}; this is {contract.deployment}"
        return
    (pin,) = one.signed.items
    if (pin.class_id, pin.sha256) != (created.class_id, sealed(one.body)):
        yield "what was signed is another class's, or has another hash"
    yield from _faults(one.body, created)
    document = typed_data(one.deployment, one.signed.items)
    signers = tuple(recover(document, signature) for signature in one.signed.signatures)
    known = any(is_quorum(signers, contract, created.registry, block) for block in blocks)
    if signers != one.signed.signers or not known:
        yield f"its {len(signers)} signatures are no quorum of {created.registry}'s attesters alone"


def _faults(body: str, created: ClassCreated) -> Iterator[str]:
    """The identity that the chain knows must be the one that is published."""
    try:
        properties = read(body).get("properties")
    except ValueError as error:
        yield f"it is no metadata: {error}"
        return
    for name in ("registry", "project", "vintage", "credit_type", "kg_per_unit"):
        stated: Any = properties.get(name) if isinstance(properties, dict) else None
        if stated != getattr(created, name):
            yield f"{name}: it states {str(stated)[:100]}; on chain it is {getattr(created, name)}"
