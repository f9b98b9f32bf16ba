"""What a registry's desk needs to know: our account there, who its officers are, and how its numbers are spelt.

The defaults are J-Credit's as far as they are public. No serial of it is, so that the patterns can be configured.
"""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from bridge.domain.attestations import Opening
from bridge.domain.lifecycle import Kind
from bridge.domain.values import Fact


class ListGrammar(Fact):
    """How an officer's list of serials is spelt: a CSV file with these columns, and these words for what became of the
    serials. `moved` serials stand in `account`, which is another's."""

    encoding: str = Field(default="utf-8-sig", pattern="^(utf-8-sig|utf-8|utf-16|cp932)$")
    certification: str = "認証番号"
    first: str = "シリアル番号（開始）"
    last: str = "シリアル番号（終了）"
    state: str = "状態"
    account: str = "口座番号"
    held: tuple[str, ...] = ("保有",)
    retired: tuple[str, ...] = ("無効化",)
    moved: tuple[str, ...] = ("移転",)

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.certification, self.first, self.last, self.state, self.account)

    @model_validator(mode="after")
    def _tells_apart(self) -> ListGrammar:
        words = (*self.held, *self.retired, *self.moved)
        if len(set(self.columns)) != 5 or len(set(words)) != len(words):
            raise ValueError("each column, and each word for a state, means one thing")
        return self


class DeskRules(Fact):
    """`account` is ours there, `holder` the legal person that it belongs to. `officers` are names of keys or addresses,
    and `threshold` of them must have seen an act. `processing_days`: how long that registry may take; what its list
    shows as still held before then may be retired yet. `uses`: what a retirement may be for, one each. `evidence`:
    the folder in which the files that officers attest are kept. `certification`: how a 認証番号 is spelt, with its
    制度記号 as the group `scheme` and its 種別 as `type`."""

    account: str = Field(min_length=1, max_length=64)
    holder: str = Field(min_length=1, max_length=200)
    officers: tuple[str, ...] = Field(min_length=2)
    threshold: int = Field(default=2, ge=2)
    processing_days: int = Field(default=14, ge=1, le=365)
    uses: tuple[str, ...] = ()
    evidence: Path = Path("evidence")
    certification: str = r"(?P<scheme>JCL|JC|KCP|KC|JP)-?(?P<type>[A-Z]{2,4})-?[0-9A-Z-]{1,40}"
    list: ListGrammar = ListGrammar()

    @field_validator("certification")
    @classmethod
    def _names_its_groups(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(f"it is no pattern: {error}") from error
        if not {"scheme", "type"} <= set(groups):
            raise ValueError("the pattern names the groups scheme and type")
        return pattern

    @model_validator(mode="after")
    def _enough_officers(self) -> DeskRules:
        if len(set(self.officers)) != len(self.officers):
            raise ValueError("an officer is named twice")
        if len(self.officers) < self.threshold:
            raise ValueError(f"{self.threshold} of {len(self.officers)} officers can never agree")
        return self

    def objection(self, kind: Kind, opening: Opening) -> str:
        """Why a request could never be filed, as a code. A request for retirement names one use, and no other."""
        if kind is not Kind.RETIREMENT or not self.uses:
            return ""
        named = [use for use in self.uses if use in opening.purpose]
        named = [use for use in named if not any(use != other and use in other for other in named)]
        if len(named) > 1:
            return "mixed-uses"
        return "" if named else "use-unknown"

    def categories(self, certification: str) -> tuple[str, str]:
        """(制度記号, 種別) of a 認証番号; empty where it is not spelt as configured."""
        found = re.fullmatch(self.certification, certification)
        return (found["scheme"], found["type"]) if found else ("", "")

    def is_proxy(self, beneficiary: str) -> bool:
        """Whether the serials are retired for somebody else than the account's legal person (代理無効化)."""
        return beneficiary.strip() != self.holder.strip()
