"""CAD Trust's v1 API in memory, as its public data model and documentation have it, with its traps: it checks no
ranges, a staged row replaces an earlier one of the same unit, a commit without ids takes everything, and a confirmed
commit empties all of staging."""

# ruff: noqa: N803, N815 the API's own names

from __future__ import annotations

import copy
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

ORG = "77641db780adc6c7"
KEY = "letmein"

Status = Literal["Held", "Retired", "Cancelled", "Expired", "Buffer", "Exported", "Pending Export"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class IssuanceBody(Strict):
    id: str | None = None
    warehouseProjectId: str | None = None
    startDate: str
    endDate: str
    verificationApproach: str
    verificationBody: str = ""
    verificationReportDate: str


class UnitBody(Strict):
    warehouseUnitId: str
    projectLocationId: str | None = None
    unitOwner: str | None = None
    countryJurisdictionOfOwner: str
    inCountryJurisdictionOfOwner: str | None = None
    unitBlockStart: str
    unitBlockEnd: str
    unitCount: int
    vintageYear: int = Field(ge=1900, le=3000)
    unitType: str
    marketplace: str | None = None
    marketplaceLink: str | None = None
    marketplaceIdentifier: str | None = Field(default=None, min_length=1)
    unitTags: str | None = None
    unitStatus: Status
    unitStatusReason: str | None = None
    unitRegistryLink: str
    correspondingAdjustmentDeclaration: Literal["Committed", "Not Required", "Unknown"]
    correspondingAdjustmentStatus: Literal["Not Started", "Pending", "Completed"]
    issuance: IssuanceBody | None = None
    labels: list[dict[str, Any]] | None = None


class SplitRecord(Strict):
    unitCount: int
    unitBlockStart: str
    unitBlockEnd: str
    unitOwner: str | None = None
    unitStatus: Status | None = None
    marketplace: str | None = None
    marketplaceIdentifier: str | None = None


class SplitBody(Strict):
    warehouseUnitId: str
    records: list[SplitRecord] = Field(min_length=2)


class RowBody(Strict):
    uuid: str


class CommitBody(Strict):
    author: str = ""
    comment: str = ""
    ids: list[str] = []


class Refused(Exception):
    """Answered with HTTP 400."""


@dataclass
class CadTrustBooks:
    """`confirms_after`: how many looks at the units or at what is pending a commit takes until it is confirmed.
    `failing`: that many commits fail after they were answered."""

    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    staging: dict[str, dict[str, Any]] = field(default_factory=dict)
    confirms_after: int = 2
    failing: int = 0
    comments: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    _looks: int = 0

    def clear(self) -> None:
        """As new; nobody else is in the middle of a call."""
        self.__dict__ |= vars(CadTrustBooks())

    def add(self, first: int, last: int, **changes: Any) -> str:
        unit_id = changes.get("warehouseUnitId", str(uuid.UUID(int=len(self.units) + 1)))
        start, end = f"VER-{first}", f"VER-{last}"
        self.units[unit_id] = {
            "warehouseUnitId": unit_id,
            "issuanceId": "i-1",
            "projectLocationId": "ID_USA",
            "orgUid": ORG,
            "unitOwner": "depositor",
            "countryJurisdictionOfOwner": "Andorra",
            "inCountryJurisdictionOfOwner": None,
            "serialNumberBlock": f"{start}-{end}",
            "unitBlockStart": start,
            "unitBlockEnd": end,
            "unitCount": last - first + 1,
            "vintageYear": 2020,
            "unitType": "Reduction - technical",
            "marketplace": None,
            "marketplaceLink": None,
            "marketplaceIdentifier": None,
            "unitTags": None,
            "unitStatus": "Held",
            "unitStatusReason": None,
            "unitRegistryLink": "https://registry.example/1340",
            "correspondingAdjustmentDeclaration": "Unknown",
            "correspondingAdjustmentStatus": "Not Started",
            "timeStaged": 1647141471,
            "labels": [],
            "issuance": {
                "id": "i-1",
                "orgUid": ORG,
                "warehouseProjectId": "1340",
                "startDate": "2020-01-01T00:00:00.000Z",
                "endDate": "2020-12-31T00:00:00.000Z",
                "verificationApproach": "Rule-based",
                "verificationReportDate": "2021-08-18T00:00:00.000Z",
                "verificationBody": "Certification Services",
                "timeStaged": None,
            },
        } | changes
        return unit_id

    def stage(self, unit_id: str, data: list[dict[str, Any]], action: str = "UPDATE") -> None:
        """As somebody does: whatever was staged for the unit before is gone."""
        self.staging[unit_id] = {
            "uuid": unit_id,
            "table": "Units",
            "action": action,
            "data": data,
            "commited": False,
            "failedCommit": False,
        }

    @property
    def pending(self) -> list[dict[str, Any]]:
        return [row for row in self.staging.values() if row["commited"] and not row["failedCommit"]]

    def look(self) -> None:
        """Time passes: a commit is confirmed, or fails, after some looks."""
        if not self.pending:
            return
        self._looks += 1
        if self._looks < self.confirms_after:
            return
        self._looks = 0
        if self.failing:
            self.failing -= 1
            for row in self.pending:
                row["failedCommit"] = True
            return
        for row in self.pending:
            self.units.pop(row["uuid"], None)
            self.units |= {one["warehouseUnitId"]: one for one in row["data"]}
        self.staging.clear()

    def require(self, unit_id: str) -> dict[str, Any]:
        if self.pending:
            raise Refused("You currently have changes pending on the blockchain")
        if unit_id not in self.units:
            raise Refused(f"Unit does not have a record for {unit_id}")
        return self.units[unit_id]

    def split(self, body: SplitBody) -> None:
        original = self.require(body.warehouseUnitId)
        if sum(record.unitCount for record in body.records) != original["unitCount"]:
            raise Refused("the split counts are not the original's")
        data = []
        for number, record in enumerate(body.records):
            row = copy.deepcopy(original) | {name: value for name, value in record.model_dump().items() if value}
            row["warehouseUnitId"] = body.warehouseUnitId if number == 0 else str(uuid.uuid4())
            row["serialNumberBlock"] = f"{record.unitBlockStart}-{record.unitBlockEnd}"
            data.append(row)
        self.stage(body.warehouseUnitId, data)

    def update(self, body: UnitBody) -> None:
        original = self.require(body.warehouseUnitId)
        row = body.model_dump(exclude_unset=True)
        row |= {"orgUid": ORG, "serialNumberBlock": f"{body.unitBlockStart}-{body.unitBlockEnd}"}
        if body.issuance is not None:
            row["issuanceId"] = body.issuance.id
        else:
            row |= {"issuance": original["issuance"], "issuanceId": None}
        self.stage(body.warehouseUnitId, [row])

    def commit(self, body: CommitBody) -> None:
        if self.pending:
            raise Refused("You currently have changes pending on the blockchain")
        rows = [row for row in self.staging.values() if not row["commited"]]
        rows = [row for row in rows if not body.ids or row["uuid"] in body.ids]
        if not rows:
            raise Refused("No records to send to DataLayer")
        self.comments.append(body.comment)
        for row in rows:
            row["commited"] = True

    def retry(self, unit_id: str) -> None:
        if unit_id not in self.staging:
            raise Refused("no staging record")
        self.staging[unit_id] |= {"commited": False, "failedCommit": False}

    def shown(self) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if name != "data"}
            | {"diff": {"original": self.units.get(row["uuid"]), "change": row["data"]}}
            for row in self.staging.values()
        ]


