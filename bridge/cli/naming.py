"""How users name things: classes by label, ids by prefix, accounts by key name, serials as registries spell them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract
    from bridge.domain.credit_class import CreditClass
    from bridge.domain.observed import ClassCreated
    from bridge.registry.statements.grammar import Grammar
    from bridge.registry.statements.serial import Serial
    from bridge.settings import Settings

_SHOWN = 5


def choose(text: str, labels: Mapping[str, str], what: str) -> str:
    """The id that `text` names: in full, by its label, or by an unambiguous prefix of either. Raises UsageError."""
    from bridge.errors import UsageError

    wanted = " ".join(text.split()).lower()
    exact = [one for one, label in labels.items() if wanted in (one, label.lower())]
    found = exact or [one for one, label in labels.items() if _begins(wanted, one, label)]
    if len(found) == 1:
        return found[0]
    shown = [f"{labels[one]} ({one[:10]})" for one in found or labels][:_SHOWN]
    listed = "; ".join(shown) or "none yet"
    if found:
        raise UsageError(f"{text!r} may be any of {len(found)}; write more of it: {listed}")
    raise UsageError(f"no {what} {text!r}; there are: {listed}")


def _begins(wanted: str, one: str, label: str) -> bool:
    return bool(wanted) and (one.startswith(wanted) or label.lower().startswith(wanted))


def class_of(created: ClassCreated) -> CreditClass:
    from bridge.domain.credit_class import CreditClass

    return CreditClass(
        registry=created.registry,
        project=created.project,
        vintage=created.vintage,
        credit_type=created.credit_type,
        kg_per_unit=created.kg_per_unit,
    )


def classes_on(contract: BridgeContract) -> dict[str, CreditClass]:
    """Every class of the deployment by id, in the order of labels."""
    found = {class_id: class_of(created) for class_id, created in contract.credit_classes().items()}
    return dict(sorted(found.items(), key=lambda item: item[1].label))


def choose_class(text: str, classes: Mapping[str, CreditClass]) -> CreditClass:
    """Raises UsageError that lists what there is."""
    return classes[choose(text, {class_id: c.label for class_id, c in classes.items()}, "class")]


def admin_command(settings: Settings) -> str:
    """What an admin's acts begin with in this deployment."""
    return "carbonbridge admin propose" if settings.deployed().timelock else "carbonbridge admin act"


def address(settings: Settings, text: str) -> str:
    """An address, or that of the key with this name. Raises UsageError."""
    from bridge.bootstrap import address_of
    from bridge.errors import UsageError

    if not text.lower().startswith("0x"):
        key_name(text)
    elif not re.fullmatch("0x[0-9a-f]{40}", text.lower()):
        raise UsageError(f"{text!r} is no address: 0x and 40 hex digits, or a key's name")
    _require_checksum(text)
    return address_of(settings, text.lower() if text.lower().startswith("0x") else text)


def _require_checksum(text: str) -> None:
    """Mixed case carries a checksum (ERC-55): a mistyped one is refused."""
    from eth_utils.address import is_checksum_address

    from bridge.errors import UsageError

    digits = text[2:]
    if text.startswith("0x") and digits not in (digits.lower(), digits.upper()) and not is_checksum_address(text):
        raise UsageError(f"{text} has a wrong checksum; copy the address again")


def key_name(text: str) -> str:
    """A key's name, which is also its file's. Raises UsageError."""
    from bridge.errors import UsageError

    if not re.fullmatch("[a-z0-9][a-z0-9-]{0,31}", text):
        raise UsageError(f"{text!r} is no key name: small letters, digits and hyphens")
    return text


def hex32(text: str, what: str) -> str:
    """An id in full. Raises UsageError."""
    from bridge.errors import UsageError

    if not re.fullmatch("0x[0-9a-f]{64}", text.lower()):
        raise UsageError(f"{text!r} is no {what}: 0x and 64 hex digits")
    return text.lower()


def known_grammar(code: str) -> Grammar:
    """A registry's grammar, also one that the configuration describes. Raises UsageError that lists the known."""
    from bridge.registry.statements.grammar import grammar

    return grammar(code.upper(), _described())


def read_serial(text: str, programme: str | None, vintage: int | None) -> Serial:
    """Serials as their registry spells them; the spelling itself tells the programme. Raises UsageError."""
    from bridge.errors import UsageError

    found = known_grammar(programme) if programme is not None else _grammar_of(text)
    if found.needs_vintage and vintage is None:
        raise UsageError(f"serials of {found.name} do not state their vintage; add --vintage YEAR")
    return found.numbered(text, vintage)


def _grammar_of(text: str) -> Grammar:
    """By what each registry's spelling begins with or cannot lack."""
    from bridge.errors import UsageError
    from bridge.registry.statements.grammar import grammars

    spelt = " ".join(text.split()).upper()
    found = [one for one in {**grammars(), **_described()}.values() if re.search(one.mark, spelt)]
    if not found:
        raise UsageError(f"{text!r} is not spelt as any known registry spells serials; copy it from the registry")
    if len(found) > 1:
        raise UsageError(f"{text!r} may be of {' or '.join(one.code for one in found)}; name one by --programme")
    return found[0]


def _described() -> dict[str, Grammar]:
    """Those of registries whose spelling stands in the configuration, where there is one."""
    from bridge import settings
    from bridge.registry.statements.j_credit import configured

    if not settings.config_path().exists():
        return {}
    return {code: configured(code, form) for code, form in settings.load().formats.items()}
