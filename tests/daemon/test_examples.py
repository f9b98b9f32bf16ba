"""The dashboard and the alerts ask for measures that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bridge.daemon.health import Health
from bridge.daemon.measures import Measures
from bridge.daemon.watching import Figures

OPERATE = Path(__file__).resolve().parents[2] / "scripts" / "operate"


def test_every_measure_that_the_examples_ask_for_is_there() -> None:
    registries = (Measures(Health()).registry, Figures(Health()).registry)
    known = {name for registry in registries for name in registry._names_to_collectors}
    text = (OPERATE / "grafana.json").read_text() + (OPERATE / "alerts.yml").read_text()
    asked = set(re.findall(r"carbonbridge_[a-z_]+", text))
    assert len(asked) > 9
    assert asked <= known


def test_the_dashboard_is_json_with_a_panel_each() -> None:
    panels = json.loads((OPERATE / "grafana.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(target["expr"] for panel in panels for target in panel["targets"])
