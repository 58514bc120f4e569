"""Where Steward itself stands: one region of one account. A stack that says an `account` is in another one."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.errors import InputError
from chalicelib.models.stack import Stack

KEY = "region"
"""Of the stage in .chalice/config.json, where the stacks alone do not say it."""
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


def home_region(settings: Mapping[str, Any], stacks: Iterable[Stack]) -> str:
    """Never the first of several: one stack file more must not move what is deployed."""
    said = settings.get(KEY)
    if said is not None:
        if not isinstance(said, str) or not _REGION.fullmatch(said):
            raise InputError(f".chalice/config.json: {KEY}: {said!r} is no region; one is eu-west-2")
        return said
    listed = list(stacks)
    regions = sorted({stack.region for stack in listed if stack.account is None} or {one.region for one in listed})
    if len(regions) == 1:
        return regions[0]
    if not regions:
        raise InputError("there is no stack file: write stacks/NAME.yml, or let `steward stacks discover` write it")
    many = ", ".join(regions)
    raise InputError(f'the stacks stand in {many}: say which is Steward\'s, "{KEY}": "{regions[0]}" in the stage of '
                     ".chalice/config.json")  # fmt: skip


def is_away(stack: Stack, home: str) -> bool:
    return stack.account is not None or stack.region != home
