"""A stage whose name AWS would refuse only while it is deployed, or that lies within what another stage may do."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from steward.packaging.names import LOGICAL, Names

_STAGE = re.compile(r"[a-z][a-z0-9]*")
_ROLES = (*LOGICAL, "copy-shard", "copies-machine", "machine", "scheduler")
_BUCKETS = ("archive", "evidence")
_ROLE, _BUCKET = 64, 63
"""A function may have 64 too, and its name is its role's without the region."""
_API = "api_gateway_stage"


def wrong_stage(stage: str, settings: Mapping[str, Any], home: str) -> Iterator[str]:
    """`home`: Steward's region, which is in the names of what belongs to the account or to the world."""
    if not _STAGE.fullmatch(stage):
        # `dev-eu` would lie within what `dev` may do: rights name `mlflow-steward-dev-*`
        yield f"the stage {stage!r}: name it with small letters and digits alone, a letter first"
        return
    over = max(_too_long(Names(stage), home))
    if over > 0:
        yield (
            f"the stage {stage!r} is {over} characters too long for {home}: names of buckets take {_BUCKET} and those "
            f"of roles {_ROLE}, with account and region in them; name it with at most {len(stage) - over}"
        )
    said = settings.get(_API)
    if said != stage:
        yield f'.chalice/config.json: {_API}: {said!r}; write "{_API}": "{stage}", which is in the API\'s address'


def _too_long(names: Names, home: str) -> Iterator[int]:
    for most, texts in (
        (_ROLE, [names.role(which) for which in _ROLES]),
        (_BUCKET, [names.bucket(what) for what in _BUCKETS]),
    ):
        for text in texts:
            yield len(text.replace("${AWS::Region}", home).replace("${AWS::AccountId}", "0" * 12)) - most
