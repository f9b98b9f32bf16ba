"""A verification on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.chain.verifying.verify import Verification

_SIGNS = {"holds": "✓", "fails": "✗", "warns": "!", "shown": "·"}


def show_verification(found: Verification, as_json: bool) -> None:
    """Every check in a row; below, what to do where one fails or warns."""
    from bridge.cli.screen import emit, say, table

    if as_json:
        emit({"holds": found.holds} | found.model_dump(mode="json"))
        return
    table(["", "check", "found"], [(_SIGNS[one.verdict], one.subject, one.found) for one in found.checks])
    say("")
    for one in found.checks:
        if one.advice:
            say(f"{_SIGNS[one.verdict]} {one.subject}: {one.advice}")
    counted = {verdict: sum(one.verdict == verdict for one in found.checks) for verdict in _SIGNS}
    say(
        f"final block {found.block.number:,}: {counted['holds']} hold, {counted['fails']} fail, "
        f"{counted['warns']} warn, {counted['shown']} shown"
    )
