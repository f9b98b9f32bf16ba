"""What an admin may do, read from the ABIs: words into calls, and calls into words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.abi import function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3.contract.contract import ContractFunction

from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection, answering
from bridge.chain.reverts import ENUMS as _ENUMS
from bridge.domain.values import Address, Fact, code_bytes, code_text, hex32, to_bytes
from bridge.errors import UsageError

Resolve = Callable[[str], Address]
"""An address from what a person wrote; raises UsageError."""

ARTIFACTS = {"bridge": "CarbonBridge", "policy": "FreezePolicy", "timelock": "TimelockController"}
_LISTING = ARTIFACTS | {"policy": "AllowListPolicy"}
_LONGEST_COUNT = 2**64
_OF_THE_TIMELOCK = ("grantRole", "revokeRole", "updateDelay")
_FOR_ANY_OWNER = ("acceptOwnership",)


class Call(Fact):
    """A call as it goes out: `data` is hex text, `value` is wei. None of the admin's own acts carries ether."""

    to: Address
    data: str
    value: int = 0


class Acts:
    """The acts on the contracts of one deployment, by `bridge`, `policy` and `timelock`. With `allow_list` the policy
    is one that keeps a list."""

    def __init__(self, contracts: Mapping[str, Address], *, allow_list: bool = False) -> None:
        self._contracts = contracts
        self._artifacts = _LISTING if allow_list else ARTIFACTS

    def names(self) -> list[str]:
        """Each as `read` takes it: those of the bridge by their bare name."""
        return [
            act if place == "bridge" else f"{place}.{act}" for place in self._contracts for act in self._acts(place)
        ]

    def read(self, words: Sequence[str], resolve: Resolve) -> Call:
        """The act's name, `confirmFreeze` or `policy.setGuardian`, and its arguments: lists and structs with commas.

        Raises UsageError that says what it takes.
        """
        place, entry = self._find(words[0])
        members = entry["inputs"]
        if len(words) - 1 != len(members):
            raise UsageError(f"{words[0]} takes {len(members)} arguments, not {len(words) - 1}: {_signature(entry)}")
        values = [_value(member, text, resolve) for member, text in zip(members, words[1:], strict=True)]
        arguments = encode([_type(member) for member in members], values)
        return Call(to=self._contracts[place], data="0x" + (function_abi_to_4byte_selector(entry) + arguments).hex())

    def words(self, call: Call) -> str:
        """A call as people read it; one that is none of these contracts' in hex."""
        carried = f" with {call.value} wei" if call.value else ""
        for place, address in self._contracts.items():
            for entry in self._functions(place) if address == call.to else ():
                if to_bytes(call.data)[:4] == function_abi_to_4byte_selector(entry):
                    values = decode([_type(member) for member in entry["inputs"]], to_bytes(call.data)[4:])
                    shown = [f"{m['name']} {_named(m, v)}" for m, v in zip(entry["inputs"], values, strict=True)]
                    return f"{place}.{entry['name']}({', '.join(shown)}){carried}"
        return f"{to_checksum_address(call.to)} is called{carried} with {call.data}"

    def ready(self, connection: Connection, call: Call) -> ContractFunction:
        """A call of one of these contracts, for its owner's own key to send."""
        place = next(place for place, address in self._contracts.items() if address == call.to)
        function, arguments = self._contract(connection, place).decode_function_input(call.data)
        made: ContractFunction = function(**arguments)
        return made

    def owner(self, connection: Connection, call: Call) -> Address:
        """Who alone may do it: the called contract's owner, or who was offered it and accepts; a timelock itself."""
        place = next(place for place, address in self._contracts.items() if address == call.to)
        if place == "timelock":
            return call.to
        view = "pendingOwner" if self.words(call).endswith(".acceptOwnership()") else "owner"
        with answering():
            return str(self._contract(connection, place).functions[view]().call()).lower()

    def _contract(self, connection: Connection, place: str) -> Any:
        w3 = connection.w3
        address = w3.to_checksum_address(self._contracts[place])
        return w3.eth.contract(address=address, abi=artifact(self._artifacts[place]).abi)

    def _find(self, name: str) -> tuple[str, Any]:
        place, dot, act = name.rpartition(".")
        places = [place] if dot else list(self._contracts)
        for one in places:
            if one in self._contracts and act in self._acts(one):
                return one, next(entry for entry in self._functions(one) if entry["name"] == act)
        raise UsageError(f"no act {name!r}; there are: {', '.join(self.names())}")

    def _acts(self, place: str) -> list[str]:
        if place == "timelock":
            return list(_OF_THE_TIMELOCK)
        return [*artifact(self._artifacts[place]).owner_only, *_FOR_ANY_OWNER]

    def _functions(self, place: str) -> list[Any]:
        return [entry for entry in artifact(self._artifacts[place]).abi if entry["type"] == "function"]


