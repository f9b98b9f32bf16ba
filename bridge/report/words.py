"""The words of a report around its findings, in each language, and how it writes moments and amounts."""

from __future__ import annotations

from datetime import UTC, datetime

from bridge.domain.findings import Difference, ExhibitKind, Finding, InFlight, Severity, Shown
from bridge.domain.quantity import tonnes
from bridge.report.messages import Item, Language

Words = dict[str, str]

_ENGLISH: Words = {
    "report": "Reconciliation of carbon credits",
    "clean": "Clean: nothing is a break.",
    "breaks": "NOT CLEAN: {count} of {all} findings are breaks.",
    "unread": "NOT CLEAN: lines that could not be compared: {count}.",
    "accepted": "Of the breaks, {count} are acknowledged as they are.",
    "not_compared": "Not compared",
    "findings": "Findings",
    "in_flight": "In flight",
    "in_flight_says": "Explained by an event between statement and block, or by a deadline still to come.",
    "shown": "To know of",
    "totals": "Units by class",
    "reversals": "Reversed units and cover by class",
    "pins": "Compared",
    "since_last": "Since the run before",
    "run": "Run {number}",
    "first_run": "the first that is kept",
    "compared_with": "compared with run {number}",
    "counts": "{new} new, {open} still open, {closed} closed",
    "closed": "Closed",
    "unseen": "Open, and not looked at in this run",
    "breaker": "Breaker",
    "paused": "minting and new requests are paused on account of {rules}; only the admin unpauses",
    "shut": "the door was shut already when {rules} would have paused it",
    "failed": "it could not pause, and tries again with the next run ({note}); proved: {rules}",
    "new": "new",
    "open": "open since {when} (run {run})",
    "changed": "changed",
    "acknowledged": "Acknowledged by {by}, {when}: {reason}",
    "lapsed": "Acknowledged by {by}, {when}, as it was before; it has changed, and that holds no longer: {reason}",
    "do": "Do",
    "due": "due",
    "more": "and {count} more",
    "units": "units",
    "serials": "Serials",
    "evidence": "Evidence",
    "class": "class",
    "on": "on",
    "deployment": "deployment",
    "subject": "subject",
    "rule": "rule",
    "severity": "severity",
    "title": "title",
    "id": "id",
    "block": "block",
    "statement": "statement",
    "line": "line",
    "reason": "reason",
    "content": "content",
    "last_run": "last seen in run",
    "nothing": "none",
    "hash": "Hash of the report",
    "hash_says": "Keccak-256 of its canonical JSON, which alone is signed and anchored. Check this file with:",
    "made_by": "made by",
    "too_many": "The first {count} are shown; JSON and CSV have all.",
    "backing": "Backing by class",
    "backing_says": "What the registry holds against what is out on chain. Each class has its own scale.",
    "registry": "registry",
    "chain": "chain",
    "lacks": "{units} too few in the registry",
    "exceeds": "{units} more in the registry",
    "series": "Supply over time by class",
    "series_says": "Units in circulation at the end of each day (UTC) on which they changed.",
    "others": "other classes",
    "supply": "supply",
    "pending": "pending",
    "live": "live",
    "retired": "retired",
    "locked": "locked",
    "reserved": "reserved",
    "executed": "executed",
    "reversed": "reversed",
    "shortfall": "shortfall",
    "cover": "cover",
}
_JAPANESE: Words = {
    "report": "カーボンクレジット照合報告書",
    "clean": "問題なし：不一致はありません。",
    "breaks": "不一致あり：{all} 件中 {count} 件が重大な不一致です。",
    "unread": "照合未了：{count} 行を照合できませんでした。",
    "accepted": "重大な不一致のうち {count} 件は、現状のまま了承されています。",
    "not_compared": "照合できなかった行",
    "findings": "検出事項",
    "in_flight": "処理中",
    "in_flight_says": "報告書とブロックの間の事象、または未到来の期限によって説明されるもの。",
    "shown": "参考事項",
    "totals": "クラス別の単位数",
    "reversals": "クラス別の取消し（リバーサル）と補填の単位数",
    "pins": "照合の時点",
    "since_last": "前回の照合からの変化",
    "run": "第 {number} 回照合",
    "first_run": "保存された最初の照合",
    "compared_with": "第 {number} 回と比較",
    "counts": "新規 {new} 件、継続 {open} 件、解消 {closed} 件",
    "closed": "解消",
    "unseen": "未解消で、今回の照合では確認していないもの",
    "breaker": "発行停止装置",
    "paused": "{rules} により発行と新規請求を停止した。再開できるのは管理者のみ",
    "shut": "{rules} により停止すべきところ、既に停止されていた",
    "failed": "停止できず、次回の照合で再び試みる（{note}）。証明された規則：{rules}",
    "new": "新規",
    "open": "{when}（第 {run} 回）から継続",
    "changed": "内容変更",
    "acknowledged": "{by} が {when} に了承：{reason}",
    "lapsed": "{by} が {when} に以前の内容を了承。内容が変わったため失効：{reason}",
    "do": "対応",
    "due": "期限",
    "more": "ほか {count} 件",
    "units": "単位",
    "serials": "シリアル番号",
    "evidence": "証拠",
    "class": "クラス",
    "on": "所在",
    "deployment": "デプロイメント",
    "subject": "対象",
    "rule": "規則",
    "severity": "重大度",
    "title": "内容",
    "id": "識別子",
    "block": "ブロック",
    "statement": "報告書",
    "line": "行",
    "reason": "理由",
    "content": "原文",
    "last_run": "最後に確認した回",
    "nothing": "なし",
    "hash": "報告書のハッシュ",
    "hash_says": "署名とチェーンへの記録の対象である正規 JSON の Keccak-256。このファイルの確認方法：",
    "made_by": "作成",
    "too_many": "最初の {count} 件を示す。全件は JSON と CSV にある。",
    "backing": "クラス別の裏付け",
    "backing_says": "各クラスについて、登録簿が保持する単位とチェーン上の単位。目盛りはクラスごとに異なる。",
    "registry": "登録簿",
    "chain": "チェーン",
    "lacks": "登録簿に {units} 単位不足",
    "exceeds": "登録簿が {units} 単位超過",
    "series": "クラス別供給量の推移",
    "series_says": "変化のあった日（UTC）の終わりに流通している単位数。",
    "others": "その他のクラス",
    "supply": "供給量",
    "pending": "処理待ち",
    "live": "有効",
    "retired": "無効化",
    "locked": "ロック",
    "reserved": "引当て",
    "executed": "執行済み",
    "reversed": "取消し",
    "shortfall": "不足",
    "cover": "補填",
}
_WORDS = {Language.ENGLISH: _ENGLISH, Language.JAPANESE: _JAPANESE}
_SEVERITIES = {
    Language.ENGLISH: {"break": "break", "warning": "warning", "info": "info"},
    Language.JAPANESE: {"break": "重大な不一致", "warning": "警告", "info": "情報"},
}
_EXHIBITS = {
    Language.JAPANESE: {
        ExhibitKind.TRANSACTION: "取引",
        ExhibitKind.STATEMENT_ROW: "報告書の行",
        ExhibitKind.ATTESTATION: "認証",
        ExhibitKind.CLAIM: "主張",
        ExhibitKind.FIGURES: "数値",
    }
}
_SPOKEN = {Language.ENGLISH: "%Y-%m-%d %H:%M:%S UTC", Language.JAPANESE: "%Y年%m月%d日 %H:%M:%S UTC"}
_DAYS = {Language.ENGLISH: "%Y-%m-%d", Language.JAPANESE: "%Y年%m月%d日"}


