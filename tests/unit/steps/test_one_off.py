"""The command line of a verb: what goes into it, and what never does (S12, S14)."""

from dataclasses import replace

import pytest

from chalicelib.aws.ecs_shapes import ContainerDefinition
from chalicelib.errors import StepRefused
from chalicelib.steps.one_off import GcWork, Surroundings, batches, db_upgrade_command, fits, gc_command, overrides_of

RUN = "a" * 32
AROUND = Surroundings("http://mlflow.example.com", "s3://bucket/prefix", asks_login=True)


def container(command="mlflow server --backend-store-uri $URI", *, entry=(), secrets=None):
    return ContainerDefinition("mlflow", "image", ("/bin/sh", "-c", command), entry, {}, secrets or {}, {})


def test_gc_names_its_ids_and_leaves_values_to_the_container():
    line = gc_command(container(), AROUND, GcWork((RUN,), ("7",)), 90)
    assert f'\' {RUN} 7 --backend-store-uri "$URI" --artifacts-destination s3://bucket/prefix' in line
    assert line.endswith("--tracking-uri http://mlflow.example.com --older-than 90d")
    assert "${MLFLOW_TRACKING_PASSWORD:-$MLFLOW_AUTH_ADMIN_PASSWORD}" in line


def test_s14_without_ids_or_without_an_age_there_is_no_command():
    for work, days in ((GcWork(()), 90), (GcWork((RUN,)), 0)):
        with pytest.raises(StepRefused, match="S14"):
            gc_command(container(), AROUND, work, days)


@pytest.mark.parametrize("strange", ["x; rm -rf /", "A" * 32, "a" * 31, "", "$(id)"])
def test_s12_what_is_no_id_is_refused(strange):
    with pytest.raises(StepRefused, match="S12"):
        gc_command(container(), AROUND, GcWork((strange,)), 90)


@pytest.mark.parametrize(
    "command",
    [
        "mlflow server --backend-store-uri postgresql://mlflow:s3cret@db/mlflow",
        "mlflow server --backend-store-uri `cat /tmp/uri`",
        "mlflow server --backend-store-uri $(cat /tmp/uri)",
        "mlflow server",
    ],
)
def test_s12_a_store_that_cannot_be_repeated_safely_is_refused(command):
    with pytest.raises(StepRefused, match="S12") as refused:
        db_upgrade_command(container(command))
    assert "s3cret" not in str(refused.value)


def test_the_store_may_come_from_a_variable():
    given = container("mlflow server", secrets={"MLFLOW_BACKEND_STORE_URI": "arn"})
    assert db_upgrade_command(given) == 'mlflow db upgrade "$MLFLOW_BACKEND_STORE_URI"'


def test_s12_the_install_of_the_start_command_comes_first():
    line = db_upgrade_command(container("pip install mlflow==$V psycopg2 && mlflow server --backend-store-uri $URI"))
    assert line == 'pip install mlflow==$V psycopg2 && { mlflow db upgrade "$URI"; }'


def test_an_entry_point_that_takes_no_command_is_refused():
    assert overrides_of(container(), "x")["containerOverrides"][0]["command"] == ["/bin/sh", "-c", "x"]
    assert overrides_of(container(entry=("sh", "-c")), "x")["containerOverrides"][0]["command"] == ["x"]
    with pytest.raises(StepRefused, match="entry point"):
        overrides_of(container(entry=("mlflow",)), "x")


def test_s12_batches_are_as_large_as_ecs_takes_them():
    runs = [f"{n:032x}" for n in range(1000)]
    found = batches(container(), AROUND, runs, ["1", "2"], 90)
    assert [run for work in found for run in work.runs] == runs
    assert found[-1].experiments == ("1", "2")
    for work in found:
        assert fits(overrides_of(container(), gc_command(container(), AROUND, work, 90)))
    with pytest.raises(StepRefused, match="longer than ECS takes"):
        overrides_of(container(), gc_command(container(), AROUND, GcWork(tuple(runs)), 90))


def test_an_address_that_a_shell_could_mistake_is_refused():
    with pytest.raises(StepRefused, match="shell"):
        gc_command(container(), replace(AROUND, tracking_uri="http://x/$(id)"), GcWork((RUN,)), 90)
