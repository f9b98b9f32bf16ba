"""The registry as another organisation's process, asked over HTTP."""

from bridge.registry.http.client import HttpRegistry
from bridge.registry.http.line import Line, Patience, Place

__all__ = ["HttpRegistry", "Line", "Patience", "Place"]
