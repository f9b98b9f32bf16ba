"""The ledger's verbs in one place: each is atomic, and repeatable by its key."""

from __future__ import annotations

from bridge.registry.ledger.acting import Acting
from bridge.registry.ledger.custody import Custody
from bridge.registry.ledger.describing import Describing
from bridge.registry.ledger.locking import Locking
from bridge.registry.ledger.reading import Reading
from bridge.registry.ledger.requests import Requests
from bridge.registry.ledger.reversing import Reversing


class Ledger(Custody, Locking, Requests, Reversing, Acting, Describing, Reading):
    """`Ledger(open_ledger(url), clock)`."""
