"""What CloudFormation fills in by itself, as it is here: `Fn::Sub` and `Ref` of its pseudo parameters."""

import re
from typing import Any

from chalicelib.aws.resources import partition_of
from steward.sandbox import place

_KNOWN = {
    "AWS::Region": place.REGION,
    "AWS::AccountId": place.ACCOUNT,
    "AWS::Partition": partition_of(place.REGION),
    "AWS::URLSuffix": "amazonaws.com",
}
_WORD = re.compile(r"\$\{([\w:]+)\}")


def filled(text: str) -> str:
    """As `Fn::Sub` does. Raises KeyError for a name that is not known here, as `filled_in` does."""
    return _WORD.sub(lambda word: _KNOWN[word[1]], text)


def filled_in(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A part of a template, with its intrinsics resolved; plain text stays as it is, whatever is in it."""
    if isinstance(value, dict):
        for name, said in value.items():
            if name == "Ref" or name.startswith("Fn::"):
                return _INTRINSICS[name](said)
        return {key: filled_in(one) for key, one in value.items()}
    if isinstance(value, list):
        return [filled_in(one) for one in value]
    return value


_INTRINSICS = {"Fn::Sub": filled, "Ref": _KNOWN.__getitem__}
