"""CAD Trust from the command line: its units as a statement, and a key that is never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.office import Office, chain_process
from tests.registry.cad_trust_server import KEY, ORG, CadTrustBooks, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    books = CadTrustBooks()
    books.add(1, 100)
    books.add(90, 110)
    books.add(201, 300)
    with chain_process("--embedded") as chain, serving(books) as port:
        made = Office(tmp_path_factory.mktemp("office"))
        made.done("init", "--dev", "--rpc", chain["rpc"])
        config = made.folder / "carbonbridge.toml"
        section = f'\n[programmes.VERRA.cad_trust]\nurl = "http://127.0.0.1:{port}"\norg_uid = "{ORG}"\n'
        config.write_text(config.read_text() + section)
        yield made


def test_units_are_read_with_the_key_that_a_file_holds(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "does not know our key" in office.refused(4, "registry", "cad-trust", "VERRA")
    (tmp_path / "key").write_text(KEY + "\n")
    monkeypatch.setenv("CARBONBRIDGE_CAD_TRUST_KEY_VERRA_FILE", str(tmp_path / "key"))
    out = tmp_path / "units.json"
    ran = office.run("registry", "cad-trust", "VERRA", "--out", str(out))
    assert (ran.code, "100 units in 1 rows; 2 rows refused" in ran.out) == (1, True), ran
    assert max(len(line) for line in ran.out.splitlines()) <= 80
    assert json.loads(out.read_text()) == office.told("registry", "cad-trust", "VERRA", code=1)
    assert KEY not in "".join(office.transcript)
    (tmp_path / "key").write_text("two words\n")
    assert "holds no x-api-key" in office.refused(2, "registry", "cad-trust", "VERRA")


def test_what_cannot_be_is_refused(office: Office) -> None:
    assert "[programmes.GS.cad_trust]" in office.refused(2, "registry", "cad-trust", "GS")
    config = office.folder / "carbonbridge.toml"
    before = config.read_text()
    desk = '\n[programmes.VERRA.desk]\naccount = "1"\nholder = "h"\nofficers = ["a", "b"]\n'
    config.write_text(before + desk)
    assert "not both" in office.refused(2, "registry", "cad-trust", "VERRA")
    config.write_text(before.replace("http://127.0.0.1", "http://cadt.example"))
    assert "use https" in office.refused(2, "registry", "cad-trust", "VERRA")
    config.write_text(before)
