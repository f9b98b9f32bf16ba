"""How the findings of a run stand beside those of earlier runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from bridge.domain.findings import Acknowledgement, Finding, Past, Severity, Standing
from bridge.domain.values import Hex32


@dataclass(frozen=True)
class Open:
    """A finding that no run has closed since it was seen: as it was seen last, and since which run."""

    past: Past
    content: Hex32
    scope: Set[str]
    since_run: int
    since: int


@dataclass(frozen=True)
class Moment:
    """The run that is judged."""

    number: int
    begun_at: int
    scope: Set[str]


def standing(finding: Finding, known: Open | None, acknowledged: Acknowledgement | None, moment: Moment) -> Standing:
    """`acknowledged`: the newest word on it, of whatever content."""
    holds = acknowledged is not None and acknowledged.content == finding.content
    return Standing(
        finding_id=finding.id,
        new=known is None,
        changed=known is not None and known.content != finding.content,
        since_run=known.since_run if known else moment.number,
        since=known.since if known else moment.begun_at,
        acknowledged=acknowledged if holds else None,
        lapsed=None if holds else acknowledged,
    )


def gone(known: Mapping[Hex32, Open], seen: Set[Hex32], moment: Moment) -> tuple[tuple[Past, ...], tuple[Past, ...]]:
    """What was open and is not seen any more: what this run would have seen, and what it could not have. A finding may
    rest on any of the evidence that it was seen in, so only a run that read all of that again closes it."""
    missing = [one for finding_id, one in known.items() if finding_id not in seen]
    closed = tuple(one.past for one in missing if one.scope <= moment.scope)
    return closed, tuple(one.past for one in missing if not one.scope <= moment.scope)


def news(
    findings: Sequence[Finding], standings: Mapping[Hex32, Standing], known: Mapping[Hex32, Open]
) -> list[Finding]:
    """The breaks that nobody was told of yet: new ones, warnings that have become breaks, and those that have outgrown
    their acknowledgement in this run."""
    return [f for f in findings if f.severity is Severity.BREAK and _is_news(standings[f.id], known.get(f.id))]


def _is_news(now: Standing, before: Open | None) -> bool:
    if before is None or before.past.severity is not Severity.BREAK:
        return True
    return now.lapsed is not None and now.changed and now.lapsed.content == before.content
