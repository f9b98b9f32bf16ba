"""Another bridge's published tables, read as claims: what it minted, burned and retired, and what is open there."""

from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bridge.domain.quantity import Kilograms, tonnes
from bridge.domain.serials import SerialRange, subtract, total_units
from bridge.reconcile.evidence import Claim, ClaimState, Evidence
from bridge.reconcile.reconcile import reconcile
from bridge.reconcile.stellarcarbon import read_stellarcarbon
from bridge.registry.statements.verra import parse_serial


def main() -> int:
    files = read_stellarcarbon(Path(os.environ["CARBONBRIDGE_DATA"]) / "stellarcarbon")
    claims = [claim for file in files.values() for claim in file.claims]
    links = [link for file in files.values() for link in file.links]
    rejected = sum(len(file.rejected) for file in files.values())
    by_state = {state: [c for c in claims if c.state is state] for state in ClaimState}
    console = Console(width=100)
    table = Table("claims", "number", "kilograms", "tonnes", box=None)
    for state, found in by_state.items():
        mass = Kilograms(sum(c.kg for c in found))
        table.add_row(state.value, str(len(found)), f"{mass:,}", str(tonnes(mass)))
    console.print(table)

    blocks = [c.range for c in by_state[ClaimState.MINTED] if c.range]
    retired = [c.range for c in by_state[ClaimState.RETIRED] if c.range]
    outside = total_units(bare for r in retired for bare in subtract(r, blocks))
    console.print(
        f"{len(blocks)} of {len(by_state[ClaimState.MINTED])} minted blocks recognised, {rejected} lines rejected"
    )
    console.print(f"{total_units(retired) - outside} of {total_units(retired)} retired serials lie in a minted block")

    result = reconcile(Evidence(claims=claims, links=links))
    console.print(f"{len(result.findings)} findings, {'no break' if result.clean else 'BREAKS'}:")
    for finding in result.findings:
        console.print(f"  {finding.severity}: {finding.title}: {finding.subject}, {finding.kg} kg", soft_wrap=True)
    collided = [_collides(claims, serial) for serial in (_as_ver(blocks[2]), _as_mer(blocks[2]))]
    console.print(f"a VER row planted on a MER block's numbers collides: {'yes' if collided[0] else 'no'}")
    console.print(f"the same MER numbers, claimed once more, collide: {'yes' if collided[1] else 'no'}")
    figures = {
        "blocks": len(blocks),
        "burns": len(by_state[ClaimState.BURNED]),
        "retired_inside": total_units(retired) - outside,
        "open_kg": sum(int(f.kg or Decimal(0)) for f in result.findings),
        "breaks": 0 if result.clean else 1,
        "mer_ver_collisions": int(collided[0]),
    }
    print(json.dumps({"name": "stellarcarbon", **figures}))
    return 0 if result.clean and not rejected and not collided[0] and collided[1] else 1


def _as_ver(block: SerialRange) -> SerialRange:
    text = f"9999-{block.first}-{block.last}-VCS-VCU-042-VER-PE-14-1360-01072013-30062014-1"
    return parse_serial(text).range


def _as_mer(block: SerialRange) -> SerialRange:
    return parse_serial(f"8040-{block.first}-{block.last}-VCU-042-MER-PE-14-1360-01072013-30062014-1").range


def _collides(claims: list[Claim], planted: SerialRange) -> bool:
    """Whether a third bridge that claims these serials is reported."""
    claim = Claim(source="third bridge", claim_id="1", range=planted, kg=planted.units * 1000, state=ClaimState.MINTED)
    return not reconcile(Evidence(claims=[*claims, claim])).clean


if __name__ == "__main__":
    sys.exit(main())
