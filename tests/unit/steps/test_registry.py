"""The registry forgets nothing: one file, one test file, one line, and a step that declares itself."""

import json
import re
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from chalicelib.aws.plan_mode import _PREFIXES
from chalicelib.aws.resources import resource_facts
from chalicelib.aws.sessions import grouped, session_policy
from chalicelib.errors import AwsInvalid
from chalicelib.models.rights import acting_with, reads_of
from chalicelib.models.runbook import Step
from chalicelib.models.stack import Stack
from chalicelib.models.words import Risk
from chalicelib.steps.checks import CHECKS
from chalicelib.steps.registry import ACTIONS, PROBES, step_index
from chalicelib.steps.step import Params

ROOT = Path(__file__).parents[3]
STEPS = {**PROBES, **ACTIONS}
FILES = [*(ROOT / "chalicelib/steps/probes").glob("*.py"), *(ROOT / "chalicelib/steps/actions").glob("*.py")]
ROLES = {
    "taskRole": "arn:aws:iam::123456789012:role/a-role",
    "executionRole": "arn:aws:iam::123456789012:role/b-role",
}
OWN_STORE_ONLY = {"backup.record_drill", "stack.verify_changes"}
"""They need no rights of their own: one writes into Steward's own history and asks the account nothing, the other
has the actions look that made the Changes, each with its own rights."""
KEY = "arn:aws:kms:ap-southeast-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FULL = Stack.model_validate(
    {
        "stack": "a-rather-long-name-for-a-stack-of-mlflow",
        "region": "ap-southeast-2",
        "ecs": {
            "cluster": "a-rather-long-name-for-a-cluster-of-mlflow",
            "service": "a-rather-long-name-for-a-service",
            **ROLES,
        },
        "loadBalancer": {"targetGroup": "a-target-group-with-a-long-name"},
        "database": {
            "instance": "a-rather-long-name-for-a-database",
            "cluster": "a-rather-long-name-for-a-cluster",
            "secret": "mlflow/database",
        },
        "logs": {"group": "/ecs/a-rather-long-name-for-a-group"},
        "ldap": {"url": "ldaps://ldap.example.com", "baseDn": "dc=example,dc=com", "bindSecret": "mlflow/ldap"},
        "artifacts": {
            "bucket": "a-rather-long-name-for-a-bucket-of-artifacts",
            "backupBucket": "a-rather-long-name-for-a-bucket-of-backups",
            "kmsKey": KEY,
            "backupKmsKey": KEY.replace("southeast-2", "southeast-1"),
            "backupRegion": "ap-southeast-1",
            "backupAccount": "210987654321",
            "secret": "mlflow/minio",
        },
        "mlflow": {"auth": "basic", "adminSecret": "mlflow/admin"},
        "backup": {
            "macKey": "alias/manifests",
            "offsite": {
                "region": "ap-southeast-1",
                "kmsKey": "alias/a-key-of-the-other-region",
            },
        },
    }
)


OFFSITE = FULL.backup.offsite.model_copy(update={"account": "999999999999"})
KEYED = tuple(
    FULL.model_copy(
        update={
            "database": FULL.database.model_copy(update={one: None, "kms_key": KEY}),
            "backup": FULL.backup.model_copy(update={"offsite": OFFSITE}),
        }
    )
    for one in ("instance", "cluster")
)


def test_a_copy_is_shared_of_an_instance_or_of_a_cluster_and_not_of_both():
    both = FULL.model_dump(by_alias=True, mode="json")
    both["backup"]["offsite"]["account"] = "999999999999"
    with pytest.raises(ValidationError, match="name the one that is backed up"):
        Stack.model_validate(both)
    both["database"]["instance"] = None
    assert Stack.model_validate(both).backup.offsite.account == "999999999999"


@pytest.mark.parametrize("path", [path for path in FILES if path.stem != "__init__"], ids=lambda path: path.stem)
def test_every_file_is_registered_under_its_own_name_and_has_one_test_file(path):
    names = {name.replace(".", "_") for name in (PROBES if path.parent.name == "probes" else ACTIONS)}
    assert path.stem in names
    assert [test.name for test in (ROOT / "tests").rglob(f"test_{path.stem}.py")] == [f"test_{path.stem}.py"]


@pytest.mark.parametrize(("name", "step"), STEPS.items(), ids=STEPS)
def test_a_step_declares_itself(name, step):
    assert step.name == name
    assert re.fullmatch(r"[a-z][a-z0-9]*\.[a-z]+(_[a-z]+)*", name)
    assert type(step).__module__.endswith(name.replace(".", "_"))
    assert step.permissions or name in OWN_STORE_ONLY
    assert issubclass(step.Params, Params)
    assert step.Params.model_config["extra"] == "forbid"
    assert step.Output.model_config["extra"] == "forbid"


