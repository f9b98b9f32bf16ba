"""Run slither over contracts/src and hold its high and medium findings against contracts/slither.toml."""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

Finding = tuple[str, str]


def main() -> int:
    environment = os.environ | {"FOUNDRY_PROFILE": "slither"}
    # Anew each time: a build left over holds sources that are gone.
    subprocess.run(["forge", "build", "--build-info", "--force", "--quiet"], env=environment, check=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = ["slither", ".", "--foundry-ignore-compile", "--foundry-out-directory=out/slither"]
        command += ["--filter-paths=node_modules", "--fail-none", f"--json={report}"]
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        results = json.loads(report.read_text()) if report.exists() else {"success": False}
    if not results["success"]:
        print(said.stderr, file=sys.stderr)
        return 1
    findings = results["results"].get("detectors", [])
    counts = Counter(finding["impact"] for finding in findings)
    print(", ".join(f"{impact.lower()} {counts[impact]}" for impact in ("High", "Medium", "Low", "Informational")))

    severe = {_key(finding): finding for finding in findings if finding["impact"] in {"High", "Medium"}}
    table = tomllib.loads(Path("slither.toml").read_text())
    explained = {(detector, place): why for detector, places in table.items() for place, why in places.items()}
    for key in sorted(severe.keys() - explained.keys()):
        print(f"unexplained {severe[key]['impact'].lower()} {' in '.join(key)}: {severe[key]['description'].strip()}")
    for key in sorted(explained.keys() - severe.keys()):
        print(f"explained, but found no more: {' in '.join(key)}")
    empty = sorted(key for key, why in explained.items() if not why.strip())
    for key in empty:
        print(f"explained with nothing: {' in '.join(key)}")
    return 1 if severe.keys() ^ explained.keys() or empty else 0


def _key(finding: dict[str, Any]) -> Finding:
    """The detector and the place: contract and function, and the variable if it is about one."""
    element = finding["elements"][0]
    names = [element["name"]]
    while (element := element.get("type_specific_fields", {}).get("parent", {})).get("type") in {
        "contract",
        "function",
    }:
        names.insert(0, element["name"])
    return finding["check"], ".".join(names)


if __name__ == "__main__":
    sys.exit(main())
