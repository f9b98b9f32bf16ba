"""Write contracts/STORAGE.md: where the bridge keeps what, as the compiler lays it out."""

from typing import Any

from compile import CONTRACTS, OURS, compiled

PAGE = CONTRACTS / "STORAGE.md"
HEAD = """\
# Where the bridge keeps what

Written by `scripts/compile` from the compiler's own layout. The slots are those of the bridge's address: its three
parts run on them, and hold nothing at their own addresses. What the names mean stands in `src/Types.sol` and
`src/RegistryBook.sol`.
"""


def layout() -> dict[str, Any]:
    output = compiled(OURS, "storageLayout")
    found: dict[str, Any] = output["contracts"]["src/CarbonBridge.sol"]["CarbonBridge"]["storageLayout"]
    return found


def page(found: dict[str, Any]) -> str:
    """The contract's own variables, then the structs that they are made of, each slot by slot."""
    types = found["types"]
    structs = {one["label"].removeprefix("struct "): one["members"] for one in types.values() if "members" in one}
    parts = [HEAD, _table("The bridge", found["storage"], types)]
    parts += [_table(f"`{name}`", structs[name], types) for name in sorted(structs)]
    return "\n".join(parts)


def _table(title: str, members: list[dict[str, Any]], types: dict[str, Any]) -> str:
    rows = [
        f"| {one['slot']} | {one['offset']} | {types[one['type']]['numberOfBytes']} | `{one['label']}` "
        f"| `{types[one['type']]['label']}` |"
        for one in members
    ]
    return "\n".join([f"## {title}\n", "| slot | byte | bytes | name | type |", "|--:|--:|--:|---|---|", *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(page(layout()))
    print(f"{PAGE.name} written")
