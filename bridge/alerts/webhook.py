"""An alert as one signed HTTP request.

    POST <url>
    Content-Type: application/json
    Idempotency-Key: 0x…                   the alert's id, the same however often it comes
    X-Carbonbridge-Signature: t=1700000000,v1=<hex>

The signature is HMAC-SHA256 with the shared secret over `<t>.<body>`, where t is the second in which it was sent; a
receiver refuses old ones, and an id that he has had. Any answer of 200 to 299 means that he has it.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
import time

import httpx

from bridge.alerts.channel import tried
from bridge.domain.values import Hex32
from bridge.domain.watching import Webhook
from bridge.errors import Refused, Unreachable

_LATER = (408, 425, 429)
"""Refusals that pass by themselves."""


class WebhookChannel:
    """`name`: the channel's, which alone is ever shown of it."""

    def __init__(self, name: str, hook: Webhook, secret: str) -> None:
        self._who = f"webhook {name}"
        self._hook = hook
        self._secret = secret

    def __repr__(self) -> str:
        return f"WebhookChannel({self._who})"

    def send(self, alert_id: Hex32, body: str) -> None:
        hook = self._hook
        tried(hook.tries, hook.answer_seconds, lambda: self._post(alert_id, body.encode()), self._who)

    def _post(self, alert_id: Hex32, body: bytes) -> None:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": alert_id,
            "X-Carbonbridge-Signature": signature(self._secret, int(time.time()), body),
            "User-Agent": "carbonbridge",
        }
        try:
            with (
                httpx.Client(
                    verify=_trust(self._hook),
                    timeout=self._hook.answer_seconds,
                    follow_redirects=False,
                    trust_env=False,
                ) as client,
                client.stream("POST", self._hook.url, content=body, headers=headers) as answer,
            ):
                status = answer.status_code  # what else it says, nobody reads
        except httpx.HTTPError as error:
            raise Unreachable(f"{self._who} did not answer ({type(error).__name__})") from None
        if status >= 500 or status in _LATER:
            raise Unreachable(f"{self._who} cannot take it now (HTTP {status})")
        if not 200 <= status < 300:
            raise Refused(
                f"{self._who} refuses it (HTTP {status}): look at its address, and at the secret on both sides"
            )


def signature(secret: str, second: int, body: bytes) -> str:
    mac = hmac.new(secret.encode(), f"{second}.".encode() + body, hashlib.sha256)
    return f"t={second},v1={mac.hexdigest()}"


def _trust(hook: Webhook) -> ssl.SSLContext | bool:
    """The system's authorities, or the one that is named."""
    return ssl.create_default_context(cafile=str(hook.ca)) if hook.ca else True