@pytest.mark.parametrize(("name", "step"), STEPS.items(), ids=STEPS)
def test_the_example_in_the_docstring_loads_and_fits_the_step(name, step):
    (example,) = re.findall(r"```yaml\n(.*?)```", step.__doc__ or "", re.DOTALL)
    (written,) = TypeAdapter(list[Step]).validate_python(yaml.safe_load(example))
    assert written.do == name
    step.Params.model_validate(written.with_)


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_holds_no_right_to_change_anything(name):
    verbs = [permission.action.partition(":")[2] for permission in PROBES[name].permissions]
    # VerifyMac tells whether a MAC is right, Decrypt is what S3 asks for with whoever reads; neither changes anything
    assert all(verb.startswith(_PREFIXES) or verb in {"Decrypt", "VerifyMac"} for verb in verbs)


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_says_how_risky_it_is(name):
    assert ACTIONS[name].risk is not Risk.NONE
    assert isinstance(ACTIONS[name].reversible, bool)


@pytest.mark.parametrize("name", [name for name, probe in PROBES.items()])
def test_a_probe_can_be_read_without_parameters_so_that_checks_can_use_it(name):
    PROBES[name].Params()


def test_every_check_names_a_registered_probe():
    assert {check.probe for check in CHECKS.values()} <= set(PROBES)
    assert all(name == check.name for name, check in CHECKS.items())


@pytest.mark.parametrize(("name", "step"), STEPS.items(), ids=STEPS)
def test_s21_the_step_s_rights_fit_into_a_session_policy(name, step):
    if getattr(step, "parts", ()) or name in OWN_STORE_ONLY:
        return  # its parts' rights, each in a session of its own: below
    sessions = [reads_of(step.permissions), acting_with(step.permissions)]  # to plan with, and to act with
    policies = [
        json.loads(session_policy(stack, "123456789012", rights))
        for stack in (FULL, *KEYED)
        for rights in sessions
        if rights
    ]
    allowed = {action for policy in policies for statement in policy["Statement"] for action in statement["Action"]}
    assert allowed == {permission.action for permission in step.permissions}


@pytest.mark.parametrize("name", [name for name, probe in PROBES.items() if probe.parts])
def test_s21_a_probe_that_asks_others_declares_their_rights_and_every_one_of_its_sessions_fits(name):
    probe = PROBES[name]
    parts = {part.name: part.permissions for part in probe.parts}
    groups = grouped(FULL, "123456789012", parts)
    assert sorted(part for group in groups for part in group) == sorted(parts)
    allowed = set()
    for group in groups:
        wanted = [permission for part in group for permission in parts[part]]
        policy = session_policy(FULL, "123456789012", wanted)  # longer than 2,048 characters it would raise
        allowed |= {action for statement in json.loads(policy)["Statement"] for action in statement["Action"]}
    declared = {permission.action for permission in probe.permissions}
    assert allowed == declared == {permission.action for part in parts.values() for permission in part}
    with pytest.raises(AwsInvalid):
        session_policy(FULL, "123456789012", probe.permissions)


@pytest.mark.parametrize(("name", "step"), STEPS.items(), ids=STEPS)
def test_s21_a_right_to_change_names_its_resource(name, step):
    fields = set(resource_facts(FULL, "123456789012"))
    for permission in step.permissions:
        assert set(re.findall(r"\{(\w+)\}", permission.resource)) <= fields
        if not permission.action.partition(":")[2].startswith(_PREFIXES):
            named = {"{cluster}", "{bucket}", "{task_role}", "{execution_role}", ":task-definition/"}
            named |= {":scalable-target/"}  # its id is random; the condition narrows it to ECS services
            named |= {"{database}", "{database_cluster}", "{database_secret}", "{offsite_key}"}
            named |= {"{backup_bucket}", "{mac_key}", "{artifacts_key}", "{backup_key}", "{database_key}"}
            tagged = "steward:stack" in json.dumps(permission.condition)  # S16: what carries, or gets, Steward's tag
            has_none = permission.action == "ecs:DeregisterTaskDefinition"  # AWS knows no resource for it
            assert has_none or tagged or any(name in permission.resource for name in named)
        assert permission.why


def test_the_index_holds_every_step_and_check_and_the_control_steps_given():
    control = {"wait_until": step_index({}).steps["ecs.describe_service"].model_copy(update={"name": "wait_until"})}
    index = step_index(control)
    assert set(index.steps) == {*PROBES, *ACTIONS, "wait_until"}
    assert set(index.checks) == set(CHECKS)
    restart = index.steps["ecs.restart_tasks"]
    assert (restart.kind, restart.risk, restart.reversible) == ("action", Risk.MEDIUM, False)
    assert "which" in restart.params["properties"]
    assert "unhealthy" in index.steps["ecs.describe_service"].output["properties"]
    assert "onlyFailed" in index.steps["ecs.roll_back_deployment"].params["properties"]
    assert all(entry.summary for entry in index.steps.values())


def test_the_rooms_of_probes_and_actions_do_not_mix():
    assert not set(PROBES) & set(ACTIONS)
