"""S15: whatever text a model was registered from, what it may lie in is owned."""

import time
from itertools import product

import pytest

from chalicelib.errors import StepRefused
from chalicelib.steps.artifact_claims import Claims, ids_in
from chalicelib.steps.artifact_places import Place

HOME = Place("b", "mlflow-artifacts/")
RUN, MODEL = "a" * 32, "m-" + "b" * 32


def claimed(uri, **how):
    claims = Claims()
    claims.add(uri, HOME, "version 1 of model served", **how)
    return claims


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://b/mlflow-artifacts/1/{RUN}/artifacts/my model",
        f"s3a://b/mlflow-artifacts/1/{RUN}/artifacts/m",
        f"mlflow-artifacts://host:5000/1/{RUN}/artifacts/m",
        f"mlflow-artifacts:/1/{RUN}/artifacts/modèle",
        f"mlflow-artifacts:/1%2F{RUN}%2Fartifacts",
        f"runs:/{RUN}/my model",
        f"https://mlflow.example.com/api/2.0/mlflow-artifacts/artifacts/1/{RUN}/artifacts/m",
        f"s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/one/1/{RUN}/artifacts",
    ],
)
def test_s15_an_id_in_any_text_is_owned(uri):
    assert RUN in claimed(uri).ids


def test_s15_ids_of_logged_models_and_traces_are_told_from_longer_words():
    assert ids_in(f"models:/{MODEL}") == {MODEL}
    assert ids_in(f"s3://b/x/traces/tr-{RUN}/artifacts") == {f"tr-{RUN}"}
    assert ids_in(f"s3://b/{RUN}{RUN}/x") == set()  # a digest


@pytest.mark.parametrize(
    ("uri", "key"),
    [
        ("s3://b/mlflow-artifacts/1/models/my model/x", "mlflow-artifacts/1/models"),
        ("s3n://b//mlflow-artifacts/7/%C3%A9", "mlflow-artifacts/7"),
        ("mlflow-artifacts://host/1/../2", "mlflow-artifacts/1"),
    ],
)
def test_s15_what_is_not_plain_reserves_its_longest_plain_part(uri, key):
    assert key in claimed(uri).keys
    assert claimed(uri).covers(f"{key}/")


@pytest.mark.parametrize(
    "uri",
    ["runs:/", "s3://b/mlflow-artifacts", "mlflow-artifacts:/", "mlflow-artifacts:/%2531", "s3://b/x/../mlflow-artifacts/1",
     "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/one/1"],
)  # fmt: skip
def test_s15_what_nobody_can_read_makes_nothing_an_orphan_and_is_named(uri):
    with pytest.raises(StepRefused, match="S15: version 1 of model served points to"):
        claimed(uri)


@pytest.mark.parametrize(
    "uri", ["", "gs://b/mlflow-artifacts/1", "s3://other/mlflow-artifacts/1", "models:/other/2", "/mnt/models",
            "s3://b/mlflow-artifacts/my models/x", "s3://b/elsewhere"],
)  # fmt: skip
def test_what_lies_elsewhere_claims_nothing(uri):
    assert claimed(uri) == Claims()


def test_an_experiment_whose_root_is_the_stacks_own_claims_nothing():
    assert claimed("s3://b/mlflow-artifacts/", is_root=True) == Claims()


def test_a_folder_is_covered_by_what_is_claimed_of_it_in_it_and_above_it_and_by_no_neighbour():
    names = ["/".join(parts) for depth in (1, 2, 3) for parts in product(("a", "a-", "a0", "b"), repeat=depth)]
    for first, second in product(names[::3], names[::5]):
        claims = Claims(keys={first})
        assert not claims.covers("zz/")
        claims.keys.add(second)  # after it was asked
        for folder in (f"{name}/" for name in names):
            expected = any(f"{key}/".startswith(folder) or folder.startswith(f"{key}/") for key in (first, second))
            assert claims.covers(folder) is expected, (first, second, folder)


def test_s15_as_many_folders_as_claims_are_asked_for_within_a_lambda_s_time():
    claims = Claims(keys={f"mlflow/team-a/{number:032x}/artifacts" for number in range(20_000)})
    began = time.process_time()
    assert not any(claims.covers(f"mlflow/3/{number:032x}/") for number in range(20_000))
    assert time.process_time() - began < 5  # one by one it was minutes
