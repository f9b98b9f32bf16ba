"""Cover: a holder of a short class takes it one for one, by choice; its provider takes what nobody took."""

from __future__ import annotations

from bridge.domain.attestations import Cover
from bridge.domain.values import Hex32
from bridge.flow.hold import Holder, send


def take_cover(holder: Holder, cover: Cover, units: int) -> Hex32:
    """Gives units of the short class for as many of the cover's. Sent again after a crash it would take more, as a
    transfer would: look what is left first."""
    return send(holder, holder.contract.take_cover(cover, units))


def withdraw_cover(holder: Holder, cover: Cover) -> Hex32:
    """All that is left, once the class is short no more."""
    return send(holder, holder.contract.withdraw_cover(cover))
