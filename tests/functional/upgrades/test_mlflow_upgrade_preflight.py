"""What an upgrade would meet is said before anything is changed."""

from dataclasses import replace

import pytest

from chalicelib.aws.ecs_shapes import ContainerDefinition
from chalicelib.errors import StepRefused
from chalicelib.net.database_login import NoDatabases
from chalicelib.steps.probes.mlflow_upgrade_preflight import UpgradePreflight
from chalicelib.steps.upgrade_preflight import settings
from steward.sandbox.fault import roll_out
from steward.sandbox.task_definitions import definition_of, install_and_serve

PROBE = UpgradePreflight()


def test_it_says_both_versions_both_schemas_and_that_a_migration_lies_between(older):
    found = older.read(PROBE, version="3.17.2")
    assert (found.version_now, found.version_wanted) == ("3.13.0", "3.17.2")
    assert (found.schema_now, found.schema_wanted, found.migration) == ("da6fb0208061", "dc11669786a5", "migration")
    assert found.needed
    assert found.other_version
    assert found.installs_at_start
    assert found.wrong == found.unseen == ()


def test_without_parameters_it_asks_about_the_version_that_runs(site):
    found = site.read(PROBE)
    assert (found.version_wanted, found.migration, found.needed) == ("3.17.2", "nothing", False)


def test_s3_a_database_out_of_reach_is_unknown_and_no_reason_to_refuse(older):
    found = PROBE.read(older.ctx(databases=NoDatabases()), PROBE.Params(version="3.17.2"))
    assert (found.schema_now, found.migration, found.needed) == (None, "unknown", True)
    assert "not reachable from here" in found.unseen[0]
    assert not found.wrong


def test_a_release_that_nobody_has_looked_into_is_named(older):
    found = older.read(PROBE, version="3.18.0")
    assert found.migration == "unknown"
    assert any("nobody here knows the schema of MLflow 3.18.0" in one for one in found.unseen)
    assert any("mlflow-skinny was missing" in one for one in found.unseen)


@pytest.mark.parametrize(
    ("version", "lacks", "why"),
    [
        ("3.13.0", "secret_key", "does not start without MLFLOW_FLASK_SERVER_SECRET_KEY"),
        ("3.4.0", "hosts", "refuses fraud-scoring-mlflow-alb.example.com with 403"),
        ("3.13.0", "driver", "takes the driver psycopg2"),
    ],
)
def test_s20_what_newer_versions_demand_is_asked_for_and_never_switched_off(site, version, lacks, why):
    site.world.break_with("older-mlflow", version=version, lacks=lacks)
    found = site.read(PROBE, version="3.17.2")
    assert any(why in one for one in found.wrong)
    assert not any("*" in one for one in found.wrong)
    with pytest.raises(StepRefused, match=why):
        site.read(PROBE, version="3.17.2", mustPass=True)


HOSTS = "MLFLOW_SERVER_ALLOWED_HOSTS"
PLAIN, ODD = "https://mlflow.example.com", "http://mlflow.example.com:5000"


@pytest.mark.parametrize(
    ("url", "flag", "variable", "fits"),
    [
        (PLAIN, "", "mlflow.example.com", True),
        ("https://mlflow.example.com:443", "", "a.example.com, mlflow.example.com", True),
        ("http://mlflow.example.com:443", "", "mlflow.example.com", False),
        (ODD, "", "mlflow.example.com", False),  # the whole Host header is compared, its port too
        (ODD, "", "mlflow.example.com:5000", True),
        (ODD, "", "mlflow.example.com:*", True),
        (PLAIN, "", "*.example.com", True),
        (PLAIN, "", "mlflow.example.co[m]", False),  # a pattern only where there is a * in it
        (PLAIN, "", "", False),
        (PLAIN, " --allowed-hosts other.example.com", "", False),
        (PLAIN, " --allowed-hosts=other.example.com", "mlflow.example.com", False),  # the flag goes before it
        (PLAIN, " --allowed-hosts 'a.example.com,mlflow.example.com' --port 5000", "", True),
        (PLAIN, ' --allowed-hosts="*"', "", True),
        (PLAIN, " --allowed-hosts $HOSTS", "", True),  # what a shell makes of it is not seen from here
    ],
)
def test_whose_host_header_is_let_in_is_judged_by_mlflow_s_own_rule_s20(site, url, flag, variable, fits):
    stack = site.world.stack().model_copy(update={"url": url})
    line = f"mlflow server --host 0.0.0.0{flag}"
    container = ContainerDefinition("mlflow", "i", ("-c", line), ("sh",), {HOSTS: variable}, {}, {})
    found = [one for one in settings(stack, container, "3.17.2") if "403" in one]
    assert (found == []) is fits
    assert not any("*" in one for one in found)


def test_what_a_later_step_would_refuse_is_said_here(older):
    older.world.service.settings.minimum_percent = 50
    older.world.rds.trouble.quota_full = True
    wrong = older.read(PROBE, version="3.17.2").wrong
    assert any("S9" in one for one in wrong)
    assert any("SnapshotQuotaExceeded" in one for one in wrong)


def test_s6_a_deployment_in_progress_is_not_deployed_over(older):
    roll_out(older.world, definition_of(install_and_serve("3.13.0") + " --dev"), "stop")
    assert "a deployment is in progress" in older.read(PROBE, version="3.17.2").wrong


def test_s10_a_newer_schema_or_an_older_version_is_no_upgrade(site):
    assert any("no upgrade goes back" in one for one in site.read(PROBE, version="3.16.1").wrong)
    site.world.break_with("older-mlflow", version="3.7.0")
    assert any("that is no upgrade" in one for one in site.read(PROBE, version="3.6.0").wrong)


class WithoutTriggers:
    """The database, on a MySQL that writes a binary log."""

    out_of_reach = None

    def __init__(self, databases, makes_triggers=False):
        self._databases, self._makes_triggers = databases, makes_triggers

    def look(self, request):
        return replace(self._databases.look(request), makes_triggers=self._makes_triggers)


@pytest.mark.parametrize("version", ["3.8.1", "3.17.2", "3.18.0"])
def test_a_mysql_that_would_break_off_half_way_through_the_migration_is_told_before(site, version):
    site.world.break_with("older-mlflow", version="3.7.0")
    found = PROBE.read(site.ctx(databases=WithoutTriggers(site.world.databases)), PROBE.Params(version=version))
    assert any("set log_bin_trust_function_creators to 1 in its parameter group" in one for one in found.wrong)
    allowed = WithoutTriggers(site.world.databases, makes_triggers=True)
    assert not PROBE.read(site.ctx(databases=allowed), PROBE.Params(version=version)).wrong


def test_a_migration_that_makes_no_trigger_needs_no_right_to(older):
    found = PROBE.read(older.ctx(databases=WithoutTriggers(older.world.databases)), PROBE.Params(version="3.17.2"))
    assert (found.migration, found.wrong) == ("migration", ())


@pytest.mark.parametrize(("version", "told"), [("3.0.0", False), ("3.3.0", False), ("3.8.0", True), ("3.9.1", True)])
def test_of_a_release_that_nobody_looked_into_the_next_known_one_says_whether_it_may(site, version, told):
    site.world.break_with("older-mlflow", version="2.22.5")
    found = PROBE.read(site.ctx(databases=WithoutTriggers(site.world.databases)), PROBE.Params(version=version))
    assert any("log_bin_trust_function_creators" in one for one in found.wrong) is told
