"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Write JSON to stdout, and nothing else there.")]
Key = Annotated[str, typer.Option("--key", metavar="NAME", help="The key that acts, by name.")]
Class = Annotated[str, typer.Argument(metavar="CLASS", help="Label such as 'VERRA 1340 2020 VCU', id, or a prefix.")]
Units = Annotated[int, typer.Argument(metavar="UNITS", min=1, help="How many units; one unit is one serial.")]
Request = Annotated[str, typer.Argument(metavar="REQUEST_ID", help="The request's id, or a prefix of it.")]
Serial = Annotated[str, typer.Argument(metavar="SERIAL", help="Serials as their registry spells them.")]
Programme = Annotated[str | None, typer.Option(metavar="CODE", help="The programme, where spellings are alike.")]
Vintage = Annotated[int | None, typer.Option(help="The vintage of serials that do not state it (CERs).")]
Wait = Annotated[int, typer.Option(metavar="SECONDS", min=0, help="Go on for so long until all is done.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it to this file.")]
OutFolder = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Write the multisig's files into this folder.")
]
File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True)]
Language = Annotated[str | None, typer.Option("--lang", metavar="en|ja", help="Language; else the locale's.")]
