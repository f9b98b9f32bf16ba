"""What is known of a class, in words of the reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.domain.attributes import Attributes

_NAMES = {
    "host_country": ("host country", "ホスト国"),
    "methodology": ("methodology", "方法論"),
    "category": ("category", "取引区分"),
    "article6": ("Article 6", "パリ協定6条の承認"),
    "adjustment": ("corresponding adjustment", "相当調整"),
    "corsia": ("CORSIA", "CORSIA適格性"),
}

_WORDS = {
    "unknown": ("unknown", "不明"),
    "not-authorised": ("not authorised", "承認なし"),
    "ndc": ("authorised for NDC use", "NDC達成向けに承認"),
    "oimp": ("authorised for other international mitigation purposes", "その他の国際的な緩和目的向けに承認"),
    "both": (
        "authorised for NDC use and other international mitigation purposes",
        "NDC達成およびその他の国際的な緩和目的向けに承認",
    ),
    "committed": ("committed", "実施を約束"),
    "not-required": ("not required", "不要"),
    "not-started": ("not started", "未着手"),
    "pending": ("pending", "手続中"),
    "completed": ("completed", "完了"),
    "yes": ("eligible", "適格"),
    "no": ("not eligible", "不適格"),
    "pilot": ("pilot phase", "パイロットフェーズ"),
    "first": ("first phase", "第1フェーズ"),
    "second": ("second phase", "第2フェーズ"),
    "vintages": ("vintages", "ビンテージ"),
    "by": ("by", "承認国"),
}


def attribute_rows(has: Attributes, spoken: str) -> list[tuple[str, str, str]]:
    """(attribute, its name, its value), in the language."""
    values = has.model_dump(mode="json")
    return [(name, names[spoken == "ja"], in_words(name, values[name], spoken)) for name, names in _NAMES.items()]


def in_words(attribute: str, value: Any, spoken: str = "en") -> str:
    """`value` as it stands in JSON."""

    def word(text: str) -> str:
        return _WORDS[text][spoken == "ja"] if text in _WORDS else text

    match attribute:
        case "article6":
            known = [f"{word('by')} {value['by']}", value["reference"]] if value["by"] != "unknown" else []
            return ", ".join([word(value["authorised_for"]), *known])
        case "adjustment":
            declared, status = value["declaration"], value["status"]
            return word("unknown") if declared == status == "unknown" else f"{word(declared)}, {word(status)}"
        case "corsia":
            vintages = f"{word('vintages')} {value['first_vintage']}-{value['last_vintage']}"
            more = [*map(word, value["phases"]), vintages] if value["eligible"] == "yes" else []
            return ", ".join([word(value["eligible"]), *more])
        case _:
            return word(value) if value == "unknown" else str(value)
