"""One file a kind of fault. Importing this room makes all of them known."""

from __future__ import annotations

from tests.detect.plants import backing, claims, contract, powers, requests, statements

__all__ = ["backing", "claims", "contract", "powers", "requests", "statements"]
