"""The sheet's words, in Japanese as that registry's screens have them, and in English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bridge.registry.counterpart import Verb

Language = Literal["ja", "en"]

TITLES: Mapping[Language, Mapping[Verb, str]] = {
    "ja": {
        Verb.TAKE: "移転 受入確認書",
        Verb.GIVE_BACK: "移転 指示書（返却）",
        Verb.RETIRE: "無効化 指示書",
        Verb.HAND_OVER: "移転 指示書",
    },
    "en": {
        Verb.TAKE: "Transfer in: what to confirm",
        Verb.GIVE_BACK: "Transfer back: instruction sheet",
        Verb.RETIRE: "Retirement: instruction sheet",
        Verb.HAND_OVER: "Transfer: instruction sheet",
    },
}

WORDS: Mapping[Language, Mapping[str, str]] = {
    "ja": {
        "act": "整理番号",
        "status": "状況",
        "programme": "制度",
        "final": "最終確定ブロック",
        "final-of": "第 {number} ブロック（{time}）で最終確定済み",
        "final-none": "受入確認のため、該当なし",
        "applicant": "申請者（口座名義人）",
        "from": "移転元口座",
        "to": "移転先口座",
        "account": "無効化する口座",
        "use": "利用目的",
        "beneficiary": "利用者",
        "proxy": "代理無効化",
        "proxy-yes": "あり：{holder} が {beneficiary} のために行う",
        "proxy-no": "なし",
        "amount": "数量",
        "units": "{units} 単位（{tonnes} t-CO2）",
        "due": "期限",
        "due-in": "{time}（あと {days} 日）",
        "due-past": "{time}（{days} 日超過）",
        "certification": "認証番号",
        "scheme": "制度記号",
        "type": "種別",
        "first": "シリアル番号（開始）",
        "last": "シリアル番号（終了）",
        "count": "数量",
        "planned": "未申請",
        "asked": "申請済み（{words}）。再申請してはならない",
        "unknown": "不明（{words}）。登録簿の一覧で確認するまで、再申請してはならない",
        "done": "完了（{words}）",
        "void": "取りやめ（{words}）",
        "irreversible": "無効化は取り消せない。シリアル番号を指定して申請し、数量だけの指定をしてはならない。",
        "by-serials": "シリアル番号を指定して申請し、数量だけの指定をしてはならない。",
        "one-use": "一つの申請に複数の利用目的を混ぜてはならない。",
        "before": "申請の前に「desk file {act}」を記録する。結果が分からないときは「desk doubt {act}」とする。",
        "after": "完了を画面で見た {threshold} 名が、それぞれ自分の鍵で「desk confirm {act}」を行う。",
        "incoming": "移転元が口座名義人の口座であること、全シリアル番号が当方口座にあることを画面で確かめる。",
        "late": "警告：登録簿の処理に {processing} 日かかることがあり、期限に間に合わないおそれがある。",
        "too-late": "警告：期限を過ぎている。",
    },
    "en": {
        "act": "Act",
        "status": "Status",
        "programme": "Registry",
        "final": "Final on chain",
        "final-of": "by block {number} of {time}",
        "final-none": "nothing to settle: serials come in",
        "applicant": "Applicant, whose account it is",
        "from": "From account",
        "to": "To account",
        "account": "Account that retires",
        "use": "Purpose of use",
        "beneficiary": "Beneficiary",
        "proxy": "Retirement by proxy",
        "proxy-yes": "yes: {holder} for {beneficiary}",
        "proxy-no": "no",
        "amount": "Amount",
        "units": "{units} units ({tonnes} t CO2)",
        "due": "Due",
        "due-in": "{time} (in {days} days)",
        "due-past": "{time} ({days} days ago)",
        "certification": "Certification number",
        "scheme": "Scheme",
        "type": "Type",
        "first": "First serial",
        "last": "Last serial",
        "count": "Units",
        "planned": "not filed",
        "asked": "{words}: never file it again",
        "unknown": "unknown ({words}): never file it again before that registry's list has resolved it",
        "done": "done ({words})",
        "void": "given up ({words})",
        "irreversible": "A retirement cannot be undone. File it by these serials, never by amount alone.",
        "by-serials": "File it by these serials, never by amount alone.",
        "one-use": "One filing has one purpose of use; never mix several.",
        "before": "Before filing, record it: desk file {act}. If nobody knows how it ended: desk doubt {act}.",
        "after": "{threshold} officers who have seen it done on the screens confirm it, each with a key of his own: "
        "desk confirm {act}.",
        "incoming": "See on the screens that the depositor's own account was the source, and that all serials are in "
        "our account.",
        "late": "Warning: that registry may take {processing} days, and this may come too late.",
        "too-late": "Warning: the time has run out.",
    },
}
