"""What a configuration lets through, programme by programme: `[programmes.CODE.gate]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bridge.domain.attributes import UNKNOWN, Attributes, Declaration, Described, Phase, Progress, Use
from bridge.domain.credit_class import CreditClass
from bridge.domain.values import Fact, RegistryCode


class Listed(Fact):
    """`allowed`: these alone, where there are any. Letter case and blanks make no difference."""

    allowed: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()

    def objection(self, what: str, value: str) -> str:
        """Empty for what may pass. What is unknown passes no list: nobody can say that it is not barred."""
        if not self.allowed and not self.barred:
            return ""
        if value == UNKNOWN:
            return f"its {what} is unknown here, and rules name some"
        if _plain(value) in map(_plain, self.barred):
            return f"{what} {value} is barred"
        if self.allowed and _plain(value) not in map(_plain, self.allowed):
            return f"{what} {value} is not among those allowed"
        return ""


class GateRules(Fact):
    """`[programmes.CODE.gate]`. Each rule that is set must hold. `article6`: authorised for one of these;
    `corsia_phase`: eligible in it; `adjustment` and `adjustment_status`: one of these is stated."""

    methodologies: Listed = Listed()
    projects: Listed = Listed()
    credit_types: Listed = Listed()
    categories: Listed = Listed()
    host_countries: Listed = Listed()
    article6: tuple[Use, ...] = ()
    corsia_phase: Phase | None = None
    adjustment: tuple[Declaration, ...] = ()
    adjustment_status: tuple[Progress, ...] = ()

    def objections(self, one: Described) -> Iterator[str]:
        """Why credits of this class may not pass, in words."""
        c, has = one.credit_class, one.attributes
        listed = (
            self.methodologies.objection("methodology", has.methodology),
            self.projects.objection("project", c.project),
            self.credit_types.objection("credit type", c.credit_type),
            self.categories.objection("category", has.category),
            self.host_countries.objection("host country", has.host_country),
        )
        yield from filter(None, listed)
        yield from self._objections_of_status(c, has)

    def _objections_of_status(self, c: CreditClass, has: Attributes) -> Iterator[str]:
        asked: Sequence[tuple[str, Sequence[str], str]] = (
            ("Article 6 status", self.article6, has.article6.authorised_for),
            ("corresponding adjustment", self.adjustment, has.adjustment.declaration),
            ("corresponding adjustment's status", self.adjustment_status, has.adjustment.status),
        )
        for what, wanted, value in asked:
            if wanted and (value == UNKNOWN or value not in wanted):
                yield f"its {what} is {value}, where rules ask for {' or '.join(wanted)}"
        if self.corsia_phase and not has.corsia.admits(self.corsia_phase, c.vintage):
            stated = f"eligible: {has.corsia.eligible}"
            yield f"it is not stated to be eligible in CORSIA's {self.corsia_phase} phase ({stated})"


Rules = Mapping[RegistryCode, GateRules]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
