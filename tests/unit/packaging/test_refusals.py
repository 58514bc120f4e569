"""What cannot work is refused before anything is built, all of it at once, each with file, field and remedy."""

import json
import re

import pytest

from chalicelib.catalog.load import load_runbook
from chalicelib.errors import InputError
from chalicelib.models.stack import Stack
from steward.cli.folders import PROJECT
from steward.packaging.home import home_region
from steward.packaging.package import package, refuse_a_folder_of_others
from steward.packaging.refusals import CannotBePackaged, of_the_bus, refuse_what_cannot_work
from steward.packaging.refused_sizes import pattern_length
from steward.packaging.refused_stage import wrong_stage
from steward.packaging.workshop import stage_of
from steward.sandbox import place
from tests.shipped import read_runbooks

HOME = place.REGION
NETWORK = {"subnets": ["subnet-0a1b2c3d4e5f60001"], "securityGroups": ["sg-0a1b2c3d4e5f60000"]}
RUNBOOK = """
runbook: nightly
title: Looks every night
on:
  - schedule: {expression: "cron(0 2 * * *)"}
steps: [{id: look, do: ecs.describe_service}]
"""


def document(**over):
    """`over` by field, parts of the file laid over the parts that are there."""
    known = place.STACK_DOCUMENT
    return {**known, **{k: {**known[k], **v} if isinstance(known.get(k), dict) else v for k, v in over.items()}}


def problems(*documents, runbooks=None):
    stacks = {each["stack"]: Stack.model_validate(each) for each in documents}
    try:
        refuse_what_cannot_work(stacks, runbooks or {}, rules=1, home=HOME)
    except CannotBePackaged as refused:
        return refused.problems
    return []


def secret(account=place.ACCOUNT, region=place.REGION):
    return f"arn:aws:secretsmanager:{region}:{account}:secret:a-abcdef"


def test_the_shipped_stack_with_the_shipped_runbooks_is_not_refused():
    assert problems(document(), runbooks=read_runbooks()) == []


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"topics": ["ops-topic"]}, r"topics\[0\]: ops-topic: is no ARN"),
        ({"topics": ["arn:aws:sqs:eu-west-2:123456789012:alerts"]}, "is of sqs"),
        ({"topics": ["arn:aws:sns:us-east-1:123456789012:alerts"]}, "list one of Steward's region, eu-west-2"),
        ({"role": "arm:aws:iam::1:role/x"}, "role: .* is no ARN"),
        ({"role": "arn:aws:iam::12:role/x"}, "role: .* is no ARN"),
        ({"account": "123456789012", "role": "arn:aws:iam::999999999999:role/x"}, "is of account 999999999999"),
        ({"ecs": {"taskRole": "arn:aws-cn:iam::123456789012:role/x"}}, "ecs.taskRole: .* is of partition aws-cn"),
        ({"ecs": {"taskRole": "arn:aws:iam::111111111111:role/x"}}, "names things of several accounts"),
        ({"database": {"secret": secret(region="us-east-1")}}, "database.secret: .* is of region us-east-1"),
        ({"mlflow": {"adminSecret": secret(account="9" * 12)}}, "mlflow.adminSecret of 999999999999"),
        ({"artifacts": {"secret": "arn:aws:s3:::foo"}}, "artifacts.secret: .*is of s3"),
        (
            {"ldap": {"url": "ldaps://l.example.com", "baseDn": "dc=x", "bindSecret": secret(region="us-east-1")}},
            "ldap.bindSecret: .* is of region us-east-1",
        ),
        (
            {"backup": {"offsite": {"region": "eu-west-1", "kmsKey": "arn:aws:kms:us-east-1:123456789012:key/x"}}},
            "offsite.kmsKey: .* is of region us-east-1, and it is used in eu-west-1",
        ),
        ({"database": {"instance": None}}, "database: needs either"),
        ({"database": {"cluster": "aurora-1"}}, "database: .* and not both"),
        ({"url": "http://127.0.0.1:5000"}, "url: .*loopback.*S25"),
        ({"url": "http://169.254.170.2/v2/credentials"}, "url: .*link-local.*S25"),
        ({"url": "http://[fd00:ec2::254]/"}, "url: .*metadata.*S25"),
        ({"url": "https://LOCALHOST./"}, "url: .*the machine itself"),
        ({"urlHosts": ["::1", "localhost"]}, r"urlHosts\[1\]: localhost"),
        ({"artifacts": {"endpoint": "http://127.0.0.1:9000", "secret": "s"}}, "artifacts.endpoint: .*loopback"),
        ({"account": "210987654321", "network": NETWORK}, "network: .* give its ARN as network.function"),
        ({"region": "eu-west-1", "network": {**NETWORK, "function": "by-name"}}, "network: .* only where Steward"),
        ({"alarms": [f"a-very-long-name-of-an-alarm-{n:03}-*" for n in range(50)]}, "rule `alarms` has .* 2048"),
        ({"account": "210987654321"}, "backup.macKey: alias/mlflow-steward-manifests .* by its ARN"),
        ({"region": "eu-west-1"}, "backup.macKey: .* name an HMAC key of eu-west-1"),
        ({"backup": {"artifactsSchedule": "cron(0 2 * *)"}}, "backup.artifactsSchedule: a cron expression"),
    ],
)
def test_a_stack_file_that_cannot_work_is_refused_with_file_and_field(over, why):
    assert any(_fits(why, one) for one in problems(document(**over))), problems(document(**over))


