"""What each rule is called and what to do about it, in the languages of a report.

English stands with the rules and travels in every finding; the other languages are kept here, by the rule's name.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from bridge.domain.findings import Finding, InFlight, Shown

Item = Finding | InFlight | Shown


class Language(StrEnum):
    ENGLISH = "en"
    JAPANESE = "ja"


class Message(NamedTuple):
    """`waiting` is the title of the same difference in flight, `shown` of what is shown though nothing is wrong; empty
    when there is no such thing."""

    title: str
    advice: str
    waiting: str = ""
    shown: str = ""


JAPANESE: dict[str, Message] = {
    "overlapping-tokenization": Message(
        "同じシリアル番号が二か所でトークン化されている",
        "該当クラスの発行を止め、どちら側にロックがあるかを登録簿に確認し、相手側に説明を求める",
        "一方から引き渡された後、他方で発行された（一方の読取後）",
    ),
    "retirement-used-twice": Message(
        "同じ無効化が二つの主張に使われている",
        "一度だけ数える。誰のために無効化したかを登録簿に確認し、各主張者に登録簿自身の記録を求める",
    ),
    "retired-twice": Message(
        "同じシリアル番号が二つの請求のために無効化された",
        "どの請求のために無効化したかを登録簿が答えるまで、いずれにも証明書を発行しない",
    ),
    "reissued-elsewhere": Message(
        "別の登録簿で再発行されたシリアル番号が、元の登録簿でまだ有効である",
        "双方の登録簿に知らせ、一方に取り消させる。それまでいずれも発行せず、発行済みのものは隔離する",
        "元の登録簿の報告書より後に再発行された。次の報告書で判断する",
        "一方の登録簿で取り消され、他方で再発行された",
    ),
    "serials-reused": Message(
        "一つのコントラクトが、流通中、無効化済みまたは取消し済みのシリアル番号を再び発行した",
        "停止する。コントラクトが拒否すべき事象であり、一時停止のうえイベントとストレージを照合する",
    ),
    "lock-reused": Message(
        "一つのロックが二回以上発行に使われた",
        "発行を止め、ロックがどのデプロイメント宛てかを登録簿に確認する",
    ),
    "tokenized-without-lock": Message(
        "発行済みのシリアル番号が、登録簿でこのデプロイメントのためにロックされていない",
        "該当クラスの発行を止め、このロックについて何に署名したかを認証者に確認する",
        "報告書とブロックの間に発行・償還・ロックされた。次の報告書で判断する",
    ),
    "free-while-circulating": Message(
        "流通中の単位に対応するシリアル番号が、登録簿で自由に処分できる状態にある",
        "直ちに登録簿に再ロックを依頼する。それまで保有者が二重に売却し得る",
        "報告書とブロックの間にロックまたは引き渡しがあった。次の報告書で判断する",
    ),
    "retired-while-circulating": Message(
        "流通中の単位に対応するシリアル番号を、登録簿が無効化または取り消した",
        "登録簿に取消し（リバーサル）を認証させ、不足を計上して補填する",
        "償還後に新しい保有者が無効化した可能性がある。後のブロックで判断する",
    ),
    "reversal-unattested": Message(
        "登録簿での取消し（リバーサルまたはキャンセル）が、期限までにチェーン上で認証されていない",
        "該当クラスを隔離し、認証者に取消しへの署名を求める。署名後は誰でも提出できる",
        "登録簿で取り消し済み、チェーン上の認証待ち",
    ),
    "reversal-unfounded": Message(
        "登録簿が取り消していないシリアル番号が、チェーン上で取り消された",
        "該当クラスを隔離し、何に署名したかを各認証者に確認し、盗まれた鍵を管理者に交換させる",
        "報告書の後にチェーン上で取り消された。次の報告書で判断する",
        "認証済みの取消し：登録簿とチェーンの双方で取り消された",
    ),
    "shortfall-mismatch": Message(
        "クラスの不足として示された数が、取消しと補填から残る数と一致しない",
        "停止する。コントラクトのストレージにあるクラスを、取消しおよび引き取られた補填と照合する",
        shown="クラスが不足している：取り消され、まだ補填されていない単位",
    ),
    "cover-mismatch": Message(
        "残っているはずの補填を、コントラクトが保有していない",
        "停止する。コントラクトのストレージにある補填を、自身の残高および保有者の引取りと照合する",
        shown="不足している、または不足していたクラスへの補填",
    ),
    "retired-balance-mismatch": Message(
        "保有者の無効化残高が、その請求について無効化された数と一致しない",
        "停止する。ストレージにある無効化残高を、保有者の請求の決済と照合する",
    ),
    "moved-while-closed": Message(
        "クラスが隔離中または不足中であるのに、単位が動いた",
        "停止する。コントラクトが拒否すべき事象であり、ストレージにあるクラスを動いた単位と照合する",
    ),
    "recovery-unordered": Message(
        "発効した命令によらずに、単位が別の口座へ回収された",
        "停止する。コントラクトが拒否すべき事象であり、ストレージにある命令を照合し、回収権者に確認する",
        shown="発効した命令により、単位が別の口座へ回収された",
    ),
    "acted-without-settlement": Message(
        "チェーン上の決済なしに、登録簿が無効化または引き渡しを行った",
        "署名済みの結果があれば提出する。なければ登録簿に取消し（リバーサル）を認証させる",
        "読み取ったブロックより後の処理とみられる。後のブロックで判断する",
    ),
    "settled-without-execution": Message(
        "決済済みの請求が、期限までに登録簿で執行されていない",
        "登録簿に執行を依頼する。執行されるまで証明書は発行できない",
        "チェーン上で決済済み、登録簿での執行待ち",
    ),
    "held-elsewhere": Message(
        "ロックされたシリアル番号が、ブリッジのものではない口座にある",
        "その口座から誰が動かせるかを登録簿に確認し、直ちにブリッジの口座へ移させる",
    ),
    "settled-otherwise": Message(
        "請求が、求められたものとは別の種類またはクラスとして決済された",
        "停止する。コントラクトが拒否すべき事象であり、請求と署名済みの結果を照合する",
    ),
    "settled-not-live": Message(
        "決済または取消し（リバーサル）が、そのクラスで流通していないシリアル番号を消費した",
        "停止する。コントラクトが拒否すべき事象であり、認証者の署名した結果と発行を照合する",
    ),
    "locked-without-mint": Message(
        "もう発行できないロックのために、シリアル番号がロックされたままである",
        "預入者へロックを解除するよう登録簿に依頼する",
        "登録簿でロック済み、発行または解除待ち",
    ),
    "lock-mismatch": Message(
        "発行されたものが、登録簿のロックと一致しない",
        "該当クラスの発行を止め、認証済みロック、登録簿の行、発行を照合する",
        "報告書とブロックの間に改めてロックされた。次の報告書で判断する",
    ),
    "request-mismatch": Message(
        "登録簿が、決済されたものとは別のシリアル番号を処理した",
        "認証者の署名した結果、決済、受領書をシリアル番号ごとに照合する",
        "報告書とブロックの間に請求または決済があった。次の報告書で判断する",
    ),
    "class-mismatch": Message(
        "登録簿とは異なるクラスとして発行された",
        "該当クラスを止め、登録簿のプロジェクト・ビンテージとクラスの対応を正す",
    ),
    "unknown-class-or-space": Message(
        "クラスまたはシリアル空間が未登録、または別の登録簿のものである",
        "登録したオペレーターを止め、空間のキーを登録簿の表記と照合する",
    ),
    "supply-mismatch": Message(
        "供給量と処理待ちの合計が、有効なシリアル番号と不足の合計と一致しない",
        "停止する。同じブロックで供給量と台帳をストレージから読み、欠けているイベントを探す",
    ),
    "storage-mismatch": Message(
        "コントラクトのストレージが、そのイベントの合計と一致しない",
        "停止する。ノードがイベントを隠しているか、当方のコントラクトではない。別のノードから双方を読み直す",
    ),
    "ledger-mismatch": Message(
        "コントラクトに保存された台帳が、そのイベントと一致しない",
        "停止する。ノードがイベントを隠しているか、当方のコントラクトではない。別のノードから双方を読み直す",
    ),
    "moved-while-frozen": Message(
        "凍結された口座の単位が動いた",
        "停止する。コントラクトが拒否すべき事象であり、ポリシーのストレージにある凍結を照合し、単位を追跡する",
    ),
    "moved-to-unlisted": Message(
        "リストにない口座に単位が渡った",
        "停止する。コントラクトが拒否すべき事象であり、ポリシーのストレージにあるリストを照合し、保有者を調べる",
    ),
    "allowance-exceeded": Message(
        "許容枠を超えて発行された",
        "停止する。コントラクトが拒否すべき事象であり、オペレーターの許容枠を取り上げ、ストレージと照合する",
    ),
    "terms-broken": Message(
        "クラスの条件が守られていない",
        "停止する。コントラクトが拒否すべき事象であり、ストレージにあるクラスの条件と報告書を照合する",
    ),
    "role-changed": Message(
        "所有者によらずに権限が移った",
        "コントラクトを一時停止し、誰が取引を送ったかを調べ、所有者に権限を取り戻させる",
        shown="権限が与えられた、または取り上げられた",
    ),
    "amount-mismatch": Message(
        "請求の数量の計算が合わない",
        "停止する。コントラクトのストレージにある請求と、決済された範囲を照合する",
    ),
    "request-overspent": Message(
        "請求が、その数量を超えて、または終了後に決済された",
        "停止する。コントラクトが拒否すべき事象であり、請求と署名済みの結果を照合する",
    ),
    "double-statement-row": Message(
        "一つの報告書に、同じシリアル番号の行が二つある",
        "報告書を登録簿に差し戻す。該当シリアル番号について信頼できない",
    ),
    "parent-and-split": Message(
        "ブロックとその一部が同時に有効である",
        "登録簿またはブリッジに一方を取り下げさせ、それまでいずれも発行しない",
    ),
    "claim-repeated": Message(
        "他のブリッジが同じシリアル番号を二度主張している",
        "説明があるまで当該ブリッジのクレジットを受け入れず、登録簿に知らせる",
    ),
    "statement-unsigned": Message(
        "報告書に、登録簿の認証者の必要数の署名がない",
        "記載を一切信頼しない。各認証者に何をどのデプロイメント宛てに署名したかを確認し、新しい報告書を求める",
    ),
    "statement-altered": Message(
        "報告書の行が、署名されたものと異なる",
        "どこで書き換えられたかを調べ、登録簿に送り直しを求める",
    ),
    "statement-contradicted": Message(
        "報告書が、同じ登録簿の以前の報告書と矛盾している",
        "どちらが正しいか、他方がなぜ出されたかを登録簿に確認し、それまでいずれも信頼しない",
        shown="以前の報告書の後にブロックが分割された",
    ),
    "statement-totals": Message(
        "報告書の累計が、その行またはチェーンと矛盾している",
        "登録簿に累計と自らの記帳との照合を求め、発行および決済と突き合わせる",
        "読み取ったブロックより後の処理とみられる。後のブロックで判断する",
    ),
    "registry-without-statement": Message(
        "登録簿の報告書がなく、裏付けが示されていない",
        "登録簿に報告書を求め、改めて照合する。それまで該当単位の裏付けは何も保証されない",
    ),
    "evidence-out-of-step": Message(
        "報告書とブロックの時点が離れすぎており、裏付けが示されていない",
        "登録簿に新しい報告書を求め、その後の確定ブロックを読む",
    ),
    "statement-stale": Message(
        "登録簿の最新の報告書が古すぎる",
        "登録簿に新しい報告書を求めて改めて照合する。それまでこの報告書より新しいことは何も保証されない",
    ),
    "request-unanswered": Message(
        "期限を過ぎても回答のない請求がある",
        "認証者に結果または拒否への署名を依頼する。保有者は請求を取り戻せる",
        "請求済み、決済待ち",
    ),
    "claim-unminted": Message(
        "他のブリッジが、発行したブロックの外のシリアル番号を無効化している",
        "どのブロックから無効化したのかを当該ブリッジに確認する",
    ),
    "claim-unretired": Message(
        "他のブリッジの焼却量が、示された無効化量を上回っている",
        "残りをいつ無効化するかを当該ブリッジに確認する。それまで無効化済みと数えない",
    ),
    "claim-link-mismatch": Message(
        "他のブリッジの焼却・無効化・ブロックの対応表の計算が合わない",
        "対応表の訂正を当該ブリッジに求める。シリアル番号そのものは他の規則が判断する",
    ),
}


def title(item: Item, language: Language) -> str:
    if language is Language.ENGLISH or item.rule not in JAPANESE:
        return item.title
    message = JAPANESE[item.rule]
    match item:
        case InFlight():
            return message.waiting
        case Shown():
            return message.shown
        case _:
            return message.title


def advice(finding: Finding, language: Language) -> str:
    if language is Language.ENGLISH or finding.rule not in JAPANESE:
        return finding.advice
    return JAPANESE[finding.rule].advice
