"""Tokens: 256 random bits with a public id before them, shown once and kept as a hash."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Collection

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bridge.database import reading, writing
from bridge.domain.attestations import Deployment
from bridge.domain.values import Fact
from bridge.errors import UsageError
from bridge.registry.ledger.custody import bridge_account
from bridge.registry.ledger.models import Account
from bridge.registry.service.audit import Act, append
from bridge.registry.service.models import TokenRow
from bridge.registry.service.problems import Denied
from bridge.registry.wire import TOKEN_UNKNOWN, Scope

SCOPES: tuple[Scope, ...] = ("bridge", "depositor", "holder", "reader")
_TOKEN = re.compile(r"cbr_([0-9a-f]{16})_([0-9a-f]{64})")
_NOBODYS = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
"""Compared with where there is no token, so that a wrong one costs as much as an unknown one."""


class Token(Fact):
    """What its owner may do: `bridge`, `holder` and `reader` for one deployment, `depositor` from one account."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    deployment: Deployment | None
    account: str | None
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None


class Tokens:
    """`clock` in seconds since 1970: the machine's, since a token's time is nobody's on chain."""

    def __init__(self, engine: Engine, clock: Callable[[], int]) -> None:
        self._engine, self._clock = engine, clock

    def create(
        self,
        name: str,
        scopes: Collection[Scope],
        deployment: Deployment | None = None,
        account: str | None = None,
        valid_seconds: int | None = None,
    ) -> tuple[Token, str]:
        """The token and its text, which is nowhere kept. Raises UsageError for a scope without what it is bound to."""
        _require_bounds(scopes, deployment, account)
        public, secret, now = secrets.token_hex(8), secrets.token_hex(32), self._clock()
        row = TokenRow(
            id=public,
            name=name,
            secret_hash=_hash(secret),
            scopes=" ".join(scope for scope in SCOPES if scope in scopes),
            deployment=str(deployment) if deployment else None,
            account=account,
            created_at=now,
            expires_at=None if valid_seconds is None else now + valid_seconds,
        )
        with writing(self._engine, "registry") as tx:
            _require_known(tx, deployment, account)
            tx.add(row)
            append(tx, now, Act(token=public, method="CREATE", path=f"/tokens/{public}"), 201)
        return _token(row), f"cbr_{public}_{secret}"

    def revoke(self, public: str) -> Token:
        """For good. Raises UsageError for an unknown one."""
        now = self._clock()
        with writing(self._engine, "registry") as tx:
            row = tx.get(TokenRow, public)
            if row is None:
                raise UsageError(f"no token {public!r}; see: carbonbridge registry token list")
            if row.revoked_at is None:
                row.revoked_at = now
                append(tx, now, Act(token=public, method="REVOKE", path=f"/tokens/{public}"), 200)
            return _token(row)

    def all(self) -> tuple[Token, ...]:
        """The oldest first."""
        with reading(self._engine, "registry") as tx:
            rows = tx.scalars(select(TokenRow).order_by(TokenRow.created_at, TokenRow.id))
            return tuple(map(_token, rows))

    def find(self, text: str) -> Token:
        """Raises Denied for a token that is unknown, wrong, expired or revoked, in the same words."""
        read = _TOKEN.fullmatch(text)
        public, secret = read.groups() if read else ("", "")
        with reading(self._engine, "registry") as tx:
            row = tx.get(TokenRow, public)
        right = hmac.compare_digest(row.secret_hash if row else _NOBODYS, _hash(secret))
        if row is None or not right or not self._is_good(row):
            raise Denied(
                TOKEN_UNKNOWN, "this token is unknown, wrong, expired or revoked; ask the registry for another"
            )
        return _token(row)

    def _is_good(self, row: TokenRow) -> bool:
        return row.revoked_at is None and (row.expires_at is None or self._clock() < row.expires_at)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _require_bounds(scopes: Collection[Scope], deployment: Deployment | None, account: str | None) -> None:
    if not scopes:
        raise UsageError(f"a token without a scope opens nothing; there are {', '.join(SCOPES)}")
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise UsageError(f"no scope {unknown[0]!r}; there are {', '.join(SCOPES)}")
    if ("depositor" in scopes) != (account is not None):
        raise UsageError("scope depositor and an account go together: name the one that he orders from")
    if bool(set(scopes) - {"depositor"}) != (deployment is not None):
        raise UsageError("scopes bridge, holder and reader are for one deployment; name it")


def _require_known(tx: Session, deployment: Deployment | None, account: str | None) -> None:
    if deployment is not None and tx.get(Account, bridge_account(deployment)) is None:
        raise UsageError(f"deployment {deployment} is not served by this registry; check it")
    held = tx.get(Account, account) if account is not None else None
    if account is not None and (held is None or held.kind != "participant"):
        raise UsageError(f"no participant has account {account!r}; open it, or correct the name")


def _token(row: TokenRow) -> Token:
    chain_id, _, contract = (row.deployment or "").partition(":")
    return Token.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "scopes": row.scopes.split(),
            "deployment": {"chain_id": chain_id, "contract": contract} if row.deployment else None,
            "account": row.account,
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "revoked_at": row.revoked_at,
        }
    )