def _fits(why, problem):
    return problem.startswith("stacks/fraud-scoring-mlflow.yml: ") and re.search(why, problem, re.DOTALL)


@pytest.mark.parametrize(
    "over",
    [
        {"role": "by-its-name"},
        {"topics": ["arn:aws:sns:eu-west-2:999999999999:of-another-account"]},
        {"region": "eu-west-2", "network": NETWORK},
        {"url": "https://10.0.4.7/"},
        {"account": "210987654321", "ecs": {"taskRole": None, "executionRole": None},
         "backup": {"macKey": "alias/of-their-own"}},
        {"account": "210987654321", "ecs": {"taskRole": None, "executionRole": None},
         "backup": {"macKey": "arn:aws:kms:eu-west-2:999999999999:key/of-a-third-account"}},
        {"account": "210987654321", "ecs": {"taskRole": None, "executionRole": None}, "backup": {"macKey": None},
         "network": {**NETWORK, "function": "arn:aws:lambda:eu-west-2:210987654321:function:f"}},
    ],
)  # fmt: skip
def test_what_can_work_is_not_refused(over):
    assert problems(document(**over)) == []


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("mlflow-1", "mlflow1", "StackMlflow1"),
        ("mlflow", "mlflow-act-role", "StackMlflowActRole"),
    ],
)
def test_two_stacks_that_would_have_one_name_in_the_template_are_refused(one, other, said):
    found = problems(document(stack=one), document(stack=other))
    assert any(said in each and f"stacks/{one}.yml" in each and f"stacks/{other}.yml" in each for each in found), found


def test_two_schedules_that_would_have_one_name_are_refused():
    good = RUNBOOK.replace("* * *)", "* * ? *)")
    runbooks = {
        name: load_runbook(good.replace("runbook: nightly", f"runbook: {name}"), f"{name}.yml")
        for name in ("look", "look-a")
    }
    found = problems(document(stack="a-b"), document(stack="b"), runbooks=runbooks)
    assert any("schedule look-a-b" in each or "ScheduleLookAB" in each for each in found), found


def test_stacks_of_our_own_account_are_all_in_the_same_one():
    theirs = document(
        stack="other",
        ecs={"taskRole": "arn:aws:iam::999999999999:role/x", "executionRole": None},
        backup={"macKey": None},
    )
    (found,) = problems(document(), theirs)
    assert "other is in 999999999999: say the `account`" in found


def test_a_session_policy_that_sts_would_refuse_is_refused_here_s21():
    long = "l" * 240
    found = problems(document(ecs={"cluster": long, "service": long}), runbooks=read_runbooks())
    assert any("PackedPolicyTooLarge" in each or "characters" in each for each in found), found


def test_a_pattern_is_measured_as_eventbridge_gets_it():
    filled = {"account": [{"Ref": "AWS::AccountId"}], "resources": [{"Fn::Sub": "arn:aws:x:${AWS::AccountId}"}]}
    plain = {"account": ["123456789012"], "resources": ["arn:aws:x:123456789012"]}
    assert pattern_length(filled) == len(json.dumps(plain, separators=(",", ":")))


def test_every_mistake_is_told_at_once_and_a_bad_schedule_is_one():
    with pytest.raises(CannotBePackaged) as refused:
        refuse_what_cannot_work({}, {"nightly": load_runbook(RUNBOOK, "nightly.yml")}, rules=0, home="")
    assert len(refused.value.problems) == 2
    assert "runbooks/nightly.yml" in str(refused.value)


