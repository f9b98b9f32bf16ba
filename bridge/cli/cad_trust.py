"""What CAD Trust states of a programme's units."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli.options import Json, Out


def cad_trust(
    programme: Annotated[
        str, typer.Argument(metavar="PROGRAMME", help="One that the configuration gives a cad_trust section.")
    ],
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Read a programme's units from CAD Trust as a canonical statement, with every row that names no serials.

    Ends with 1 when rows were refused.
    """
    from bridge import bootstrap, settings
    from bridge.cli.files import write_file
    from bridge.cli.screen import emit, say, table
    from bridge.registry.cad_trust.statement import read_statement

    config, code = settings.load(), programme.upper()
    client = bootstrap.cad_trust(config, code)
    place, terms = config.programmes[code].cad_trust, config.programmes[code].terms
    assert place is not None  # noqa: S101 or there were no client
    as_of = bootstrap.connect(config).final().timestamp
    found = read_statement(client, code, place, terms.kg_per_unit, as_of)
    document = {
        "head": found.head.model_dump(mode="json"),
        "rows": [row.model_dump(mode="json") for row in found.rows],
        "refused": [row.model_dump(mode="json") for row in found.refused],
    }
    if out:
        import json

        write_file(out, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    if as_json:
        emit(document)
    else:
        units, taken, refused = found.head.units, len(found.rows), len(found.refused)
        say(f"{code} in CAD Trust: {units:,} units in {taken:,} rows; {refused:,} rows refused")
        if found.refused:
            table(["row>", "reason"], [(row.line, row.reason) for row in found.refused])
    raise typer.Exit(1 if found.refused else 0)
