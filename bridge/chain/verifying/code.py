"""Whether the code at an address is what this package ships, and what was filled into it there."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection, answering
from bridge.domain.values import Address, Fact, Hex32, keccak_hex, to_bytes

_WORD = 32
_EXTENSIONS = {"CarbonBridge": "Office", "Office": "Remedies"}


class Code(Fact):
    """The code at an address beside the artifact `name`: `fault` says what differs, but for immutables, which stand
    where the compiler left room. `code_hash` is that of the whole, as block explorers show it."""

    name: str
    address: Address
    code_hash: Hex32
    fault: str | None
    immutables: dict[str, Hex32] = Field(default={})

    @property
    def absent(self) -> bool:
        return self.code_hash == keccak_hex(b"")


def read_code(connection: Connection, name: str, address: Address, block: int) -> Code:
    """What the immutables hold is not checked here: see their meaning in `verify`."""
    with answering():
        code = bytes(connection.w3.eth.get_code(connection.w3.to_checksum_address(address), block))
    parts, code_hash = artifact(name), keccak_hex(code)
    fault = _fault(code, bytes.fromhex(parts.deployed_bytecode), parts.immutables)
    if fault:
        return Code(name=name, address=address, code_hash=code_hash, fault=fault)
    filled = {immutable: _word(code, places[0]) for immutable, places in parts.immutables.items()}
    return Code(name=name, address=address, code_hash=code_hash, fault=None, immutables=filled)


def read_extensions(connection: Connection, code: Code, block: int) -> Iterator[Code]:
    """Whose code it runs for what it has no function for, then theirs."""
    if code.fault is None and code.name in _EXTENSIONS:
        extension = read_code(connection, _EXTENSIONS[code.name], word_address(code.immutables["extension"]), block)
        yield extension
        yield from read_extensions(connection, extension, block)


def is_code_of(connection: Connection, name: str, address: Address, block: int) -> bool:
    return read_code(connection, name, address, block).fault is None


def address_word(address: Address) -> Hex32:
    """An address as an immutable holds it."""
    return "0x" + to_bytes(address).rjust(_WORD, b"\0").hex()


def word_address(word: Hex32) -> Address:
    return "0x" + word[-40:]


def _fault(code: bytes, expected: bytes, immutables: dict[str, list[int]]) -> str | None:
    if not code:
        return "there is no code"
    if len(code) != len(expected):
        return f"{len(code):,} bytes of code, not {len(expected):,}"
    if _masked(code, immutables) != _masked(expected, immutables):
        return "other code of the same length"
    for name, places in immutables.items():
        if len({_word(code, place) for place in places}) > 1:
            return f"{name} is not the same everywhere"
    return None


def _masked(code: bytes, immutables: dict[str, list[int]]) -> bytes:
    masked = bytearray(code)
    for place in (place for places in immutables.values() for place in places):
        masked[place : place + _WORD] = bytes(_WORD)
    return bytes(masked)


def _word(code: bytes, place: int) -> Hex32:
    return "0x" + code[place : place + _WORD].hex()
