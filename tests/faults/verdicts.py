"""What is said of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.faults import Fault
from tests.faults.story import unfinished


@dataclass
class Verdict:
    """`stuck`: nothing came to its end any more, or a process died of a bug, as a daemon would."""

    schedule: str
    met: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: str = ""
    diverged: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.stuck or self.diverged)

    @property
    def act(self) -> str:
        return self.schedule.partition(" ")[0]

    @property
    def was_deep(self) -> bool:
        """Whether more than what was not final has been taken back."""
        return any(met.startswith(Fault.DEEP) for met in self.met)

    # ----------------------------------------------------------------- judging

    def judge(self, found: Mapping[str, Any], end: Mapping[str, Any]) -> None:
        """Holds a projection against the undisturbed one. A week that the registry was silent for has passed deadlines:
        then everything must have ended and everybody own as much."""
        self.judge_laws(found["laws"])
        expected, met = dict(end), {one.partition(" ")[0] for one in self.met}
        if Fault.WEEK in met:
            self.stuck += "; ".join(unfinished(dict(found)))
            expected = {"owned": end["owned"]}
        elif Fault.RESTORED in met and not found["reversals"]:
            del expected["reversals"]  # what has ended is told to no journal again
        self.diverged = [
            f"{name}: {found[name]} instead of {value}" for name, value in expected.items() if found[name] != value
        ]

    def judge_laws(self, laws: Sequence[str]) -> None:
        for law in laws:
            (self.doubled if law[:2] in ("L2", "L3", "L4") else self.lost).append(law)
