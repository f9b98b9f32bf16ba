"""Is every code what this package ships, and what was filled into it what must stand there?"""

from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from bridge.chain.verifying.code import Code, address_word
from bridge.chain.verifying.words import shown
from bridge.domain.attestations import NAME, VERSION, Deployment
from bridge.domain.deployment import About, Check
from bridge.domain.values import ZERO_ADDRESS, Address, Hex32, hex32, keccak_hex


def code_check(subject: str, code: Code) -> Check:
    if code.fault is None:
        return Check.holds(About.CODE, f"{subject} code", f"as shipped, keccak256 {code.code_hash}")
    return Check.fails(
        About.CODE,
        f"{subject} code",
        f"{code.fault}, at {shown(code.address)}, keccak256 {code.code_hash}",
        f"trust nothing at this address: it is not the {code.name} of this version of the package",
    )


def unread_check(subject: str) -> Check:
    advice = f"what {subject} says of itself counts for nothing while its code is unknown"
    return Check.warns(About.CODE, "powers", "not read", advice)


def creation_check(subject: str, fault: str | None) -> Check:
    if fault is None:
        return Check.holds(About.CODE, f"{subject} creation", "by our creation code; its events are all read")
    advice = "its events may not tell all powers; if it is older than the bridge, name its first block with --since"
    return Check.fails(About.CODE, f"{subject} creation", fault, advice)


def immutables_check(subject: str, code: Code, chain_id: int, policy: Address | None) -> Check:
    """Every immutable has a known meaning and the value that follows from it; the extension's code is read apart."""
    expected = _domain(Deployment(chain_id=chain_id, contract=code.address)) | {
        "policy": address_word(policy or ZERO_ADDRESS)
    }
    wrong = [name for name, word in code.immutables.items() if name != "extension" and expected.get(name) != word]
    if not wrong:
        domain = f"domain {NAME} {VERSION}, chain {chain_id}, this address"
        return Check.holds(About.CODE, f"{subject} immutables", f"{domain}; policy {shown(policy)}")
    advice = "signatures for this deployment mean something else, or its policy is another one: do not use it"
    return Check.fails(About.CODE, f"{subject} immutables", f"unexpected: {', '.join(wrong)}", advice)


def _domain(deployment: Deployment) -> dict[str, Hex32]:
    """OpenZeppelin's EIP712, by the names of its immutables."""
    name, version = keccak(text=NAME), keccak(text=VERSION)
    kind = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    separator = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "address"],
        [kind, name, version, deployment.chain_id, deployment.contract],
    )
    return {
        "_cachedDomainSeparator": keccak_hex(separator),
        "_cachedChainId": hex32(deployment.chain_id),
        "_cachedThis": address_word(deployment.contract),
        "_hashedName": "0x" + name.hex(),
        "_hashedVersion": "0x" + version.hex(),
        "_name": _short_text(NAME),
        "_version": _short_text(VERSION),
    }


def _short_text(text: str) -> Hex32:
    """OpenZeppelin's ShortString: the text, then its length in the last byte."""
    return "0x" + (text.encode().ljust(31, b"\0") + bytes([len(text)])).hex()
