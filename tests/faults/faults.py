"""What can happen, and at which touch of the world."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Fault(StrEnum):
    # anywhere
    KILL = "kill"  # SIGKILL after it
    # the registry and the node
    SILENT = "silent"  # no answer, and nothing was done
    LOST = "lost"  # done, and the answer is lost
    TWICE = "twice"  # done twice, and answered twice, as by a proxy that repeats
    DOWN = "down"  # no answer from here on
    # the registry
    DEAF = "deaf"  # all is done from here on, and no answer comes
    WEEK = "week"  # no answer from here on, while a week passes on the chain
    # the network before it
    LATE = "late"  # no answer, and it arrives when later ones have been answered
    BUSY = "busy"  # a proxy says that it reaches nobody
    # the node
    BEHIND = "behind"  # it lies about `latest` from here on: the chain as it was some blocks ago
    REORG = "reorg"  # what is not final is taken back, and its transactions are forgotten
    DEEP = "deep"  # more than that is taken back
    DROPPED = "dropped"  # it takes a transaction, and forgets it
    LYING = "lying"  # it takes a transaction, and reports an error
    # this machine
    FULL = "full"  # no file grows from here on
    CLOCK = "clock"  # its clock jumps by a year
    RESTORED = "restored"  # SIGKILL, and the operator's journal is put back as it was before all


JOURNAL = (Fault.KILL, Fault.FULL, Fault.CLOCK, Fault.RESTORED, Fault.DEEP)
REGISTRY = (Fault.KILL, Fault.SILENT, Fault.LOST, Fault.TWICE, Fault.DOWN, Fault.DEAF, Fault.WEEK)
EXCHANGE = (*REGISTRY, Fault.LATE, Fault.BUSY)
NODE = (Fault.KILL, Fault.SILENT, Fault.LOST, Fault.TWICE, Fault.DOWN, Fault.BEHIND, Fault.REORG)
SENDING = (*NODE, Fault.DEEP, Fault.DROPPED, Fault.LYING)
COMMIT = (Fault.KILL, Fault.FULL, Fault.CLOCK)
"""In the registry's own process, where it has one, after each of its commits."""

SEND = "node eth_sendRawTransaction"


def possible(point: str) -> Sequence[Fault]:
    match point.partition(" ")[0]:
        case "journal":
            return JOURNAL
        case "registry":
            return REGISTRY
        case "exchange":
            return EXCHANGE
        case "commit":
            return COMMIT
        case _:
            return SENDING if point == SEND else NODE


def changes_something(point: str) -> bool:
    """Whether the world is another one after it: all but the node's answers to questions."""
    return not point.startswith("node ") or point == SEND
