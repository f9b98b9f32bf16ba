"""Answers that are given once: the same request under the same key has the answer that it had (Idempotency-Key).

What the registry does is repeatable by itself, by lock id and request id. This spares the work, and gives those acts
that have no such id, as a statement's next number, one effect all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from sqlalchemy import Engine, delete

from bridge.database import reading, writing
from bridge.domain.values import Fact
from bridge.registry.service.audit import Act, append
from bridge.registry.service.models import AnswerRow
from bridge.registry.service.problems import Denied
from bridge.registry.wire import IN_USE, KEY_REUSED

KEPT_SECONDS = 86_400
_KEY = re.compile(r'"?([A-Za-z0-9._:~+/=-]{8,128})"?')


class Answer(Fact):
    """`final`: it may be given again for good; an answer that says "later" may not."""

    status: int
    body: bytes
    final: bool = True


def read_key(header: str | None) -> str | None:
    """A key as the header carries it, with or without quotes."""
    read = _KEY.fullmatch(header or "")
    return read.group(1) if read else None


class Answers:
    """Of one process: who asks again while the first is being answered is told so."""

    def __init__(self, engine: Engine, clock: Callable[[], int]) -> None:
        self._engine, self._clock = engine, clock
        self._at_work: set[tuple[str, str]] = set()
        self._lock = Lock()

    def once(self, act: Act, fingerprint: str, do: Callable[[], Answer]) -> tuple[Answer, bool]:
        """The answer, and whether it was given before. Raises Denied for a key that is at work, or had another
        request."""
        with self._alone(act.token, act.key):
            if known := self._kept(act, fingerprint):
                return known, True
            answer = do()
            self._keep(act, fingerprint, answer)
            return answer, False

    @contextmanager
    def _alone(self, token: str, key: str) -> Iterator[None]:
        with self._lock:
            if (token, key) in self._at_work:
                raise Denied(IN_USE, f"the request with key {key} is being answered; repeat it soon", 1)
            self._at_work.add((token, key))
        try:
            yield
        finally:
            with self._lock:
                self._at_work.discard((token, key))

    def _kept(self, act: Act, fingerprint: str) -> Answer | None:
        with reading(self._engine, "registry") as tx:
            row = tx.get(AnswerRow, (act.token, act.key))
        if row is None:
            return None
        if row.fingerprint != fingerprint:
            raise Denied(KEY_REUSED, f"key {act.key} was used for another request; take a new one for each")
        return Answer(status=row.status, body=row.body)

    def _keep(self, act: Act, fingerprint: str, answer: Answer) -> None:
        """With its row in the audit trail, or neither."""
        now = self._clock()
        with writing(self._engine, "registry") as tx:
            append(tx, now, act, answer.status)
            if answer.final and tx.get(AnswerRow, (act.token, act.key)) is None:
                row = {"fingerprint": fingerprint, "status": answer.status, "body": answer.body, "at": now}
                tx.add(AnswerRow(token=act.token, key=act.key, **row))
            tx.execute(delete(AnswerRow).where(AnswerRow.at < now - KEPT_SECONDS))
