"""Accounts, classes, issuance, and what a holder does with serials that are his."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.domain.attestations import Deployment
from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import SerialState
from bridge.domain.quantity import Units
from bridge.domain.serials import SerialRange, SerialSpace, subtract, total_units
from bridge.domain.values import Hex32
from bridge.errors import Conflict, RegistryRefused, UsageError
from bridge.registry.ledger.models import Account, Block, Class, Entry, Project, Space
from bridge.registry.ledger.movement import (
    ISSUANCE,
    Books,
    Taking,
    Where,
    move,
    named,
    open_block,
    participant,
    post,
    range_of,
    require,
    standing,
    storable,
)

HELD = SerialState.HELD


class Recorded(NamedTuple):
    """What recording changed: serials issued that were not known, and serials retired or cancelled. `known` serials
    stood in the ledger before."""

    issued: Units
    ended: Units
    known: Units


class Custody(Books):
    def open_account(self, name: str) -> None:
        """A participant's account. Raises Conflict when the name stands for something else."""
        if not name.strip() or name != name.strip():
            raise UsageError(f"account name {name!r} is empty or has blanks around it")
        with self._write() as tx:
            known = tx.get(Account, name)
            if known is None:
                tx.add(Account(name=name, kind="participant"))
            elif known.kind != "participant":
                raise Conflict(f"account {name!r} is the registry's own; choose another name")

    def serve(self, deployment: Deployment) -> str:
        """Opens the one account that stands for this deployment, and returns its name."""
        name = bridge_account(deployment)
        with self._write() as tx:
            if tx.get(Account, name) is None:
                tx.add(Account(name=name, kind="bridge", deployment=str(deployment)))
        return name

    def add_space(self, space: SerialSpace) -> None:
        with self._write() as tx:
            _add_space(tx, space)

    def add_class(self, credit_class: CreditClass) -> None:
        """The first description stays. Raises Conflict when a known class would weigh otherwise."""
        with self._write() as tx:
            _add_class(tx, credit_class)

    def issue(self, key: str, span: SerialRange, class_id: Hex32, account: str) -> None:
        """Creates serials, held. Raises RegistryRefused when one of them exists already."""
        storable(span)
        content = {"range": span.key, "class": class_id, "account": account}
        with self._write() as tx:
            entry = self._enter(tx, "issue", key, content)
            if entry is None:
                return
            if taken := standing(tx, span):
                raise RegistryRefused(f"{named(tx, range_of(taken[0]))} are issued already; issue other serials")
            _issue(tx, entry, [span], class_id, account)

    def transfer(self, key: str, span: SerialRange, source: str, target: str) -> None:
        content = {"range": span.key, "from": source, "to": target}
        with self._write() as tx:
            entry = self._enter(tx, "transfer", key, content)
            if entry is None:
                return
            participant(tx, target)
            if source == target:
                raise RegistryRefused(f"account {source!r} has {named(tx, span)} already; name another receiver")
            blocks = require(tx, span, [HELD], source)
            move(tx, entry, Taking(span, blocks, lambda block: Where(target, HELD, None, block.request_id)))

    def retire(self, key: str, span: SerialRange, account: str, beneficiary: str, purpose: str = "") -> None:
        """A holder retires his own free serials, without any bridge."""
        note = {"beneficiary": beneficiary, "purpose": purpose}
        self._end(key, "retire", span, account, SerialState.RETIRED, note)

    def cancel(self, key: str, span: SerialRange, account: str, reason: str) -> None:
        """The registry takes a holder's free serials out of the world, such as for re-issuance elsewhere."""
        self._end(key, "cancel", span, account, SerialState.CANCELLED, {"reason": reason})

    def override(self, key: str, span: SerialRange, state: SerialState, reason: str) -> dict[SerialState, Units]:
        """Warning: the registrar retires or cancels serials whatever they are locked or reserved for, as real
        registries do behind a bridge's back. The reconciler must find it.

        Gives the units by the state in which it found them; nothing when this was done before."""
        if state not in (SerialState.RETIRED, SerialState.CANCELLED):
            raise UsageError(f"serials can be overridden to retired or cancelled, not to {state}")
        content = {"range": span.key, "state": state.value, "reason": reason}
        with self._write() as tx:
            entry = self._enter(tx, "override", key, content)
            if entry is None:
                return {}
            states = (HELD, SerialState.LOCKED, SerialState.RESERVED)
            blocks = require(tx, span, states)
            found = {one: _units_within(span, [b for b in blocks if b.state == one]) for one in states}
            move(tx, entry, Taking(span, blocks, lambda b: Where(b.account, state, b.lock_id, b.request_id)))
            return {one: units for one, units in found.items() if units}

    def record(
        self,
        space: SerialSpace,
        span: SerialRange,
        credit_class: CreditClass,
        account: str,
        state: SerialState,
        note: dict[str, str],
    ) -> Recorded:
        """Brings the ledger up to what another registry states: issues what is not known here, and retires or cancels
        what is still held in `account`. Changes nothing when nothing is new.

        Raises RegistryRefused, having changed nothing, when a serial belongs to another class or is locked, reserved
        or somebody else's.
        """
        storable(span)
        key = f"{space.registry} {space.key} {span} {state}"
        with self._write() as tx:
            _add_space(tx, space)
            _add_class(tx, credit_class)
            known = standing(tx, span)
            _require_class(tx, known, credit_class)
            gaps = subtract(span, map(range_of, known))
            if gaps and (entry := self._enter(tx, "issue", key, note)):
                _issue(tx, entry, gaps, credit_class.id, account)
            ended = _unended(tx, span, state, account)
            if ended and (entry := self._enter(tx, _VERBS[state], key, note)):
                move(tx, entry, Taking(span, ended, lambda block: Where(account, state, None, block.request_id)))
            issued = total_units(gaps)
            return Recorded(issued, _units_within(span, ended), Units(span.units - issued))

    def _end(
        self, key: str, verb: str, span: SerialRange, account: str, state: SerialState, note: dict[str, str]
    ) -> None:
        with self._write() as tx:
            entry = self._enter(tx, verb, key, {"range": span.key, "account": account, **note})
            if entry is None:
                return
            blocks = require(tx, span, [HELD], account)
            move(tx, entry, Taking(span, blocks, lambda block: Where(account, state, None, block.request_id)))