def words(language: Language) -> Words:
    return _WORDS[language]


def when(seconds: int, language: Language = Language.ENGLISH) -> str:
    """A lock may state any 64-bit second as its deadline, also one that no calendar holds."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(_SPOKEN[language])
    except (ValueError, OverflowError, OSError):
        return f"second {seconds}" if language is Language.ENGLISH else f"{seconds} 秒"


def day(seconds: int, language: Language) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_DAYS[language])


def severity(item: Item, language: Language) -> str:
    """Of what is no finding, what it is instead."""
    match item:
        case Finding():
            return severity_word(item.severity, language)
        case InFlight():
            return words(language)["in_flight"].lower()
        case Shown():
            return words(language)["shown"].lower()


def severity_word(value: Severity, language: Language) -> str:
    return _SEVERITIES[language][value.value]


def exhibit(kind: ExhibitKind, language: Language) -> str:
    return _EXHIBITS.get(language, {}).get(kind, kind.value)


def amount(item: Difference, language: Language) -> str:
    """Units never travel without their weight where that is known."""
    units = f"{item.units:,} {words(language)['units']}" if item.units else ""
    mass = "" if item.kg is None else f"{tonnes(item.kg):,} t"
    return ", ".join(part for part in (units, mass) if part)


def short(text: str) -> str:
    """Hex text by its two ends."""
    before, prefix, digits = text.partition("0x")
    return f"{before}{prefix}{digits[:4]}…{digits[-4:]}" if len(digits) > 10 else text