def test_where_steward_stands_is_where_the_stacks_of_its_own_account_do_or_what_the_stage_says():
    here, there = (
        Stack.model_validate(document(stack=f"s-{n}", region=r)) for n, r in enumerate(("eu-west-2", "eu-west-1"))
    )
    foreign = there.model_copy(update={"account": "210987654321"})
    assert home_region({}, [here, foreign]) == "eu-west-2"
    assert home_region({}, [foreign]) == "eu-west-1"
    assert home_region({"region": "eu-west-1"}, [here, there]) == "eu-west-1"
    with pytest.raises(InputError, match="eu-west-1, eu-west-2: say which is Steward's"):
        home_region({}, [here, there])
    with pytest.raises(InputError, match="is no region"):
        home_region({"region": "Ireland"}, [here])


def test_a_folder_with_somebody_s_files_in_it_is_not_emptied(tmp_path):
    """`--out .` would have removed the checkout."""
    (tmp_path / "sam.json").write_text("{}")
    (tmp_path / "away-churn-1.json").write_text("{}")
    refuse_a_folder_of_others(tmp_path)  # of an earlier package
    refuse_a_folder_of_others(tmp_path / "new")
    (tmp_path / "thesis.tex").write_text("kept")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        refuse_a_folder_of_others(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        refuse_a_folder_of_others(tmp_path / "thesis.tex")
    with pytest.raises(InputError, match="has other things in it"):
        package(PROJECT, "dev", PROJECT, {}, {})
    assert (PROJECT / "app.py").is_file()


@pytest.mark.parametrize("stage", ["dev-eu", "Dev", "1st", "a_b", ""])
def test_a_stage_is_named_so_that_no_other_one_s_rights_begin_with_its_name_s21(stage):
    (found,) = wrong_stage(stage, {"api_gateway_stage": stage}, HOME)
    assert "small letters and digits" in found


def test_the_guide_s_eleven_letters_fit_the_longest_region_s_name():
    assert not list(wrong_stage("s" * 11, {"api_gateway_stage": "s" * 11}, "ap-southeast-2"))
    assert "at most eleven small letters and digits" in (PROJECT / "docs" / "deploy.md").read_text()


@pytest.mark.parametrize("region", ["eu-west-2", "ap-southeast-2", "us-gov-west-1"])
def test_a_stage_is_as_long_as_the_names_in_its_region_leave_room(region):
    """Buckets: 63 with account and region, found by CloudFormation only while it deploys."""
    fits = [n for n in range(1, 65) if not list(wrong_stage("s" * n, {"api_gateway_stage": "s" * n}, region))]
    longest = fits[-1]
    bucket = f"mlflow-steward-{'s' * longest}-evidence-{'0' * 12}-{region}"
    assert fits == list(range(1, longest + 1))
    assert len(bucket) == 63
    (found,) = wrong_stage("s" * 40, {"api_gateway_stage": "s" * 40}, region)
    assert f"at most {longest}" in found


def test_the_api_s_address_has_the_stage_in_it_and_so_has_chalice_s_own_word_for_it():
    """Chalice calls it `api` where nobody says it, and `--on aws:STAGE` would ask where nobody answers."""
    (found,) = wrong_stage("prod", {}, HOME)
    assert 'write "api_gateway_stage": "prod"' in found
    for stage in ("dev", "prod"):
        assert not list(wrong_stage(stage, stage_of(PROJECT, stage), HOME))


def test_more_rules_with_wildcards_than_a_bus_takes_are_refused():
    def of(count, glob):
        return [document(stack=f"s{n}", alarms=[glob]) for n in range(count)]

    assert not [one for one in problems(*of(31, "a-*")) if "wildcards" in one]
    assert not [one for one in problems(*of(30, "*-a")) if "wildcards" in one]
    assert [one for one in problems(*of(31, "*-a")) if one.startswith("31 EventBridge rules with wildcards")]


@pytest.mark.parametrize(("home", "most"), [("eu-west-2", 300), ("af-south-1", 100), ("eu-south-1", 100)])
def test_more_rules_than_a_bus_takes_in_that_region_are_refused(home, most):
    stacks = {"one": Stack.model_validate(document(stack="one", region=home))}
    for rules, refused in ((most, False), (most + 1, True)):
        found = [one for one in of_the_bus(stacks, rules, home) if f"a bus takes {most}" in one]
        assert bool(found) is refused
