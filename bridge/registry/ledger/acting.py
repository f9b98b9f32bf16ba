"""Acts at registries that are not ours: stored before anything is asked, and moved as `ACT_MOVES` lists."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.domain.attestations import Confirmation
from bridge.domain.lifecycle import ACT_MOVES, ActState, require_move
from bridge.domain.values import Hex32, RegistryCode
from bridge.errors import Conflict, RegistryRefused
from bridge.registry.counterpart import ActRecord, Confirmed, Done, ForeignAct
from bridge.registry.ledger.models import ConfirmationRow, ForeignActRow, ForeignStep
from bridge.registry.ledger.movement import Books


class Acting(Books):
    def plan_act(self, act: ForeignAct) -> ForeignAct:
        """Stores an act, once, and gives it as it was first stored: a later final block changes nothing. Raises
        Conflict when it is known with other content."""
        with self._write() as tx:
            row = tx.get(ForeignActRow, act.id)
            if row is None:
                tx.add(_act_row(act))
                tx.flush()
                _note(tx, act.id, self.clock(), ActState.PLANNED, "")
                return act
            known = ForeignAct.model_validate_json(row.document)
            if known.model_copy(update={"final": act.final}) != act:
                raise Conflict(f"{act.what} was stored before with other content; stop and reconcile")
            return known

    def act(self, act_id: Hex32) -> ActRecord | None:
        with self._read() as tx:
            row = tx.get(ForeignActRow, act_id)
            return _record(tx, row) if row else None

    def acts(self, programme: RegistryCode, *states: ActState) -> tuple[ActRecord, ...]:
        """In the order in which they were stored."""
        query = select(ForeignActRow).join(ForeignStep, ForeignStep.act_id == ForeignActRow.id)
        query = query.where(ForeignActRow.programme == programme, ForeignStep.number == 0)
        if states:
            query = query.where(ForeignActRow.state.in_([state.value for state in states]))
        with self._read() as tx:
            rows = tx.scalars(query.order_by(ForeignStep.at, ForeignActRow.id))
            return tuple(_record(tx, row) for row in rows)

    def ask_act(self, act_id: Hex32, words: str) -> None:
        """Whoever goes on to ask has stored it first. Raises Halted unless it is planned."""
        self._move(act_id, ActState.ASKED, words)

    def lose_act(self, act_id: Hex32, words: str) -> None:
        """It was asked, and nobody knows what became of it."""
        self._move(act_id, ActState.UNKNOWN, words)

    def free_act(self, act_id: Hex32, statement: str) -> None:
        """A statement shows that an unknown act did not happen: it may be asked anew."""
        self._move(act_id, ActState.PLANNED, f"not done, by {statement}", statement=statement)

    def void_act(self, act_id: Hex32, words: str) -> None:
        """What was never asked never will be."""
        self._move(act_id, ActState.VOID, words)

    def end_act(self, act_id: Hex32, done: Done, statement: str) -> Done:
        """It is done; again with the same content changes nothing. Raises Conflict for other content. `statement` says
        by what, and resolves an unknown."""
        with self._write() as tx:
            row = _row(tx, act_id)
            known = _done(row)
            if known is None:
                self._change(tx, row, ActState.DONE, f"done, by {statement}", statement, done)
            elif known != done:
                raise Conflict(f"act {act_id} is done as {known.reference}, not {done.reference}; find out which")
            return done

    def confirm(self, confirmed: Confirmed) -> None:
        """Keeps an officer's signed word; the same again is kept once."""
        said = confirmed.confirmation
        with self._write() as tx:
            if confirmed in _confirmed(tx, said.act_id):
                return
            last = tx.scalar(select(func.max(ConfirmationRow.number)).where(ConfirmationRow.act_id == said.act_id))
            row = ConfirmationRow(
                act_id=said.act_id,
                number=0 if last is None else last + 1,
                round=said.round,
                officer=confirmed.officer,
                document=said.model_dump_json(),
                signature=confirmed.signature,
            )
            tx.add(row)

    def steps(self, act_id: Hex32) -> tuple[tuple[int, ActState, str], ...]:
        """What an act went through: when, to which state, and why."""
        query = select(ForeignStep).where(ForeignStep.act_id == act_id).order_by(ForeignStep.number)
        with self._read() as tx:
            return tuple((step.at, ActState(step.state), step.words) for step in tx.scalars(query))

    def _move(self, act_id: Hex32, to: ActState, words: str, statement: str | None = None) -> None:
        with self._write() as tx:
            self._change(tx, _row(tx, act_id), to, words, statement, None)

    def _change(
        self, tx: Session, row: ForeignActRow, to: ActState, words: str, statement: str | None, done: Done | None
    ) -> None:
        require_move(ACT_MOVES, ActState(row.state), to, f"act {row.id}")
        row.state = to.value
        row.round += to is ActState.ASKED
        row.statement = statement or row.statement
        if done is not None:
            row.reference, row.evidence = done.reference, done.evidence
        tx.flush()
        _note(tx, row.id, self.clock(), to, words)


def _act_row(act: ForeignAct) -> ForeignActRow:
    return ForeignActRow(
        id=act.id,
        programme=act.programme,
        verb=act.verb.value,
        subject=act.subject,
        document=act.model_dump_json(),
        final_block=act.final.number if act.final else None,
        state=ActState.PLANNED.value,
        round=0,
    )


def _row(tx: Session, act_id: Hex32) -> ForeignActRow:
    row = tx.get(ForeignActRow, act_id)
    if row is None:
        raise RegistryRefused(f"no act {act_id} is stored here; nothing may be asked for it")
    return row


def _record(tx: Session, row: ForeignActRow) -> ActRecord:
    query = select(ForeignStep).where(ForeignStep.act_id == row.id).order_by(ForeignStep.number.desc()).limit(1)
    newest = tx.scalars(query).one()
    return ActRecord(
        act=ForeignAct.model_validate_json(row.document),
        state=ActState(row.state),
        round=row.round,
        since=newest.at,
        words=newest.words,
        done=_done(row),
        confirmed=tuple(one for one in _confirmed(tx, row.id) if one.confirmation.round == row.round),
    )


def _done(row: ForeignActRow) -> Done | None:
    if row.reference is None or row.evidence is None:
        return None
    return Done(reference=row.reference, evidence=row.evidence)


def _confirmed(tx: Session, act_id: Hex32) -> Sequence[Confirmed]:
    """The newest word of each officer on each finding and round, oldest first."""
    query = select(ConfirmationRow).where(ConfirmationRow.act_id == act_id).order_by(ConfirmationRow.number)
    newest: dict[tuple[str, int, bool], Confirmed] = {}
    for row in tx.scalars(query):
        said = Confirmation.model_validate_json(row.document)
        newest[row.officer, row.round, said.finding == "filed"] = Confirmed(
            officer=row.officer, confirmation=said, signature=row.signature
        )
    return list(newest.values())


def _note(tx: Session, act_id: Hex32, at: int, state: ActState, words: str) -> None:
    last = tx.scalar(select(func.max(ForeignStep.number)).where(ForeignStep.act_id == act_id))
    tx.add(ForeignStep(act_id=act_id, number=0 if last is None else last + 1, at=at, state=state.value, words=words))