def app_of(books: CadTrustBooks) -> FastAPI:
    app, turn = FastAPI(), threading.Lock()

    @app.middleware("http")
    async def known(request: Request, go_on: Callable[[Request], Any]) -> Any:
        if request.headers.get("x-api-key") != KEY:
            return JSONResponse({"message": "CADT API key not found"}, 403)
        return await go_on(request)

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        return JSONResponse({"message": "refused", "error": str(error), "success": False}, 400)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        found = {"message": "Data Validation error", "errors": [str(e) for e in error.errors()], "success": False}
        return JSONResponse(found, 400)

    @app.get("/v1/units")
    def units(
        page: int = 0,
        limit: int = 0,
        orgUid: str = "",
        warehouseUnitId: str = "",
        order: str = "",
    ) -> Any:
        with turn:
            if warehouseUnitId:
                return books.units.get(warehouseUnitId)
            if page < 1 or not 1 <= limit <= 1000:
                raise Refused('"page" and "limit" are required')
            books.look()
            rows = [row for row in books.units.values() if not orgUid or row.get("orgUid") == orgUid]
            if order == "SERIALNUMBER":
                rows.sort(key=lambda row: str(row.get("serialNumberBlock")))
            return {
                "page": page,
                "pageCount": -(-len(rows) // limit),
                "data": rows[(page - 1) * limit : page * limit],
            }

    def written(what: str, act: Callable[[], None]) -> dict[str, Any]:
        with turn:
            books.writes.append(what)
            act()
            return {"message": what, "success": True}

    @app.put("/v1/units")
    def update(body: UnitBody) -> Any:
        return written("update", lambda: books.update(body))

    @app.post("/v1/units/split")
    def split(body: SplitBody) -> Any:
        return written("split", lambda: books.split(body))

    @app.get("/v1/staging")
    def staging() -> Any:
        with turn:
            return books.shown()

    @app.get("/v1/staging/hasPendingTransactions")
    def pending() -> Any:
        with turn:
            books.look()
            return {"confirmed": not books.pending, "message": "", "success": True}

    @app.post("/v1/staging/commit")
    def commit(body: CommitBody | None = None) -> Any:
        return written("commit", lambda: books.commit(body or CommitBody()))

    @app.post("/v1/staging/retry")
    def retry(body: RowBody) -> Any:
        return written("retry", lambda: books.retry(body.uuid))

    return app


@contextmanager
def serving(books: CadTrustBooks) -> Iterator[int]:
    """The port on loopback, while the server runs in a thread."""
    line = socket.socket()
    line.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app_of(books), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [line]}, daemon=True)
    thread.start()
    line.listen()
    try:
        yield int(line.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        line.close()
