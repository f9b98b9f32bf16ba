"""Serials as account holders name them, and how the ledger's are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.domain.credit_class import CreditClass
    from bridge.domain.serials import SerialRange
    from bridge.registry.ledger import Ledger
    from bridge.registry.statements.serial import Serial as Read


def account_in_short(name: str) -> str:
    """A deployment's own account, in short. One address may be a contract on several chains."""
    import re

    return re.sub(r"^(bridge \d+:0x.{8}).*", r"\1", name)


def classes_in(books: Ledger) -> dict[str, CreditClass]:
    return {c.id: c for c in books.classes()}


def serial_state(text: str) -> Any:
    from bridge.domain.lifecycle import SerialState
    from bridge.errors import UsageError

    if text not in list(SerialState):
        raise UsageError(f"no state {text!r}; there are {', '.join(SerialState)}")
    return SerialState(text)


def serial_key(read: Read) -> str:
    """The same act on the same serials is one act."""
    return f"{read.space.registry} {read.space.key} {read.range}"


def block_row(c: CreditClass, span: SerialRange) -> dict[str, Any]:
    return {
        "class": c.id,
        "label": c.label,
        "space": span.space,
        "first": span.first,
        "last": span.last,
        "units": span.units,
        "kg_per_unit": c.kg_per_unit,
    }


def named_serials(
    books: Ledger,
    account: str,
    serial: str | None,
    class_text: str | None,
    range_text: str | None,
    programme: str | None,
    vintage: int | None,
) -> tuple[CreditClass, SerialRange]:
    """Serials by their spelling, or by class and range among the account's. Raises UsageError."""
    from bridge.cli.naming import choose_class, read_serial
    from bridge.errors import UsageError

    if serial is not None and class_text is None and range_text is None:
        read = read_serial(serial, programme, vintage)
        return read.credit_class, read.range
    if serial is not None or class_text is None or range_text is None:
        raise UsageError("name the serials: as their registry spells them, or by --class and --range")
    chosen = choose_class(class_text, classes_in(books))
    return chosen, _held_range(books, account, chosen, range_text)


def _held_range(books: Ledger, account: str, chosen: CreditClass, text: str) -> SerialRange:
    """The range with these ends in the one space where the account holds it."""
    from bridge.domain.serials import SerialRange
    from bridge.errors import UsageError

    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) < 2**63):
        raise UsageError(f"{text!r} is no range; write FIRST-LAST, such as 1-100")
    held = [span for class_id, span in books.holdings(account) if class_id == chosen.id]
    spaces = {span.space for span in held if span.first <= int(first) <= span.last}
    if len(spaces) != 1:
        raise UsageError(
            f"serial {first} of {chosen.label} is {'in several spaces' if spaces else 'not'} held by {account!r}; "
            "see: carbonbridge registry blocks, or spell the serial in full"
        )
    return SerialRange(space=spaces.pop(), first=int(first), last=int(last))
