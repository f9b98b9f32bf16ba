"""The list of serials that an officer downloads, or copies from the screens, as CSV; and what it says of an act."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind, subtract
from bridge.domain.values import Fact, Hex32, RegistryCode, keccak_hex
from bridge.errors import Halted, MalformedInput, RegistryRefused
from bridge.registry.counterpart import ForeignAct, Verb
from bridge.registry.desk.rules import DeskRules
from bridge.registry.evidence import read_bounded
from bridge.registry.statements import fields

Fate = Literal["held", "retired", "moved"]


class ListedBlock(Fact):
    """Serials, what became of them, and the account in which they stand."""

    line: int
    range: SerialRange
    fate: Fate
    account: str


class Unread(Fact):
    """A row that was not taken, and why."""

    line: int
    reason: str


class SerialList(NamedTuple):
    """A whole file; `seal` is its keccak-256."""

    seal: Hex32
    blocks: Sequence[ListedBlock]
    unread: Sequence[Unread]


def read_list(path: Path, programme: RegistryCode, rules: DeskRules) -> SerialList:
    """Every row is a block or is named as unread. Raises MalformedInput when the file is no such list at all."""
    content, grammar = read_bounded(path), rules.list
    try:
        text = content.decode(grammar.encoding)
    except UnicodeDecodeError as error:
        raise MalformedInput(f"{path} is not {grammar.encoding}; save it so, or configure list.encoding") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in grammar.columns if name not in (reader.fieldnames or ())]
    if missing:
        raise MalformedInput(f"{path} has no column {', '.join(missing)}; download the list again, or configure [list]")
    blocks: list[ListedBlock] = []
    unread: list[Unread] = []
    for row in reader:
        line = reader.line_num
        try:
            block = _block(line, row, programme, rules)
            _require_new(block, blocks)
            blocks.append(block)
        except MalformedInput as error:
            unread.append(Unread(line=line, reason=str(error)))
    return SerialList(keccak_hex(content), blocks, unread)


def space_of(programme: RegistryCode, certification: str, rules: DeskRules) -> SerialSpace:
    """Serials are counted within a 認証番号. Raises MalformedInput for one that is not spelt as configured."""
    spelt = unicodedata.normalize("NFKC", certification).strip().upper()
    if not re.fullmatch(rules.certification, spelt):
        raise MalformedInput(f"certification number {certification!r} is not of the form {rules.certification}")
    return SerialSpace(registry=programme, kind=SpaceKind.BATCH, key=spelt)


def verdict(act: ForeignAct, found: SerialList, rules: DeskRules) -> bool:
    """Whether the list shows the act done, or shows all its serials as they were before it.

    Raises RegistryRefused when it does not show every serial, Halted when it shows something else: people decide.
    """
    seen: set[bool] = set()
    for span in act.ranges:
        shown = [block for block in found.blocks if block.range.overlaps(span)]
        if missing := subtract(span, [block.range for block in shown]):
            raise RegistryRefused(f"the list does not show serials {missing[0]} of {act.what}; get the whole list")
        seen |= {_is_done(act, block, rules) for block in shown}
    if len(seen) != 1:
        raise Halted(f"the list shows {act.what} done for some of its serials and not for others; ask that registry")
    return seen.pop()


def _is_done(act: ForeignAct, block: ListedBlock, rules: DeskRules) -> bool:
    before = block.fate == "held" and block.account == rules.account
    if act.verb is Verb.RETIRE:
        after = block.fate == "retired"
    else:
        after = block.fate != "retired" and block.account == act.account
    if before == after:
        raise Halted(
            f"the list shows serials {block.range} as {block.fate} in account {block.account!r} (line {block.line}), "
            f"which {act.what} explains neither done nor undone; ask that registry"
        )
    return after


def _block(line: int, row: dict[str, str], programme: RegistryCode, rules: DeskRules) -> ListedBlock:
    grammar = rules.list
    if None in row or any(row[name] is None for name in grammar.columns):
        raise MalformedInput("the row has other fields than the header")
    space = space_of(programme, row[grammar.certification], rules)
    first, last = (unicodedata.normalize("NFKC", row[name]).strip() for name in (grammar.first, grammar.last))
    return ListedBlock(
        line=line,
        range=fields.serial_range(space, first, last),
        fate=_fate(row[grammar.state].strip(), rules),
        account=row[grammar.account].strip(),
    )


def _fate(word: str, rules: DeskRules) -> Fate:
    grammar = rules.list
    fates: tuple[tuple[tuple[str, ...], Fate], ...] = (
        (grammar.held, "held"),
        (grammar.retired, "retired"),
        (grammar.moved, "moved"),
    )
    words = {spelt: fate for spellings, fate in fates for spelt in spellings}
    if word not in words:
        raise MalformedInput(f"state {word!r} is none of {', '.join(words)}")
    return words[word]


def _require_new(block: ListedBlock, earlier: Sequence[ListedBlock]) -> None:
    for other in earlier:
        if other.range.overlaps(block.range):
            raise MalformedInput(f"serials of {block.range} stand in line {other.line} already")
