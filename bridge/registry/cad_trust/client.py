"""CAD Trust's HTTP API, version 1: bounded answers, no redirects, and nothing believed of a lost one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bridge.errors import RegistryRefused, Unreachable
from bridge.registry.cad_trust.place import CadTrust

MOST_BYTES = 20_000_000
"""Of one answer; a page of units has some hundred thousand."""
PAGE = 200
MOST_PAGES = 5_000


class _Page(BaseModel):
    page: int
    page_count: int = Field(alias="pageCount", ge=0, le=MOST_PAGES)
    data: list[dict[str, Any]]


class _Diff(BaseModel):
    original: Any = None
    change: Any = None


class StagedRow(BaseModel):
    """What somebody has staged. `change` holds the rows that will stand instead of the unit `uuid`."""

    model_config = ConfigDict(frozen=True)

    uuid: str
    table: str
    action: str
    commited: bool
    failed_commit: bool = Field(alias="failedCommit")
    diff: _Diff

    @property
    def change(self) -> list[dict[str, Any]]:
        found = self.diff.change
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


class _Confirmed(BaseModel):
    confirmed: bool


class _Said(BaseModel):
    success: bool = False
    message: str = ""
    error: str = ""


class CadTrustClient:
    """Reading raises Unreachable without a whole answer, RegistryRefused for a no or an answer that is none. A write
    raises the same, and then nobody knows whether it happened: read."""

    def __init__(self, place: CadTrust, key: str | None = None) -> None:
        self._place = place
        self._who = f"CAD Trust at {place.url}"
        headers = {"accept": "application/json", "accept-encoding": "identity", "connection": "close"}
        self._http = httpx.Client(
            headers=headers | ({"x-api-key": key} if key is not None else {}),
            timeout=place.answer_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    def units(self) -> list[dict[str, Any]]:
        """All rows of our organisation, as they came. Raises Unreachable when they changed meanwhile."""
        rows: list[dict[str, Any]] = []
        page, pages = 1, 1
        while page <= pages:
            asked: dict[str, str | int] = {
                "page": page,
                "limit": PAGE,
                "orgUid": self._place.org_uid,
                "order": "SERIALNUMBER",
            }
            found: _Page = self._read("GET", "/v1/units", _Page, params=asked)
            if page > 1 and found.page_count != pages:
                raise Unreachable(f"the units of {self._who} changed while they were read; read them again")
            rows += found.data
            page, pages = page + 1, found.page_count
        ids = [row.get("warehouseUnitId") for row in rows]
        if len(set(ids)) != len(ids):
            raise Unreachable(f"the units of {self._who} moved while they were read; read them again")
        return rows

    def unit(self, unit_id: str) -> dict[str, Any] | None:
        kind = dict[str, Any] | None
        found: dict[str, Any] | None = self._read("GET", "/v1/units", kind, params={"warehouseUnitId": unit_id})
        return found

    def staged(self) -> list[StagedRow]:
        found: list[StagedRow] = self._read("GET", "/v1/staging", list[StagedRow])
        return found

    def is_pending(self) -> bool:
        """Whether a commit waits for its confirmation; nothing can be staged meanwhile."""
        found: _Confirmed = self._read("GET", "/v1/staging/hasPendingTransactions", _Confirmed)
        return not found.confirmed

    def split(self, unit_id: str, records: Sequence[dict[str, Any]]) -> None:
        self._write("POST", "/v1/units/split", {"warehouseUnitId": unit_id, "records": list(records)})

    def update(self, body: dict[str, Any]) -> None:
        self._write("PUT", "/v1/units", body)

    def retry(self, unit_id: str) -> None:
        """Stages again what failed when it was committed."""
        self._write("POST", "/v1/staging/retry", {"uuid": unit_id})

    def commit(self, unit_ids: Sequence[str], comment: str) -> None:
        """Commits these rows alone. Warning: without ids in the body it would commit all that anybody has staged."""
        if not unit_ids:
            raise ValueError("a commit names its rows")
        self._write("POST", "/v1/staging/commit", {"ids": list(unit_ids), "comment": comment, "author": "carbonbridge"})

    def _write(self, method: str, path: str, body: dict[str, Any]) -> None:
        said: _Said = self._read(method, path, _Said, body=body)
        if not said.success:
            raise RegistryRefused(f"{self._who} refuses {method} {path}: {_shown(said.error or said.message)}")

    def _read(
        self,
        method: str,
        path: str,
        kind: Any,
        params: dict[str, str | int] | None = None,
        body: dict[str, Any] | None = None,
    ) -> Any:
        status, content = self._ask(method, path, params, body)
        if status >= 500:
            raise Unreachable(f"{self._who} is not able to answer {method} {path} (HTTP {status}); read again")
        if 300 <= status < 400:
            raise RegistryRefused(
                f"{self._who} points elsewhere (HTTP {status}), and nobody is followed; name its address"
            )
        if status in (401, 403):
            raise RegistryRefused(f"{self._who} does not know our key (HTTP {status}); look at its x-api-key")
        try:
            if status != 200:
                said = _Said.model_validate_json(content)
                why = _shown(": ".join(one for one in (said.message, said.error) if one))
                raise RegistryRefused(f"{self._who} refuses {method} {path} (HTTP {status}): {why}")
            return TypeAdapter(kind).validate_json(content)
        except ValidationError as error:
            shown = _shown(content[:200].decode(errors="replace"))
            raise RegistryRefused(f"{self._who} answers {method} {path} with something else: {shown}") from error

    def _ask(
        self, method: str, path: str, params: dict[str, str | int] | None, body: dict[str, Any] | None
    ) -> tuple[int, bytes]:
        """One connection a call. A timeout of httpx begins anew with each byte; the end of all is held here."""
        seconds = self._place.answer_seconds
        ends = time.monotonic() + seconds
        found = bytearray()
        try:
            with self._http.stream(method, self._place.url + path, params=params, json=body) as answer:
                for chunk in answer.iter_bytes():
                    found += chunk
                    if len(found) > MOST_BYTES:
                        raise RegistryRefused(f"{self._who} answers with more than {MOST_BYTES:,} bytes; not read")
                    if time.monotonic() > ends:
                        raise Unreachable(f"{self._who} did not answer {method} {path} in {seconds:g} s; read again")
                return answer.status_code, bytes(found)
        except httpx.HTTPError as error:
            reason = type(error).__name__
            raise Unreachable(f"{self._who} did not answer {method} {path} ({reason}); read again") from error


def _shown(text: str) -> str:
    """A stranger's words, shortened, without letters that command a terminal or begin a line."""
    return repr(text if len(text) <= 200 else text[:200] + "…")
