"""Every error that users can meet, in one tree; each leaf says what happened, to which credit, and what to do next.

BridgeError
├── UsageError             2  the command, the configuration or a file is wrong
│   └── MalformedInput        a value from outside does not parse
├── Unreachable            3  a node, a registry or a database did not answer; safe to repeat
├── Refused                4  a counterpart said no
│   ├── RegistryRefused       the registry or one of its attesters
│   ├── ContractRefused       the contract reverted
│   ├── AlreadyDone        0  the same was done before; nothing is left to do
│   ├── NoGas                 the account cannot pay for its transaction
│   ├── SignerRefused         who holds a key does not sign with it
│   └── Conflict              the same id was used with other content
├── NotYet                 5  waits for finality, a deadline or a counterpart; repeat later
├── Stopped              130  by the person at the keyboard
└── Halted                 6  something that must never happen was seen; people decide
"""

from __future__ import annotations


class BridgeError(Exception):
    """Root of the tree. `exit_code` is what the command line ends with."""

    exit_code = 70


class UsageError(BridgeError):
    exit_code = 2


class MalformedInput(UsageError):
    pass


class Unreachable(BridgeError):
    exit_code = 3


class Refused(BridgeError):
    exit_code = 4


class RegistryRefused(Refused):
    pass


class ContractRefused(Refused):
    """`name` is the contract's error (such as `SerialsTaken`), `arguments` its decoded values."""

    def __init__(self, message: str, name: str = "", arguments: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.arguments = arguments


class AlreadyDone(Refused):
    exit_code = 0


class SignerRefused(Refused):
    pass


class NoGas(Refused):
    pass


class Conflict(Refused):
    pass


class NotYet(BridgeError):
    exit_code = 5


class Stopped(BridgeError):
    exit_code = 130


class Halted(BridgeError):
    exit_code = 6
