"""A stack as it is deployed: its file, with the names of what packaging makes for it filled in."""

from chalicelib.models.stack import Stack
from steward.packaging.keeping import with_manifest_key
from steward.packaging.names import Names
from steward.packaging.rights import with_roles


def as_deployed(stack: Stack, stage: str) -> Stack:
    return with_manifest_key(with_roles(stack, stage), Names(stage))
