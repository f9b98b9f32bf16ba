"""Where grammars come from: this package, other distributions, and the configuration."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.errors import MalformedInput, UsageError
from bridge.registry.statements.grammar import GROUP, OURS, grammar, grammars
from bridge.registry.statements.j_credit import Format, configured
from bridge.settings import load

from .spellings import FORMAT

THEIRS = """
from bridge.domain.serials import SpaceKind
from bridge.registry.statements import apx
from bridge.registry.statements.grammar import Grammar
from bridge.registry.statements.layouts import plain


def parse_serial(text):
    return apx.parse_serial(text, "BIO", "BIO")


GRAMMAR = Grammar("BIO", "Biocarbon", 1000, SpaceKind.BATCH, "^BIO-", parse_serial, (plain(parse_serial),))
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed distributions."""
    monkeypatch.syspath_prepend(tmp_path)
    grammars.cache_clear()
    yield tmp_path
    sys.modules.pop("their_registry", None)
    grammars.cache_clear()


def install(site: Path, entry: str, source: str = THEIRS) -> None:
    (site / "their_registry.py").write_text(source)
    info = site / "their_registry-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-registry\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entry}\n")


def test_every_module_of_ours_has_a_grammar_of_its_own() -> None:
    assert len({one.code for one in grammars().values()}) == len(OURS)
    for one in grammars().values():
        assert one.layouts, one.code
        assert one.kg_per_unit in (1, 100, 1000)


def test_another_distributions_grammar_is_found_by_its_entry_point(site: Path) -> None:
    install(site, "bio = their_registry:GRAMMAR")
    assert grammar("BIO").numbered("BIO-CO-7-2020-3-1 to 10").range.units == 10


def test_a_really_installed_distributions_grammar_serves_the_command(tmp_path: Path) -> None:
    install(tmp_path, "bio = their_registry:GRAMMAR")
    file = tmp_path / "serials.csv"
    file.write_text("serial,quantity,state\nBIO-CO-7-2020-3-1 to 10,10,held\n")
    command = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from bridge.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", command, "registry", "read", "BIO", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "1 taken, 0 refused" in ran.stdout


@pytest.mark.parametrize(
    ("entry", "source", "why"),
    [
        ("bio = their_registry:NOTHING", THEIRS, "does not load"),
        ("bio = their_registry:parse_serial", THEIRS, "is no Grammar but a function"),
        ("bio = their_registry:GRAMMAR", "raise RuntimeError('broken')", "does not load: broken"),
        (
            "bio = their_registry:GRAMMAR",
            THEIRS.replace('Grammar("BIO"', 'Grammar("VERRA"'),
            "for 'VERRA', which has one",
        ),
    ],
)
def test_a_grammar_that_is_none_or_takes_anothers_place_is_named(site: Path, entry: str, source: str, why: str) -> None:
    install(site, entry, source)
    with pytest.raises(UsageError, match=f"'bio' of their-registry .*{why}"):
        grammars()


def changed(**fields: Any) -> Format:
    return Format(**{**FORMAT.model_dump(), **fields})


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"pattern": "("}, "no regular expression"),
        ({"pattern": r"(?P<first>1)-(?P<last>2)"}, "lacks the named groups project"),
        ({"pattern": FORMAT.pattern.replace("?P<type>", "")}, "says the credit type"),
        ({"spelling": "{scheme}-{nothing}-{first}-{last}"}, "no group of the pattern"),
        ({"space": "{nothing}"}, "no group of the pattern"),
        ({"space": "{scheme"}, "expected '}'"),
        ({"space": "{scheme.x}"}, "no group of the pattern"),
        ({"space": "{scheme}-{first:09}"}, "no two rows would ever be in one space"),
        ({"example": "JC-ER-123-2021-1-500"}, "the example does not read"),
        ({"spelling": "{scheme}-{type}-{project}-{vintage}-{first}"}, "the example does not read"),
        ({"spelling": "{scheme}-{type}-{project}-{vintage}-{last}-{last}"}, "reads otherwise"),
        ({"kg_per_unit": 0}, "greater than 0"),
        ({"example": "JC-ER-000123-2021-500-1"}, "runs backwards"),
    ],
)
def test_a_format_that_cannot_work_is_refused_when_it_is_loaded(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        changed(**fields)


def test_a_format_without_vintage_needs_it_from_elsewhere() -> None:
    one = configured(
        "J-CREDIT",
        changed(
            pattern=FORMAT.pattern.replace("-(?P<vintage>[0-9]{4})", ""),
            spelling="{scheme}-{type}-{project}-{first}-{last}",
            example="JC-ER-000123-1-500",
        ),
    )
    with pytest.raises(MalformedInput, match="does not state its vintage"):
        one.parse("JC-ER-000123-1-500")
    assert one.parse("JC-ER-000123-1-500", 2021).vintage == 2021


def test_the_configuration_holds_formats_and_says_which_one_is_wrong(tmp_path: Path) -> None:
    base = '[chain]\nrpc = "http://x"\n[journal]\nurl = "sqlite:///j"\n[registry]\nurl = "sqlite:///r"\n[formats.J-CREDIT]\n'
    config = tmp_path / "carbonbridge.toml"
    told = "".join(f"{name} = {value!r}\n" for name, value in FORMAT.model_dump().items())
    config.write_text(base + told)
    assert load(config).formats == {"J-CREDIT": FORMAT}
    config.write_text(base + told.replace("-(?P<project>", "-(?P<proj>"))
    with pytest.raises(UsageError, match=r"formats.J-CREDIT.*lacks the named groups project"):
        load(config)
