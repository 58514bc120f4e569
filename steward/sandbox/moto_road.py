"""The short road of an S3 request into moto.

On its own road moto reads its module of addresses anew, twice, and tries all services, for each request: that takes as
long as most of its answers, and a test run sends a hundred thousand.
"""

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

_Handler = Callable[[Any, str, Any], tuple[Any, Any, Any]]
_ROAD = "sandbox-road"


def take_the_road(events: Any, answer: "Callable[..., AWSResponse | None] | None" = None) -> None:  # noqa: ANN401 - botocore's emitter
    """In place of moto's own handler, and of one that took the road before: all who are registered are asked, so with
    two each request would happen twice."""
    from moto.core.models import botocore_stubber

    events.unregister("before-send", botocore_stubber)
    events.unregister("before-send", unique_id=_ROAD)
    events.register_last("before-send", answer or moto_answer, unique_id=_ROAD)


def moto_answer(request: "AWSPreparedRequest", event_name: str = "", **_sent: object) -> "AWSResponse | None":
    """As a handler of `before-send`: what moto answers, while a world is open; None: nobody answers here."""
    from botocore.awsrequest import AWSResponse
    from moto.core.botocore_stubber import MockRawResponse
    from moto.core.models import botocore_stubber
    from moto.core.request import normalize_request
    from werkzeug.exceptions import HTTPException

    of_s3 = event_name.startswith("before-send.s3.") and botocore_stubber.enabled
    handler = _handler_of(request.url) if of_s3 else None
    if handler is None:
        return botocore_stubber(event_name, request=request)
    asked = normalize_request(request)
    try:
        status, headers, body = handler(asked, asked.raw_url, asked.headers)
    except HTTPException as refused:
        status, headers, body = refused.code, refused.get_headers(), refused.get_body()
    return AWSResponse(request.url, status, headers, MockRawResponse(body))


def _handler_of(url: str) -> _Handler | None:
    from moto.core.utils import get_equivalent_url_in_aws_domain

    parts, _ = get_equivalent_url_in_aws_domain(url)
    address = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return next((handler for pattern, handler in _handlers() if pattern.match(address)), None)


@functools.cache
def _handlers() -> tuple[tuple[re.Pattern[str], _Handler], ...]:
    from moto.s3.models import S3Backend

    return tuple((re.compile(url), handler) for url, handler in S3Backend("aws", "").urls.items())
