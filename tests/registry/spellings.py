"""Serials of every grammar, made up by its rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from hypothesis import strategies as st

from bridge.domain.serials import MAX_SERIAL
from bridge.registry.statements import (
    acr,
    art,
    car,
    cer,
    cercarbono,
    fcpf,
    gold_standard,
    isometric,
    j_blue,
    puro,
    undp,
    verra,
)
from bridge.registry.statements.grammar import Grammar
from bridge.registry.statements.j_credit import Format, configured

FORMAT = Format(
    name="J-Credit",
    pattern=(
        r"(?P<scheme>JC|JCL|KC|KCP|JP)-(?P<type>ER|ERL|FM)-(?P<project>[0-9]{6})-(?P<vintage>[0-9]{4})-"
        r"(?P<first>[1-9][0-9]*)-(?P<last>[1-9][0-9]*)"
    ),
    spelling="{scheme}-{type}-{project}-{vintage}-{first}-{last}",
    space="{scheme}-{project}",
    example="JC-ER-000123-2021-1-500",
)
J_CREDIT = configured("J-CREDIT", FORMAT)
"""A made-up spelling: no real one is public."""

number = st.integers(min_value=1, max_value=10**9)
serial = st.integers(min_value=1, max_value=MAX_SERIAL)
year = st.integers(min_value=1990, max_value=2100)
country = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)
digit = st.integers(min_value=0, max_value=9)


@st.composite
def ends(draw: st.DrawFn) -> tuple[int, int]:
    first, last = sorted((draw(serial), draw(serial)))
    return first, last


@st.composite
def verra_serials(draw: st.DrawFn) -> str:
    counter = draw(st.sampled_from(["MER", "APX", "VER"]))
    start, end = sorted(draw(st.dates(date(1990, 1, 1), date(2099, 1, 1))) for _ in range(2))
    first, last = draw(ends())
    unit = "VCS-VCU" if counter == "VER" else "VCU"
    verifier = draw(st.text("0123456789", min_size=3, max_size=4))
    return (
        f"{draw(number)}-{first}-{last}-{unit}-{verifier}-{counter}-{draw(country)}-{draw(number)}-{draw(number)}-"
        f"{start:%d%m%Y}-{end:%d%m%Y}-{draw(digit)}"
    )


@st.composite
def gold_standard_serials(draw: st.DrawFn) -> str:
    first, last = draw(ends())
    return f"GS1-1-{draw(country)}-GS{draw(number)}-{draw(number)}-{draw(year)}-{draw(number)}-{first}-{last}"


@st.composite
def cer_pairs(draw: st.DrawFn) -> str:
    first, last = draw(ends())
    party, rest = draw(country), f"{draw(number)}-{draw(number)}-{draw(digit)}-{draw(number)}"
    return f"{party}-5-{first}-{rest} - {party}-5-{last}-{rest}"


def apx_serials(code: str) -> st.SearchStrategy[str]:
    return st.builds(
        lambda country, project, vintage, batch, ends: (
            f"{code}-{country}-{project}-{vintage}-{batch}-{ends[0]} to {ends[1]}"
        ),
        country,
        number,
        year,
        number,
        ends(),
    )


@st.composite
def car_serials(draw: st.DrawFn) -> str:
    first, last = draw(ends())
    kind = draw(st.sampled_from(["1", "ROC"]))
    return (
        f"CAR-{kind}-{draw(country)}-{draw(number)}-{draw(number)}-{draw(number)}-{draw(country)}-{draw(year)}-"
        f"{draw(number)}-{first} to {last}"
    )


@st.composite
def cercarbono_serials(draw: st.DrawFn) -> str:
    small = st.integers(min_value=1, max_value=999)
    first, last = draw(ends())
    head = "_".join(["CDC", *(str(draw(small)) for _ in range(5))])
    region = draw(st.sampled_from(["", "_R1_XX", "_R2_XA"]))
    where = draw(st.one_of(st.just(""), country.map("_{}".format)))
    tail = f"_{draw(small)}" + draw(st.sampled_from(["", "_7"]))
    buffer, stated = draw(st.sampled_from([("", ""), ("", "_2020"), ("_BFC", ""), ("_BFC", "_2020")]))
    old = draw(st.sampled_from(["", "_BF"])) if not buffer else ""
    return f"{head}{region}{where}{tail}{buffer}{stated}{old} {first} to {last}"


@st.composite
def puro_serials(draw: st.DrawFn) -> str:
    first, last = draw(ends())
    kind = draw(st.sampled_from(["CORC20+", "CORC100+", "CORC200+", "CORC1000+", "CORC"]))
    return f"PURO_PR_{kind}_{draw(country)}_{draw(number)}_{draw(year)}_{draw(st.uuids())}_{first}-{last}"


@st.composite
def itmos(draw: st.DrawFn) -> str:
    first, last = draw(ends())
    return f"{draw(country)}-ITMO-{draw(number)}-{draw(number)}-{draw(year)}-0-{first}-{last}"


@st.composite
def j_blue_serials(draw: st.DrawFn) -> str:
    first, last = draw(ends())
    batch = f"{draw(year)}{draw(st.integers(1, 12)):02}JBCT{draw(st.integers(0, 99999)):05}"
    return f"{batch}-{first:03} to {batch}-{last:03}"


@st.composite
def isometric_ids(draw: st.DrawFn) -> str:
    letters = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=16, max_size=16)
    return f"{draw(st.sampled_from(['iss', 'ret']))}_{draw(letters)}"


@st.composite
def j_credit_serials(draw: st.DrawFn) -> str:
    first, last = draw(ends())
    scheme, kind = draw(st.sampled_from(["JC", "JCL", "KC", "KCP", "JP"])), draw(st.sampled_from(["ER", "ERL", "FM"]))
    return f"{scheme}-{kind}-{draw(st.integers(0, 999999)):06}-{draw(year)}-{first}-{last}"


class Spelling(NamedTuple):
    """`same` makes one of what the registry, or a person who copies it, spells in several ways."""

    grammar: Grammar
    serials: st.SearchStrategy[str]
    same: Callable[[str], str] = str
    vintage: int | None = None


def _plain(text: str) -> str:
    return " ".join(text.split()).upper()


SPELLINGS = [
    Spelling(verra.GRAMMAR, verra_serials(), lambda text: text.replace("-VCS-VCU-", "-VCU-", 1)),
    Spelling(gold_standard.GRAMMAR, gold_standard_serials(), lambda text: text.replace("-GS", "-", 1)),
    Spelling(cer.GRAMMAR, cer_pairs(), vintage=2020),
    Spelling(acr.GRAMMAR, apx_serials("ACR")),
    Spelling(car.GRAMMAR, car_serials()),
    Spelling(art.GRAMMAR, apx_serials("ART")),
    Spelling(fcpf.GRAMMAR, apx_serials("FCPF")),
    Spelling(cercarbono.GRAMMAR, cercarbono_serials(), vintage=2020),
    Spelling(isometric.GRAMMAR, isometric_ids()),
    Spelling(puro.GRAMMAR, puro_serials()),
    Spelling(undp.GRAMMAR, itmos()),
    Spelling(j_blue.GRAMMAR, j_blue_serials(), lambda text: text if " TO " in text else f"{text} TO {text}"),
    Spelling(J_CREDIT, j_credit_serials()),
]


def normal(spelling: Spelling, text: str) -> str:
    """What may differ between two spellings of one serial is gone."""
    return spelling.same(_plain(text))
