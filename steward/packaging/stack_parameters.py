"""The stacks as SSM parameters, one each (S22): the same text whose hash lies in the package."""

from typing import Any

from chalicelib.catalog.deployed import stack_parameter
from chalicelib.models.stack import Stack
from steward.packaging.keeping import tag_map
from steward.packaging.names import Names, logical

Json = dict[str, Any]
STANDARD, ADVANCED = 4096, 8192
"""Bytes that a parameter of each tier takes; the advanced one costs 5 cents a month."""


def stack_parameters(names: Names, stacks: list[Stack]) -> Json:
    return {logical("stack", stack.stack): _parameter(names, stack) for stack in stacks}


def _parameter(names: Names, stack: Stack) -> Json:
    text = stack_parameter(stack)
    return {
        "Type": "AWS::SSM::Parameter",
        "Properties": {
            "Name": f"{names.stacks_path}/{stack.stack}",
            "Type": "String",
            "Tier": "Standard" if len(text.encode()) <= STANDARD else "Advanced",
            "Value": text,
            "Description": f"The stack {stack.stack}, as it was packaged; change its file, not this",
            "Tags": tag_map(names),
        },
    }
