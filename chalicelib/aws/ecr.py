"""ECR: whether an image that a task definition names is still there. Reads only."""

import re
from typing import Any, Protocol

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsNotFound

_PRIVATE = re.compile(
    r"^(\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/([^:@]+)(?:@(sha256:\w+)|:([\w.-]+))?$"
)


class _Client(Protocol):
    """No typed client of this service is among the pinned stubs; this is the part that is used."""

    def describe_images(self, **asked: object) -> dict[str, Any]: ...


class Ecr:
    def __init__(self, client: _Client) -> None:
        self._client = client

    def has_image(self, image: str) -> bool | None:
        """None: it lies in no private ECR registry, so it cannot be read here."""
        match = _PRIVATE.match(image)
        if match is None:
            return None
        registry, repository, digest, tag = match.groups()
        wanted = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
        try:
            with calling("ecr:DescribeImages"):
                self._client.describe_images(registryId=registry, repositoryName=repository, imageIds=[wanted])
        except AwsNotFound:
            return False
        return True
