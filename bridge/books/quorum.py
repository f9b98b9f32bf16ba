"""Whether signers were a quorum of a registry's attesters at a block."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.chain.contract import BridgeContract
from bridge.domain.values import Address, RegistryCode
from bridge.errors import ContractRefused, Refused


def is_quorum(signers: Sequence[Address | None], contract: BridgeContract, registry: RegistryCode, block: int) -> bool:
    try:
        all_attest = all(signer is not None and contract.is_attester(registry, signer, block) for signer in signers)
        return all_attest and len(set(signers)) >= contract.threshold(registry, block)
    except ContractRefused:
        raise
    except Refused as error:
        raise Refused(
            f"who attested at block {block} cannot be read, ask a node that keeps history: {error}"
        ) from error
