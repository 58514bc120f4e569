"""Which processor a stage is packaged for: one of two, said once for all of its functions."""

import json

import pytest

from chalicelib.errors import InputError
from steward.cli.folders import PROJECT
from steward.packaging.workshop import read_config, stage_of


@pytest.fixture
def told(tmp_path):
    def with_config(config):
        (tmp_path / ".chalice").mkdir(exist_ok=True)
        (tmp_path / ".chalice" / "config.json").write_text(json.dumps(config))
        return tmp_path

    return with_config


def test_the_key_stands_in_the_config_that_ships_so_that_nobody_has_to_look_for_it():
    assert read_config(PROJECT)["lambda_architecture"] == "x86_64"


@pytest.mark.parametrize("said", ["arm64", "x86_64"])
def test_a_stage_may_have_another_processor_than_the_others(told, said):
    config = {"lambda_architecture": "x86_64", "stages": {"dev": {"lambda_architecture": said}}}
    assert stage_of(told(config), "dev")["lambda_architecture"] == said


@pytest.mark.parametrize("said", ["aarch64", "amd64", "ARM64", "", 64])
def test_any_other_processor_is_refused_by_name(told, said):
    with pytest.raises(InputError, match=r"lambda_architecture: .* write x86_64 or arm64"):
        stage_of(told({"stages": {"dev": {"lambda_architecture": said}}}), "dev")


def test_a_function_with_a_processor_of_its_own_is_refused_since_all_share_one_zip(told):
    config = {"lambda_functions": {"advance": {"lambda_architecture": "arm64"}}, "stages": {"dev": {}}}
    with pytest.raises(InputError, match=r"lambda_functions\.advance\.lambda_architecture: all functions share"):
        stage_of(told(config), "dev")
