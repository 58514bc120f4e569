"""The lean session answers as botocore's own does: the same times, the same operations and shapes."""

import botocore.session
import pytest
from botocore.utils import parse_timestamp

from chalicelib.aws.lean_session import lean_core, parse_time


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T12:00:00Z",
        "2026-11-20T12:00:00.123Z",
        "2026-11-20T12:00:00.123456+00:00",
        "2026-11-20T12:00:00+05:30",
        "2026-11-20T12:00:00",
        "Fri, 20 Nov 2026 12:00:00 GMT",
        "1795176000",
        1795176000,
        1795176000.25,
    ],
)
def test_a_time_is_what_botocore_reads(text):
    assert parse_time(text) == parse_timestamp(text)


@pytest.mark.parametrize("value", ["yesterday", "2026-13-40T99:00:00Z", "2026-11-20Tnoon"])
def test_what_is_no_time_is_refused_as_botocore_refuses_it(value):
    with pytest.raises(ValueError, match=r".+"):
        parse_timestamp(value)
    with pytest.raises(ValueError, match=r".+"):
        parse_time(value)


@pytest.mark.parametrize("service", ["rds", "ecs", "s3", "dynamodb", "secretsmanager"])
def test_a_model_has_the_same_operations_and_members_only_without_its_prose(service):
    lean, usual = (each.get_service_model(service) for each in (lean_core(), botocore.session.Session()))
    assert lean.operation_names == usual.operation_names
    for name in usual.operation_names:
        ours, theirs = lean.operation_model(name), usual.operation_model(name)
        for mine, other in ((ours.input_shape, theirs.input_shape), (ours.output_shape, theirs.output_shape)):
            if other is not None:
                assert list(mine.members) == list(other.members)
                assert mine.required_members == other.required_members


def test_what_is_not_there_is_not_there_for_both():
    with pytest.raises(Exception, match="no-such-service"):
        lean_core().get_service_model("no-such-service")