_VERBS = {SerialState.RETIRED: "retire", SerialState.CANCELLED: "cancel"}


def bridge_account(deployment: Deployment) -> str:
    return f"bridge {deployment}"


def _add_space(tx: Session, space: SerialSpace) -> None:
    if tx.get(Space, space.id) is None:
        tx.add(Space(id=space.id, programme=space.registry, kind=int(space.kind), key=space.key))
        tx.flush()


def _add_class(tx: Session, credit_class: CreditClass) -> None:
    known = tx.get(Class, credit_class.id)
    if known is None:
        _add_project(tx, credit_class)
        identity = credit_class.model_dump(include={"project", "vintage", "credit_type", "kg_per_unit"})
        tx.add(Class(id=credit_class.id, programme=credit_class.registry, **identity))
        tx.flush()
    elif known.kg_per_unit != credit_class.kg_per_unit:
        raise Conflict(
            f"one unit of {credit_class.label} weighs {known.kg_per_unit} kg here, not {credit_class.kg_per_unit}"
        )


def _add_project(tx: Session, credit_class: CreditClass) -> None:
    if tx.get(Project, (credit_class.registry, credit_class.project)) is None:
        project = Project(
            programme=credit_class.registry,
            code=credit_class.project,
            name=credit_class.project_name,
            country=credit_class.country,
            methodology=credit_class.methodology,
        )
        tx.add(project)
        tx.flush()


def _issue(tx: Session, entry: Entry, spans: list[SerialRange], class_id: Hex32, account: str) -> None:
    participant(tx, account)
    credit_class = tx.get(Class, class_id)
    for span in spans:
        _require_fitting(tx, credit_class, class_id, span)
        where = Where(account, HELD)
        open_block(tx, entry, span, class_id, where)
        post(tx, entry, class_id, span.units, Where(ISSUANCE, HELD), where)
    tx.flush()


def _require_fitting(tx: Session, credit_class: Class | None, class_id: Hex32, span: SerialRange) -> None:
    """A space and a class of one registry, and no second class in a batch."""
    space = tx.get(Space, span.space)
    if credit_class is None or space is None:
        raise RegistryRefused(f"class {class_id} or space {span.space} is not known here; add it first")
    if credit_class.programme != space.programme:
        raise RegistryRefused(f"{named(tx, span)} cannot be of a class of {credit_class.programme}; check the class")
    other = tx.scalar(select(Block.class_id).where(Block.space == span.space).limit(1))
    if space.kind == 1 and other not in (None, class_id):
        raise RegistryRefused(f"batch {space.programme} {space.key} is of class {other}; {span} would be of {class_id}")


def _require_class(tx: Session, known: list[Block], credit_class: CreditClass) -> None:
    for block in known:
        if block.class_id != credit_class.id:
            raise RegistryRefused(
                f"{named(tx, range_of(block))} are here as class {block.class_id}, stated as {credit_class.label}; "
                "find out which is right"
            )


def _unended(tx: Session, span: SerialRange, state: SerialState, account: str) -> list[Block]:
    """The blocks still held in `account` though they are stated to be retired or cancelled."""
    blocks = [] if state is HELD else [b for b in standing(tx, span) if b.state != state.value]
    for block in blocks:
        if (block.state, block.account) != (HELD.value, account):
            raise RegistryRefused(
                f"{named(tx, range_of(block))} are stated as {state} and stand here as {block.state} in "
                f"{block.account}; compare with the registry before anything else"
            )
    return blocks


def _units_within(span: SerialRange, blocks: list[Block]) -> Units:
    return Units(sum(min(b.last, span.last) - max(b.first, span.first) + 1 for b in blocks))