def _signature(entry: Mapping[str, Any]) -> str:
    return " ".join([entry["name"], *(f"{member['name'].upper()}:{_kind(member)}" for member in entry["inputs"])])


def _kind(member: Mapping[str, Any]) -> str:
    """A type as people are told it."""
    enum = _ENUMS.get(member.get("internalType", ""))
    return "|".join(one.name.lower() for one in enum) if enum else _type(member)


def _type(member: Mapping[str, Any]) -> str:
    kind: str = member["type"]
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(_type(one) for one in member["components"]) + ")" + kind.removeprefix("tuple")


def _value(member: Mapping[str, Any], text: str, resolve: Resolve) -> Any:
    kind = member["type"]
    if kind.endswith("[]"):
        inner = {**member, "type": kind.removesuffix("[]")}
        return [_value(inner, one, resolve) for one in text.split(",") if one]
    if kind == "tuple":
        return _struct(member, text, resolve)
    if kind == "address":
        return to_checksum_address(resolve(text))
    if enum := _ENUMS.get(member.get("internalType", "")):
        if text.upper() in enum.__members__:
            return enum[text.upper()].value
        raise UsageError(f"{text!r} is no {member['name']} ({_kind(member)})")
    if kind == "uint256" and text.startswith("0x") and len(text) == 66:
        return int.from_bytes(_word(member["name"], text))  # a class
    if kind == "bool" and text in ("true", "false"):
        return text == "true"
    if kind.startswith("uint") and text.isascii() and text.isdigit() and int(text) < 2 ** int(kind[4:] or 256):
        return int(text)
    if kind == "bytes32":
        return _word(member["name"], text)
    if kind == "string":
        return text
    raise UsageError(f"{text!r} is no {member['name']} ({kind})")


def _struct(member: Mapping[str, Any], text: str, resolve: Resolve) -> tuple[Any, ...]:
    """All its members by name, so that nobody mistakes their order."""
    given = dict(part.partition("=")[::2] for part in text.split(","))
    names = [one["name"] for one in member["components"]]
    if set(given) != set(names):
        raise UsageError(f"{member['name']} is written {','.join(f'{name}=…' for name in names)}")
    return tuple(_value(one, given[one["name"]], resolve) for one in member["components"])


def _word(name: str, text: str) -> bytes:
    """32 bytes in hex, a role of the timelock by its name, or a registry's code."""
    if name == "role" and text.endswith("_ROLE"):
        return bytes(32) if text == "DEFAULT_ADMIN_ROLE" else keccak(text=text)
    if text.startswith("0x") and len(text) == 66:
        try:
            return to_bytes(text)
        except ValueError as error:
            raise UsageError(f"{text!r} is no {name}: 0x and 64 hex digits") from error
    if name != "role" and text.isascii() and text.isprintable() and 0 < len(text) < 32:
        return code_bytes(text)
    raise UsageError(f"{text!r} is no {name} (bytes32)")


def _named(member: Mapping[str, Any], value: Any) -> str:
    if enum := _ENUMS.get(member.get("internalType", "")):
        return enum(value).name.lower() if value in set(enum) else str(value)
    if member["type"] == "uint256" and value >= _LONGEST_COUNT:
        return hex32(value)  # a class
    return _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_shown(one) for one in value) + "]"
    if isinstance(value, bytes):
        return code_text(value)
    if isinstance(value, str) and value.startswith("0x") and len(value) == 42:
        return to_checksum_address(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
