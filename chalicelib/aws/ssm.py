"""SSM parameters: where packaged stacks lie, and whether a parameter exists."""

from collections.abc import Iterable
from typing import Any, Protocol

from chalicelib.aws.translate import calling


class _Paginator(Protocol):
    def paginate(self, **asked: object) -> Iterable[dict[str, Any]]: ...


class _Client(Protocol):
    """No typed client of this service is among the pinned stubs; this is the part that is used."""

    def get_paginator(self, operation_name: str) -> _Paginator: ...


class Ssm:
    def __init__(self, client: _Client) -> None:
        self._client = client

    def parameters_under(self, path: str) -> dict[str, str]:
        """Name to value, never decrypted: parameters hold names of secrets, never secrets (S22)."""
        with calling("ssm:GetParametersByPath"):
            pages = self._client.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
            return {p["Name"]: p["Value"] for page in pages for p in page["Parameters"]}

    def exists(self, name: str) -> bool:
        """Asked without the right to read any value. ARNs write `plain` and `/plain` alike."""
        names = [name] if name.count("/") != 1 else [name, name.lstrip("/")]
        wanted = {"Key": "Name", "Option": "Equals", "Values": names}
        with calling("ssm:DescribeParameters"):
            pages = self._client.get_paginator("describe_parameters").paginate(ParameterFilters=[wanted])
            return any(page["Parameters"] for page in pages)  # a page may be empty and not the last
