"""What the sandbox fills in of a template, as CloudFormation would."""

import pytest

from steward.sandbox import place
from steward.sandbox.intrinsics import filled_in


def test_intrinsics_are_resolved_wherever_they_stand_and_plain_text_is_left_alone():
    given = {"who": [{"Ref": "AWS::AccountId"}], "where": {"Fn::Sub": "x-${AWS::Region}"}, "plain": "x-${AWS::Region}"}
    assert filled_in(given) == {"who": [place.ACCOUNT], "where": f"x-{place.REGION}", "plain": "x-${AWS::Region}"}


@pytest.mark.parametrize("unknown", [{"Ref": "Table"}, {"Fn::Sub": "${Nobody}"}, {"Fn::GetAtt": ["Table", "Arn"]}])
def test_what_is_not_known_here_is_an_error_and_not_a_text(unknown):
    with pytest.raises(KeyError):
        filled_in({"deep": [unknown]})
