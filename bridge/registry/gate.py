"""Which credits may be brought to a chain at all: asked before anything is locked.

Two must agree: the rules that the configuration gives a programme, and what the contract would say at the mint, which
would otherwise be said too late, with the serials locked until their time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.domain.attestations import Deployment
from bridge.domain.attributes import UNKNOWN, Described
from bridge.domain.values import Hex32
from bridge.errors import BridgeError, ContractRefused, RegistryRefused
from bridge.registry.ledger import Ledger
from bridge.registry.port import ChainWitness, Instruction
from bridge.registry.rules import GateRules, Rules


class Gatekeeper:
    """Asks the rules and the registry's own eyes."""

    def __init__(self, ledger: Ledger, rules: Rules) -> None:
        self._ledger, self._rules = ledger, rules

    def require_admitted(self, instruction: Instruction, witness: ChainWitness) -> None:
        """Raises RegistryRefused for an order of credits that may not be brought there, with every reason."""
        if one := self._ledger.described_of(instruction):
            self._require(one, witness)

    def refused(
        self, instruction_ids: Sequence[Hex32], witnesses: Mapping[Deployment, ChainWitness]
    ) -> dict[Hex32, BridgeError]:
        """Of orders that nobody has locked yet, those that are not locked now, and why. `witnesses` by deployment."""
        found: dict[Hex32, BridgeError] = {}
        seen: dict[tuple[Deployment, Hex32], BridgeError | None] = {}
        for instruction, one in self._ledger.to_be_locked(instruction_ids).values():
            asked = (instruction.deployment, one.credit_class.id)
            if asked not in seen:
                seen[asked] = self._objection(one, witnesses.get(instruction.deployment))
            if objection := seen[asked]:
                found[instruction.instruction_id] = objection
        return found

    def _objection(self, one: Described, witness: ChainWitness | None) -> BridgeError | None:
        label = one.credit_class.label
        if witness is None:
            return RegistryRefused(f"nobody here sees the deployment for which {label} is ordered; nothing was locked")
        try:
            self._require(one, witness)
        except BridgeError as objection:
            return objection
        return None

    def _require(self, one: Described, witness: ChainWitness) -> None:
        c, methodology = one.credit_class, one.attributes.methodology
        rules = self._rules.get(c.registry, GateRules())
        objections = list(rules.objections(one))
        try:
            objections += witness.gate(c).objections()
            if methodology != UNKNOWN and witness.is_barred(c.registry, methodology):
                objections.append(f"methodology {methodology} is barred on chain")
        except ContractRefused as refusal:
            objections.append(str(refusal))
        if objections:
            reasons = "; ".join(dict.fromkeys(objections))
            raise RegistryRefused(f"credits of {c.label} are not brought to the chain: {reasons}. Nothing was locked")
