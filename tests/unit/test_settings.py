"""Settings: everything is checked, and a mistake names every variable at once."""

import pytest

from chalicelib.settings import LEAST_BOTO3, Boto3TooOld, Settings, SettingsInvalid, check_boto3, variable

GOOD = {
    "STEWARD_STAGE": "dev",
    "STEWARD_TABLE": "steward-dev",
    "STEWARD_ARCHIVE_BUCKET": "steward-dev-archive",
    "STEWARD_EVIDENCE_BUCKET": "steward-dev-evidence",
    "STEWARD_MACHINE_ARN": "arn:aws:states:eu-west-2:123456789012:stateMachine:steward-dev",
    "STEWARD_ACCOUNT": "123456789012",
    "AWS_REGION": "eu-west-2",
}


def test_a_complete_environment_is_read_and_what_is_optional_has_its_default() -> None:
    settings = Settings.from_env({**GOOD, "PATH": "/bin"})
    assert settings.table == "steward-dev"
    assert settings.region == "eu-west-2"
    assert settings.log_level == "INFO"
    assert settings.console_url is None


def test_steward_s_own_region_wins_over_lambda_s() -> None:
    assert Settings.from_env({**GOOD, "STEWARD_REGION": "eu-west-1"}).region == "eu-west-1"


def test_fleet_limits_are_numbers_from_the_environment() -> None:
    limits = Settings.from_env({**GOOD, "STEWARD_MAX_CONCURRENT": "5", "STEWARD_BRAKE_SHARE": "0.5"}).fleet_limits(7)
    assert (limits.max_concurrent, limits.brake_share, limits.stacks) == (5, 0.5, 7)


def test_every_missing_and_every_wrong_variable_is_named_at_once() -> None:
    bad = {**GOOD, "STEWARD_ACCOUNT": "12", "STEWARD_LOG_LEVEL": "LOUD", "STEWARD_MAX_FAILED": "many"}
    del bad["STEWARD_TABLE"]
    with pytest.raises(SettingsInvalid) as error:
        Settings.from_env(bad)
    text = str(error.value)
    assert "STEWARD_TABLE is missing" in text
    for name in ("STEWARD_ACCOUNT", "STEWARD_LOG_LEVEL", "STEWARD_MAX_FAILED"):
        assert name in text


def test_an_empty_variable_is_a_missing_one() -> None:
    with pytest.raises(SettingsInvalid, match="STEWARD_TABLE is missing"):
        Settings.from_env({**GOOD, "STEWARD_TABLE": ""})


def test_an_empty_environment_names_all_that_must_be_there() -> None:
    with pytest.raises(SettingsInvalid) as error:
        Settings.from_env({})
    required = [name for name, field in Settings.model_fields.items() if field.is_required()]
    assert len(required) == 7
    assert all(variable(name) in str(error.value) for name in required)


def test_a_wrong_value_is_not_repeated_in_the_error_s29() -> None:
    with pytest.raises(SettingsInvalid) as error:
        Settings.from_env({**GOOD, "STEWARD_ACCOUNT": "canary-hunter2"})
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("found", ["1.27.99", "1.9.300", "0.99"])
def test_a_boto3_older_than_the_least_is_refused_by_name(found: str) -> None:
    with pytest.raises(Boto3TooOld, match=f"boto3 {found} is too old"):
        check_boto3(found)


@pytest.mark.parametrize("found", [LEAST_BOTO3, "1.28.1", "1.100.0", "2.0", "1.44.5.dev1"])
def test_a_newer_boto3_is_accepted(found: str) -> None:
    check_boto3(found)
