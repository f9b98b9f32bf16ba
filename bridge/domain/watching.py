"""How compliance works by itself: its key, who is told of breaks, and whether it may pause. One section of the
configuration, which names files with secrets and holds none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from bridge.domain.signing import is_loopback, is_private, plain_address
from bridge.domain.values import Address, Fact

ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
MailAddress = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,;\"]+@[^\s@<>,;\"]+$", max_length=254)]


class Webhook(Fact):
    """`secret_file`: with what each message is signed, which its receiver knows too. `answer_seconds`: how long one
    answer may take; `tries` in one run, then again with the next."""

    url: str
    secret_file: Path
    ca: Path | None = None
    answer_seconds: float = Field(default=10, gt=0, le=300)
    tries: int = Field(default=4, ge=1, le=20)

    @field_validator("url")
    @classmethod
    def _is_plain_address(cls, url: str) -> str:
        return plain_address(url)

    @model_validator(mode="after")
    def _is_safe(self) -> Webhook:
        if not is_private(self.url):
            raise ValueError("http only reaches this machine; findings would travel in the clear: use https")
        return self


class Mail(Fact):
    """An SMTP server that takes mail for others, over STARTTLS. `user` and `password_file` go together. `starttls =
    false` only reaches a server on this machine."""

    host: str = Field(pattern=r"^[A-Za-z0-9.:-]+$")
    port: int = Field(default=587, gt=0, lt=65_536)
    sender: MailAddress
    to: tuple[MailAddress, ...] = Field(min_length=1)
    user: str | None = None
    password_file: Path | None = None
    starttls: bool = True
    ca: Path | None = None
    answer_seconds: float = Field(default=20, gt=0, le=300)
    tries: int = Field(default=3, ge=1, le=20)

    @model_validator(mode="after")
    def _is_safe(self) -> Mail:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together")
        if not self.starttls and not is_loopback(self.host):
            raise ValueError("without STARTTLS findings would travel in the clear: only to this machine")
        return self


class Alerts(Fact):
    """Who is told of new breaks and of those that are over, by the names of the channels. `language`: of the text."""

    webhooks: dict[ChannelName, Webhook] = Field(default={})
    mails: dict[ChannelName, Mail] = Field(default={})
    language: str = Field(default="en", pattern="^(en|ja)$")

    @model_validator(mode="after")
    def _names_differ(self) -> Alerts:
        if twice := self.webhooks.keys() & self.mails.keys():
            raise ValueError(f"{', '.join(sorted(twice))}: a webhook and a mail of one name")
        return self


class Breaker(Fact):
    """Off unless switched on: it pauses the minting door with a guardian's key when our own chain, or a statement that
    the registry's attesters signed for it, proves an unbacked or doubled serial."""

    enabled: bool = False
    key: str = "guardian"


class Compliance(Fact):
    """`url`: the database of runs. `key`: signs and anchors reports. `anchors`: the contract that keeps hashes."""

    url: str = "sqlite:///compliance.db"
    key: str = "compliance"
    anchors: Address | None = None
    alerts: Alerts = Alerts()
    breaker: Breaker = Breaker()
