"""The embedded registry ledger: blocks of serials that split and keep their history, and double-entry movements."""

from bridge.registry.ledger.engine import open_ledger
from bridge.registry.ledger.ledger import Ledger

__all__ = ["Ledger", "open_ledger"]
