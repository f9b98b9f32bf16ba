"""Whether the code at an address is what this package ships, and what was filled into it there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import Field

from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection, answering
from bridge.domain.values import Address, Fact, Hex32, keccak_hex, to_bytes

_WORD, _ADDRESS = 32, 20


class Code(Fact):
    """The code at an address beside the artifact `name`: `fault` says what differs, but for libraries and immutables,
    which stand where the compiler left room. `code_hash` is that of the whole, as block explorers show it."""

    name: str
    address: Address
    code_hash: Hex32
    fault: str | None
    libraries: dict[str, Address] = Field(default={})
    immutables: dict[str, Hex32] = Field(default={})

    @property
    def absent(self) -> bool:
        return self.code_hash == keccak_hex(b"")


def read_code(connection: Connection, name: str, address: Address, block: int) -> Code:
    """What it links and holds is not checked here: see `read_libraries`, and the immutables' meaning in `verify`."""
    with answering():
        code = bytes(connection.w3.eth.get_code(connection.w3.to_checksum_address(address), block))
    parts, code_hash = artifact(name), keccak_hex(code)
    links, immutables = parts.deployed_links, parts.immutables
    expected = bytes.fromhex(_without_names(parts.deployed_bytecode, links))
    fault = _fault(code, expected, links, immutables)
    if fault:
        return Code(name=name, address=address, code_hash=code_hash, fault=fault)
    return Code(
        name=name,
        address=address,
        code_hash=code_hash,
        fault=None,
        libraries={library: _at(code, places[0], _ADDRESS) for library, places in links.items()},
        immutables={immutable: _at(code, places[0], _WORD) for immutable, places in immutables.items()},
    )


def read_libraries(connection: Connection, code: Code, block: int) -> Iterator[Code]:
    """The libraries that it links, then theirs."""
    for library, address in code.libraries.items():
        linked = read_code(connection, library, address, block)
        yield linked
        yield from read_libraries(connection, linked, block)


def is_code_of(connection: Connection, name: str, address: Address, block: int) -> bool:
    return read_code(connection, name, address, block).fault is None


def _fault(code: bytes, expected: bytes, links: dict[str, list[int]], immutables: dict[str, list[int]]) -> str | None:
    if not code:
        return "there is no code"
    if len(code) != len(expected):
        return f"{len(code):,} bytes of code, not {len(expected):,}"
    if _masked(code, links, immutables) != _masked(expected, links, immutables):
        return "other code of the same length"
    for filled, size in ((links, _ADDRESS), (immutables, _WORD)):
        for name, places in filled.items():
            if len({_at(code, place, size) for place in places}) > 1:
                return f"{name} is not the same everywhere"
    return None


def _masked(code: bytes, links: dict[str, list[int]], immutables: dict[str, list[int]]) -> bytes:
    masked = bytearray(code)
    for place, size in (*_places(links, _ADDRESS), *_places(immutables, _WORD)):
        masked[place : place + size] = bytes(size)
    return bytes(masked)


def _places(filled: dict[str, list[int]], size: int) -> Iterable[tuple[int, int]]:
    return ((place, size) for places in filled.values() for place in places)


def _at(code: bytes, place: int, size: int) -> str:
    return "0x" + code[place : place + size].hex()


def _without_names(code: str, links: dict[str, list[int]]) -> str:
    """The compiler writes a library's name, which is no hex, where its address is to stand."""
    for place, size in _places(links, _ADDRESS):
        code = code[: 2 * place] + "00" * size + code[2 * (place + size) :]
    return code


def address_word(address: Address) -> Hex32:
    """An address as an immutable holds it."""
    return "0x" + to_bytes(address).rjust(_WORD, b"\0").hex()
