"""Prepared models say what botocore's own say, are used only by a botocore that knows them, and are never needed."""

import json

import botocore.session
import pytest

from chalicelib.aws.lean_loader import PlainFileLoader, lean_loader, prepared_models
from chalicelib.aws.lean_session import botocore_version, lean_core
from steward.packaging.aws_models import ROADS, aws_models


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """As the zip is unpacked."""
    folder = tmp_path_factory.mktemp("task")
    for name, text in aws_models().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize("service", list(ROADS))
def test_a_prepared_model_has_the_same_operations_members_and_rules(root, service):
    lean, usual = lean_core(root), botocore.session.Session()
    ours, theirs = lean.get_service_model(service), usual.get_service_model(service)
    assert ours.operation_names == theirs.operation_names
    for name in theirs.operation_names:
        mine, other = ours.operation_model(name).input_shape, theirs.operation_model(name).input_shape
        assert (mine is None) == (other is None)
        assert mine is None or (list(mine.members), mine.required_members) == (
            list(other.members),
            other.required_members,
        )
    kind = "endpoint-rule-set-1"
    found, wanted = (each.get_component("data_loader").load_service_model(service, kind) for each in (lean, usual))
    assert _bare(found) == _bare(wanted)


def test_the_prepared_one_is_what_is_read(root, tmp_path):
    version = lean_core().get_component("data_loader").determine_latest_version("sns", "service-2")
    folder = tmp_path / "aws-models" / botocore_version() / "sns" / version
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps({"metadata": {"serviceId": "told apart"}, "operations": {}}))
    read = lean_core(tmp_path).get_component("data_loader").load_service_model("sns", "service-2")
    assert read["metadata"]["serviceId"] == "told apart"
    assert lean_core(root).get_service_model("sns").operation_names


@pytest.mark.parametrize(
    ("made", "runs", "used"),
    [("1.40.2", "1.40.2", True), ("1.9.0", "1.40.0", True), ("1.44.5", "1.40.99", False)],
)
def test_an_older_botocore_reads_its_own(tmp_path, made, runs, used):
    (tmp_path / "aws-models" / made).mkdir(parents=True)
    assert (prepared_models(tmp_path, runs) is not None) == used


def test_without_a_package_there_are_none_and_a_client_is_made_all_the_same(tmp_path):
    assert prepared_models(tmp_path, botocore_version()) is None
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client = lean_core(tmp_path).create_client("sts", region_name="eu-west-2", **keys)
    assert client.meta.endpoint_url == "https://sts.eu-west-2.amazonaws.com"


def test_a_folder_of_one_s_own_is_found_as_botocore_finds_it(tmp_path):
    (tmp_path / "mine" / "2026-01-01").mkdir(parents=True)
    (tmp_path / "mine" / "2026-01-01" / "service-2.json").write_text('{"metadata": {}}')
    loader = lean_loader(str(tmp_path), PlainFileLoader())
    assert "mine" in loader.list_available_services("service-2")
    assert loader.load_service_model("mine", "service-2") == {"metadata": {}}


def _asked(model, operation):
    shape = model.operation_model(operation).input_shape
    return shape and (list(shape.members), shape.required_members)


def _bare(found):
    if isinstance(found, dict):
        return {key: _bare(value) for key, value in found.items() if key != "documentation"}
    return [_bare(each) for each in found] if isinstance(found, list) else found
