"""Figures and accounts as a check shows them."""

from __future__ import annotations

from collections.abc import Collection

from eth_utils.address import to_checksum_address

from bridge.domain.values import Address

DAY = 86_400


def duration(seconds: int) -> str:
    days, rest = divmod(seconds, DAY)
    hours = f"{rest / 3600:.3g} h"
    if not days:
        return hours
    return f"{days} day{'' if days == 1 else 's'}" + (f" {hours}" if rest else "")


def difference(actual: Collection[Address], expected: Collection[Address]) -> str:
    extra = [account for account in actual if account not in expected]
    missing = sorted(account for account in expected if account not in actual)
    parts = [("unexpected", extra), ("missing", missing)]
    return "; ".join(f"{word} {all_shown(accounts)}" for word, accounts in parts if accounts) or all_shown(actual)


def shown(address: Address | None) -> str:
    return "none" if address is None else to_checksum_address(address)


def all_shown(accounts: Collection[Address]) -> str:
    return ", ".join(shown(account) for account in accounts) or "nobody"
