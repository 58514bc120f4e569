"""What the docs tell people to type exists, and what docs/deploy.md says of rights, costs and the stop is what the
code makes of it."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from chalicelib.observability import Metric
from chalicelib.store.ledgers import stop_command
from steward.cli.main import cli
from steward.packaging.away import away_template
from steward.packaging.cost import PRICED, RUNS, SERIES, quiet_month, table
from steward.packaging.deployer import deployer_actions, deployer_policy, policy_text
from steward.packaging.keeping import manifest_alias
from steward.packaging.names import Names
from steward.packaging.template import generated_resources
from steward.sandbox import place
from steward.sandbox.faults import FAULTS
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World
from tests.shipped import read_runbooks

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "deploy.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
MAKEFILE = (ROOT / "Makefile").read_text()
DEPLOY = re.search(r"^DEPLOY = .*?[^\\]$", MAKEFILE, re.MULTILINE | re.DOTALL)[0]
NAMES = Names("dev")
_INLINE = re.compile(r"`([^`\n]+)`")
_FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
IAM_MANAGED_LIMIT = 6144
NEEDS = {
    "AWS::ApiGateway::RestApi": "apigateway:POST",
    "AWS::CloudWatch::Alarm": "cloudwatch:PutMetricAlarm",
    "AWS::CloudWatch::Dashboard": "cloudwatch:PutDashboard",
    "AWS::DynamoDB::Table": "dynamodb:CreateTable",
    "AWS::Events::EventBusPolicy": "events:PutPermission",
    "AWS::Events::Rule": "events:PutRule",
    "AWS::IAM::Role": "iam:CreateRole",
    "AWS::KMS::Alias": "kms:CreateAlias",
    "AWS::KMS::Key": "kms:CreateKey",
    "AWS::Lambda::Function": "lambda:CreateFunction",
    "AWS::Lambda::Permission": "lambda:CreateFunction",
    "AWS::Logs::LogGroup": "logs:CreateLogGroup",
    "AWS::S3::Bucket": "s3:CreateBucket",
    "AWS::S3::BucketPolicy": "s3:PutBucketPolicy",
    "AWS::SNS::Subscription": "sns:CreateTopic",
    "AWS::SNS::Topic": "sns:CreateTopic",
    "AWS::SNS::TopicPolicy": "sns:CreateTopic",
    "AWS::SQS::Queue": "sqs:CreateQueue",
    "AWS::SQS::QueuePolicy": "sqs:CreateQueue",
    "AWS::SSM::Parameter": "ssm:PutParameter",
    "AWS::Scheduler::Schedule": "scheduler:CreateSchedule",
    "AWS::Scheduler::ScheduleGroup": "scheduler:CreateScheduleGroup",
    "AWS::StepFunctions::StateMachine": "states:CreateStateMachine",
}
"""The action without which CloudFormation cannot make one; what packaging adds must be added here and there."""


def commands(text: str) -> list[str]:
    """What begins with `steward` or `make`, in code."""
    blocks = [line.strip().removeprefix("$ ") for block in _FENCED.findall(text) for line in block.splitlines()]
    inline = _INLINE.findall(_FENCED.sub("", text))
    lines = [line.split("  #")[0].split(" # ")[0].split(" > ")[0].strip() for line in (*blocks, *inline)]
    lines = [re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line) for line in lines]
    return [line for line in lines if re.match(r"(steward|make) [a-z-]", line) and "|" not in line]


def said() -> list:
    return [
        pytest.param(line, id=f"{page.name}: {line[:60]}")
        for page in PAGES
        for line in sorted(set(commands(page.read_text())))
    ]


@pytest.mark.parametrize("line", said())
def test_every_command_in_the_docs_exists(line):
    words = shlex.split(re.sub(r"\[[^]]*\]", "", line).replace("…", ""))
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert words[1] in targets
        return
    command, rest = cli, words[1:]
    context = click.Context(cli, info_name="steward")
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest.pop(0))
        assert found is not None, line
        command = found
    options = {name for parameter in command.params for name in parameter.opts} | {"--help", "--version"}
    asked = [word.partition("=")[0] for word in rest if word.startswith("--")]
    assert set(asked) <= options
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    assert arguments or not [word for word in rest[:1] if not word.startswith("-")], line


def test_the_guide_was_read_for_commands_at_all():
    found = {line.split()[1] for line in commands(GUIDE.read_text()) if line.startswith("steward")}
    assert found >= {
        "doctor",
        "stacks",
        "explain",
        "decisions",
        "runs",
        "run",
        "stop",
        "resume",
        "freeze",
        "now",
        "sandbox",
    }
    assert {"make package STAGE=dev", "make setup"} <= set(commands(GUIDE.read_text()))


def test_a_command_that_does_not_exist_would_be_found():
    assert commands("`steward fly --high`\n```console\n$ steward swim\n```\n") == ["steward swim", "steward fly --high"]
    assert cli.get_command(click.Context(cli), "swim") is None


def test_runbooks_and_faults_that_the_guide_names_are_there():
    text = GUIDE.read_text()
    assert set(re.findall(r"steward run ([a-z-]+)", text)) <= set(read_runbooks())
    assert set(re.findall(r"sandbox break ([a-z-]+)", text)) <= set(FAULTS)


def test_the_plain_stop_of_the_guide_is_the_one_that_the_store_understands_s8():
    text = GUIDE.read_text()
    assert f"$ {stop_command(NAMES.table, None, 'WHY')}\n" in text
    assert f"$ {stop_command(NAMES.table, place.NAME, 'WHY')}\n" in text


def test_the_deployer_s_policy_is_the_one_in_the_guide_and_small_enough_for_iam():
    policy = deployer_policy("dev")
    assert policy_text(policy) in GUIDE.read_text()
    assert json.loads(policy_text(policy)) == policy
    assert len(json.dumps(policy, separators=(",", ":"))) < IAM_MANAGED_LIMIT


def test_the_deployer_may_make_every_kind_of_resource_that_packaging_makes():
    foreign = place.stack().model_copy(update={"stack": "foreign", "account": "210987654321"})
    made = generated_resources(NAMES, [place.stack(), foreign], read_runbooks(), copies=True)["Resources"]
    kinds = {resource["Type"] for resource in made.values() if "Type" in resource}
    assert kinds <= set(NEEDS)
    assert set(NEEDS.values()) <= set(deployer_actions("dev"))


def test_every_kind_that_can_have_tags_has_them_so_that_removing_finds_it():
    made = generated_resources(NAMES, [place.stack()], read_runbooks(), copies=True)["Resources"]
    bare = {body["Type"] for body in made.values() if "Type" in body and "Tags" not in body["Properties"]}
    assert bare == {
        "AWS::CloudWatch::Dashboard",
        "AWS::KMS::Alias",
        "AWS::Lambda::Permission",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::Scheduler::Schedule",
    }  # parts of something that has; CloudFormation takes none for them


def test_what_stays_when_the_stack_is_deleted_is_named_where_the_guide_says_how_to_remove_it():
    removal = GUIDE.read_text().partition("## Remove it without a trace")[2].partition("\n## ")[0]
    made = generated_resources(NAMES, [place.stack()], read_runbooks(), copies=True)["Resources"]
    stays = {title: body for title, body in made.items() if "DeletionPolicy" in body}
    assert set(stays) == {"Table", "ArchiveBucket", "EvidenceBucket", "ManifestKey", "ManifestKeyAlias"}
    for words in (
        f"delete-table --table-name {NAMES.table}",
        f"delete-alias --alias-name {manifest_alias(NAMES)}",
        "schedule-key-deletion --key-id KEY-ID",
        *(f"{NAMES.prefix}-{what}-ACCOUNT-REGION" for what in ("archive", "evidence")),
    ):
        assert words in removal
    # by its alias alone can anybody tell which key it is
    assert removal.index("describe-key --key-id alias/") < removal.index("delete-alias")


def test_what_is_deployed_away_keeps_nothing_when_it_is_deleted():
    away = place.stack().model_copy(update={"region": "eu-west-1"})
    assert not [one for one in away_template(away, NAMES, {})["Resources"].values() if "DeletionPolicy" in one]


def test_a_stage_is_deployed_into_the_region_that_it_was_packaged_for():
    recipe = re.search(r"^deploy: package.*?(?=^\S)", MAKEFILE, re.MULTILINE | re.DOTALL)[0]
    calls = [line for line in (recipe + DEPLOY).replace("\\\n", " ").splitlines() if "aws cloudformation" in line]
    assert len(calls) == 3
    assert all("--region $$(cat $(OUT)/region)" in line for line in calls)
    assert "--tags application=mlflow-steward stage=$(STAGE)" in DEPLOY


def test_a_table_is_protected_only_when_its_creation_can_no_longer_be_rolled_back():
    """Where there is no stack yet, a first deployment leaves the table unprotected; the one after it protects it."""
    first, second = re.findall(r"\$\(DEPLOY\) (ProtectTable=\w+)", MAKEFILE)
    assert (first, second) == ("ProtectTable=no", "ProtectTable=yes")


def test_only_what_has_no_resource_is_allowed_on_everything():
    wide = [one["Sid"] for one in deployer_policy("dev")["Statement"] if one["Resource"] == ["*"]]
    assert wide == ["NoResource"]
    elsewhere = json.dumps([one["Resource"] for one in deployer_policy("dev")["Statement"][3:12]])
    assert elsewhere.count("mlflow-steward-dev") == elsewhere.count("arn:aws:")


def test_a_quiet_month_costs_less_than_two_dollars_and_the_guide_shows_the_sum():
    lines = quiet_month(NAMES, [place.stack()])
    assert RUNS == 50
    assert sum(line.charged for line in lines) < 2
    assert all(line.charged <= line.listed for line in lines)
    text = GUIDE.read_text()
    assert "\n".join(table(lines)) in text
    assert f"{PRICED:%B %Y}" in text


def test_both_sums_are_told_and_what_a_dashboard_adds_to_them():
    def listed(**more):
        return sum(line.listed for line in quiet_month(NAMES, [place.stack()], **more))

    assert f"${listed():.1f}0 at list price" in (ROOT / "README.md").read_text()
    with_one = quiet_month(NAMES, [place.stack()], with_dashboard=True)
    (dashboard,) = [line for line in with_one if line.price.unit == "dashboards"]
    assert (dashboard.listed, dashboard.charged) == (3, 0)
    assert f"each\nfurther one ${dashboard.listed:.2f}" in GUIDE.read_text()
    assert f"`DASHBOARD=yes` the sum at list price is ${listed(with_dashboard=True):.2f}" in GUIDE.read_text()


def test_a_metric_is_counted_by_the_hours_in_which_it_is_sent():
    """What one run says is measured: `service-down`, from alarm to verdict, each series in an hour of its own."""
    with World.create(seed=2) as world:
        simulation = Simulation(world, read_runbooks())
        world.break_with("task-hangs")
        assert simulation.run_until(lambda: any(run.verdict for run in simulation.runs()), limit_s=3600)
        before = {Metric.HEARTBEAT, Metric.BACKUP_AGE, Metric.LAST_DRILL_AGE}
        said = {(metric, of) for metric, of in simulation.telemetry.counts if metric not in before}
    assert 1 < len(said) <= SERIES


def test_the_cost_follows_the_template():
    one, two = place.stack(), place.stack().model_copy(update={"stack": "b", "database": None})

    def amount(stacks, what):
        return next(line.amount for line in quiet_month(NAMES, stacks) if line.price.what == what)

    assert amount([two], "CloudWatch alarms") < amount([one, two], "CloudWatch alarms")
    unsigned = one.model_copy(update={"backup": one.backup.model_copy(update={"mac_key": None})})
    assert (amount([one], "KMS key for manifests"), amount([unsigned], "KMS key for manifests")) == (1, 0)
