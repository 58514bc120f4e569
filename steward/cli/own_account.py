"""The account that the caller's own AWS credentials are for. What is asked of it only reads."""

from typing import Any

from chalicelib.errors import InputError
from steward.cli.desk import let_it_show, open_desk

Json = dict[str, Any]


def look_around(where: str, cluster: str | None) -> Json:
    """The MLflow deployments there."""
    if where.partition(":")[0] == "aws":
        import boto3

        from steward.discovery.look import discover

        session = boto3.Session()
        if session.region_name is None:
            raise InputError("--on aws: say which region: set AWS_REGION, or a region in the AWS profile")
        return discover(session, session.region_name, cluster)
    return _ask_sandbox(where, "discover", cluster=cluster)


def examine(where: str, stacks_dir: str | None) -> Json:
    """`steward doctor`: what is missing to ask at all is a finding too, and no error."""
    kind, _, stage = where.partition(":")
    if kind == "aws":
        import boto3

        from steward.doctor.examine import examine_account

        session = boto3.Session()
        return examine_account(session, session.region_name, stage or None, stacks_dir)
    return _ask_sandbox(where, "doctor")


def _ask_sandbox(where: str, operation: str, **arguments: Any) -> Json:
    if where.startswith(("http://", "https://")):
        raise InputError(f"--on {where}: a stage does not look around in its account; write --on aws")
    with open_desk(where, shown=let_it_show) as desk:
        return desk.ask(operation, **arguments)
