"""A certificate for people, in English or Japanese."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.books.certificate import Certificate

_WORDS = {
    "en": {
        "RETIREMENT": "Certificate of retirement",
        "REDEMPTION": "Certificate of redemption",
        "retired for": "retired for",
        "handed over to": "handed over to",
        "purpose": "purpose",
        "credit": "credit",
        "amount": "amount",
        "serials": "serials",
        "receipt": "registry's receipt",
        "executed": "executed",
        "transaction": "settled in",
        "request": "request",
        "units": "units",
        "holder": "holder",
        "retired in all": "retired in all",
    },
    "ja": {
        "RETIREMENT": "無効化証明書",
        "REDEMPTION": "償還証明書",
        "retired for": "無効化の受益者",
        "handed over to": "移転先口座",
        "purpose": "目的",
        "credit": "クレジット",
        "amount": "数量",
        "serials": "シリアル番号",
        "receipt": "登録簿の受領番号",
        "executed": "実行日時",
        "transaction": "決済取引",
        "request": "請求番号",
        "units": "単位",
        "holder": "保有者",
        "retired in all": "無効化済み残高",
    },
}


def language(wanted: str | None) -> str:
    """Raises UsageError for a language that we do not speak."""
    from bridge import settings
    from bridge.errors import UsageError

    spoken = wanted or settings.language()
    if spoken not in _WORDS:
        raise UsageError(f"no language {spoken!r}; there are {', '.join(_WORDS)}")
    return spoken


def show(c: Certificate, spoken: str, retired: int) -> None:
    """`retired`: units of the class that the chain keeps as retired for the holder, with these."""
    from bridge.cli.screen import checksummed, moment, say, weight
    from bridge.domain.lifecycle import Kind

    words = _WORDS[spoken]
    whom = "retired for" if c.request.kind is Kind.RETIREMENT else "handed over to"
    receipt = c.receipt.items[0]

    def amount(units: int) -> str:
        return f"{units:,} {words['units']} ({weight(units, c.credit_class.kg_per_unit)} t)"

    in_all: list[tuple[str, str | list[str]]] = [("retired in all", amount(retired))]
    rows: list[tuple[str, str | list[str]]] = [
        (whom, c.opening.beneficiary),
        ("purpose", c.opening.purpose or "-"),
        ("credit", c.credit_class.label),
        *_known(c, spoken),
        ("amount", amount(c.units)),
        ("serials", [f"{s.registry} {s.space_key} {s.range}" for s in c.serials]),
        ("receipt", receipt.reference),
        ("executed", moment(receipt.executed_at)),
        ("transaction", [place.transaction for place in c.settled]),
        ("request", c.request_id),
        ("holder", checksummed(c.request.holder)),
        *(in_all if c.request.kind is Kind.RETIREMENT else []),
    ]
    say(words[c.request.kind.name], "")
    _aligned([(words.get(name, name), [value] if isinstance(value, str) else value) for name, value in rows])


def _known(c: Certificate, spoken: str) -> list[tuple[str, str | list[str]]]:
    """Of its class: what attesters signed, else unknown."""
    from bridge.cli.attributes import attribute_rows
    from bridge.cli.metadata import attributes_in
    from bridge.domain.attributes import Attributes

    has = attributes_in(c.metadata.body) if c.metadata else Attributes()
    return [(name, value) for _, name, value in attribute_rows(has, spoken)]


def _aligned(rows: list[tuple[str, list[str]]]) -> None:
    """Japanese letters are two columns wide."""
    from unicodedata import east_asian_width

    from bridge.cli.screen import say

    def columns(text: str) -> int:
        return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)

    margin = max(columns(name) for name, _ in rows) + 2
    for name, values in rows:
        first, *rest = values or [""]
        say(name + " " * (margin - columns(name)) + first, *(" " * margin + line for line in rest))
