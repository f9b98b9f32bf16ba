"""The stairs of the house: imports point down, rooms on one step do not know each other, libraries have rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "bridge"

STEP = {
    "cli": 7,
    "web": 7,
    "bootstrap": 6,
    "daemon": 5,
    "report": 4,
    "settings": 4,
    "flow": 3,
    "alerts": 3,
    "reconcile": 3,
    "books": 3,
    "registry": 2,
    "chain": 2,
    "journal": 2,
    "cases": 2,
    "database": 1,
    "domain": 1,
    "errors": 0,
}
"""`bridge.<room>` → its step. A room imports itself and lower steps, never another room of its own step."""

LIBRARY_ROOMS = {
    "web3": {"chain"},
    "eth_account": {"chain"},
    "eth_tester": {"chain"},
    "sqlalchemy": {"registry", "journal", "cases", "database"},
    "alembic": {"registry", "journal", "cases", "database"},
    "psycopg": {"database"},
    "duckdb": {"reconcile", "registry"},  # in registry: one statement's rows against each other, however many
    "ibis": {"reconcile"},
    # in registry: foreign files and canonical statements, by column; in chain: logs, by column
    "pyarrow": {"reconcile", "registry", "chain"},
    "numpy": {"reconcile", "registry", "chain"},
    "urllib3": {"chain"},
    "python_calamine": {"registry"},
    "jinja2": {"report"},
    "typer": {"cli"},
    "rich": {"cli"},
    "structlog": {"daemon"},
    "prometheus_client": {"daemon"},
    "fastapi": {"web", "registry"},
    "httpx": {"registry", "alerts"},  # asks foreign registries, tells webhooks; bounded, without redirects
    "stamina": {"alerts"},
    "smtplib": {"alerts"},
    "starlette": {"registry"},
    "uvicorn": {"registry"},
    "limits": {"registry"},
    "rfc8785": {"registry"},
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def faults(path: Path, source: str) -> list[str]:
    room = room_of(path)
    if room == "__init__":
        return []
    found = []
    for module in imported_modules(source):
        top, _, rest = module.partition(".")
        if top == "bridge" and rest:
            other = rest.split(".")[0]
            if other != room and STEP[other] >= STEP[room]:
                found.append(f"{path.name}: {room} (step {STEP[room]}) imports {other} (step {STEP[other]})")
        elif top in LIBRARY_ROOMS and room not in LIBRARY_ROOMS[top]:
            found.append(f"{path.name}: {top} belongs to {sorted(LIBRARY_ROOMS[top])}, not to {room}")
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down_the_stairs(path: Path) -> None:
    assert faults(path, path.read_text()) == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("domain/quantity.py", "from bridge.chain.events import read_events"),
        ("registry/port.py", "import bridge.chain"),
        ("chain/witness.py", "from bridge.registry.port import Registry"),
        ("flow/mint.py", "from bridge.reconcile.rules import overlap"),
        ("domain/values.py", "import web3"),
        ("reconcile/rules.py", "from sqlalchemy import select"),
    ],
)
def test_a_wrong_import_is_seen(place: str, line: str) -> None:
    assert faults(PACKAGE / place, line)


def test_only_settings_reads_the_environment() -> None:
    readers = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    ]
    assert readers == ["settings.py"]


def test_nothing_is_called_utils() -> None:
    names = {path.stem for path in PACKAGE.rglob("*.py")} | {path.name for path in PACKAGE.rglob("*") if path.is_dir()}
    assert not names & {"utils", "util", "helpers", "common", "manager", "misc"}
