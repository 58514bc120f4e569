"""steward generate: writes what is made from the code, or says what has drifted from it."""

from typing import Any

import click

from steward.cli.answers import answer, json_option
from steward.cli.folders import PROJECT

Json = dict[str, Any]


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail where a file is not what it should be.")
@json_option
def generate(check: bool, as_json: bool) -> int:
    """Write the state machine, the JSON Schemas and the reference from the code's own declarations."""
    from chalicelib.wiring import step_index
    from steward.packaging.generated import drifted, generated, write

    files = generated(step_index())
    stale = drifted(PROJECT, files) if check else write(PROJECT, files)
    said = {"files": list(files), "drifted" if check else "written": stale}
    verb = "is not what the code says; run `steward generate`" if check else "written"
    answer(
        said, as_json, lambda _: [f"{name}: {verb}" for name in stale] or [f"{len(files)} files are as they should be"]
    )
    return 1 if check and stale else 0
