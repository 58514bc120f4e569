"""What cannot work is refused before anything is made: every mistake at once, each with what to write instead."""

import re
from collections.abc import Iterator, Mapping

from chalicelib.aws.sessions import account_of
from chalicelib.catalog.deployed import stack_parameter
from chalicelib.catalog.load import is_timezone
from chalicelib.catalog.schedules import schedule_problem
from chalicelib.errors import InputError
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from steward.packaging.stack_parameters import ADVANCED

_ARN = re.compile(r"^arn:(aws|aws-cn|aws-us-gov):([a-z0-9-]+):([a-z0-9-]*):(\d{12}|):.+$")
_MANY = 300
"""Rules a bus takes; a stack has about ten."""


class CannotBePackaged(InputError):
    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("cannot be packaged:\n" + "\n".join(problems))


def refuse_what_cannot_work(stacks: Mapping[str, Stack], runbooks: Mapping[str, Runbook], *, rules: int) -> None:
    problems = [problem for stack in stacks.values() for problem in _of_stack(stack)]
    problems += [problem for runbook in runbooks.values() for problem in _of_runbook(runbook)]
    if not stacks:
        problems.append("there is no stack file: write stacks/NAME.yml, or let `steward stacks discover` write it")
    if rules > _MANY:
        problems.append(f"{rules} EventBridge rules, and a bus takes {_MANY}: package the stacks in several stages")
    if problems:
        raise CannotBePackaged(problems)


def _of_stack(stack: Stack) -> Iterator[str]:
    for place, arn, service in _arns(stack):
        if why := _wrong(arn, service, stack):
            yield f"stacks/{stack.stack}.yml: {place}: {arn}: {why}"
    if stack.backup.artifacts_schedule and (found := schedule_problem(stack.backup.artifacts_schedule)):
        yield f"stacks/{stack.stack}.yml: backup.artifactsSchedule: {found[0]}; write {found[1]}"
    size = len(stack_parameter(stack).encode())
    if size > ADVANCED:
        yield f"stacks/{stack.stack}.yml: {size} bytes, and an SSM parameter takes {ADVANCED}: say less in it"


def _arns(stack: Stack) -> Iterator[tuple[str, str, str]]:
    named = [
        ("role", stack.role, "iam"),
        ("ecs.taskRole", stack.ecs.task_role, "iam"),
        ("ecs.executionRole", stack.ecs.execution_role, "iam"),
        (
            "loadBalancer.targetGroup",
            stack.load_balancer.target_group if stack.load_balancer else None,
            "elasticloadbalancing",
        ),
        ("database.secret", stack.database.secret if stack.database else None, "secretsmanager"),
        ("mlflow.adminSecret", stack.mlflow.admin_secret, "secretsmanager"),
        ("network.function", stack.network.function if stack.network else None, "lambda"),
        *((f"topics[{at}]", topic, "sns") for at, topic in enumerate(stack.topics)),
    ]
    yield from ((place, arn, service) for place, arn, service in named if arn and arn.startswith("arn:"))


def _wrong(arn: str, service: str, stack: Stack) -> str | None:
    match = _ARN.match(arn)
    if match is None:
        return "is no ARN; one is arn:aws:SERVICE:REGION:ACCOUNT:NAME"
    if match[2] != service:
        return f"is of {match[2]}, and this is one of {service}"
    if service not in {"iam", "sns"} and match[3] != stack.region:
        return f"is of region {match[3] or 'none'}, the stack's is {stack.region}"
    if stack.account and service != "sns" and account_of(arn) != stack.account:
        return f"is of account {account_of(arn)}, the stack's is {stack.account}"
    return None


def _of_runbook(runbook: Runbook) -> Iterator[str]:
    for trigger in runbook.on:
        if trigger.schedule is None:
            continue
        if found := schedule_problem(trigger.schedule.expression):
            yield f"runbooks/{runbook.runbook}.yml: {trigger.schedule.expression}: {found[0]}; write {found[1]}"
        if not is_timezone(trigger.schedule.timezone):
            yield f"runbooks/{runbook.runbook}.yml: there is no time zone {trigger.schedule.timezone!r}"
