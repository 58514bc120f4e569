"""steward package: builds what is deployed."""

from pathlib import Path
from typing import Any

import click

from steward.cli.answers import answer, json_option
from steward.cli.folders import PROJECT, read_runbooks, read_stacks

Json = dict[str, Any]


@click.command()
@click.option("--stage", default="dev", show_default=True, help="One of those in .chalice/config.json.")
@click.option("--out", required=True, metavar="DIR", help="Where template and zip go; an earlier package is replaced.")
@click.option("--stacks", metavar="DIR", help="Where the stack files are. [default: stacks/]")
@click.option("--runbooks", metavar="DIR", help="Where the runbooks are. [default: runbooks/]")
@json_option
def package(stage: str, out: str, stacks: str | None, runbooks: str | None, as_json: bool) -> None:
    """Build what is deployed: a CloudFormation template and one zip, from stacks, runbooks and the code."""
    from steward.packaging.package import package as build

    done = build(PROJECT, stage, Path(out), read_stacks(stacks), read_runbooks(runbooks))
    answer(done.as_json(), as_json, _told)


def _told(said: Json) -> list[str]:
    return [
        f"stage {said['stage']}: {said['resources']} resources for {', '.join(said['stacks'])}",
        f"{said['template']}",
        f"{said['zip']} ({said['zip_bytes'] / 1e6:.1f} MB)",
        *(f"note: {note}" for note in said["notes"]),
        f"to deploy it: make deploy STAGE={said['stage']} BUCKET=a-bucket-of-yours",
    ]
