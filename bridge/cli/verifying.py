"""A verification on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.chain.verifying.verify import Verification
    from bridge.domain.deployment import Check

_SIGNS = {"holds": "✓", "fails": "✗", "warns": "!", "shown": "·"}


def show_verification(found: Verification, as_json: bool) -> None:
    """Every check in a row; below, what to do where one fails or warns."""
    from bridge.cli.screen import emit, say

    if as_json:
        emit({"holds": found.holds} | found.model_dump(mode="json"))
        return
    say(f"final block {found.block.number:,}: {_drawn(found.checks)}")


def show_checks(checks: Sequence[Check], as_json: bool) -> None:
    """The same for checks that are no verification of a deployment."""
    from bridge.cli.screen import emit, say

    if as_json:
        emit([one.model_dump(mode="json") for one in checks])
        return
    say(_drawn(checks))


def _drawn(checks: Sequence[Check]) -> str:
    """Draws them, and counts them in words."""
    from bridge.cli.screen import say, table

    table(["", "check", "found"], [(_SIGNS[one.verdict], one.subject, one.found) for one in checks])
    say("")
    for one in checks:
        if one.advice:
            say(f"{_SIGNS[one.verdict]} {one.subject}: {one.advice}")
    counted = {verdict: sum(one.verdict == verdict for one in checks) for verdict in _SIGNS}
    return f"{counted['holds']} hold, {counted['fails']} fail, {counted['warns']} warn, {counted['shown']} shown"
