"""What our own chain and registry-signed statements prove by themselves, for the breaker.

Anybody can claim anything in a file, deploy a contract that mints our serials, or hand in a statement that nobody
signed. If that could pause the minting door, anybody could halt it; if it could stand in the way of a proof, anybody
could disarm the breaker. So what is judged here is a second comparison, from which all of that is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bridge.domain.attestations import Deployment
from bridge.domain.findings import Finding, Reconciliation
from bridge.domain.observed import rows_hash
from bridge.reconcile.evidence import Evidence, Limits, StatementArchive
from bridge.reconcile.reconcile import reconcile
from bridge.reconcile.rule import Rule
from bridge.reconcile.rules import RULES
from bridge.reconcile.statement_tables import Seen

TRIPPING: Mapping[str, Rule] = {rule.name: rule for rule in RULES if rule.trips}


def proven(
    found: Reconciliation, evidence: Evidence, own: Deployment, limits: Limits | None = None
) -> tuple[Finding, ...]:
    """The breaks that prove an unbacked or doubled serial on `own`. `found`: what all the evidence showed; where that
    was our own alone, nothing is compared again."""
    ours = own_evidence(evidence, own)
    again = found if _size(ours) == _size(evidence) else reconcile(ours, limits)
    return tuple(finding for finding in again.breaks if finding.rule in TRIPPING)


def own_evidence(evidence: Evidence, own: Deployment) -> Evidence:
    """The deployment's own chain, and the whole statements that a quorum signed for it."""
    return replace(
        evidence,
        chains=[view for view in evidence.chains if view.deployment == own],
        statements=[s for s in evidence.statements if _is_sound(s, evidence, own)],
        claims=(),
        links=(),
        claim_archives=(),
        reissues=(),
        snapshots=[one for one in evidence.snapshots if one.deployment == own],
        ledgers=[one for one in evidence.ledgers if one.deployment == own],
    )


def _is_sound(statement: Seen, evidence: Evidence, own: Deployment) -> bool:
    return _is_whole(statement) and any(
        (e.registry, e.deployment, e.head) == (statement.registry, own, statement.head) and e.attesters >= e.threshold
        for e in evidence.endorsements
    )


def _is_whole(statement: Seen) -> bool:
    if isinstance(statement, StatementArchive):
        return statement.whole
    return statement.head.items[0].rows_hash == rows_hash(statement.rows)


def _size(evidence: Evidence) -> tuple[int, ...]:
    ours_or_not = (evidence.chains, evidence.statements, evidence.snapshots, evidence.ledgers)
    others = (evidence.claims, evidence.links, evidence.claim_archives, evidence.reissues)
    return (*map(len, ours_or_not), *map(len, others))
