"""A wire out of a session: signed for one region, sent to that region's endpoint, with the session's keys and hooks."""

from typing import TYPE_CHECKING, Any

from chalicelib.aws.s3_lane_address import Endpoint
from chalicelib.aws.s3_lane_keys import KeyRing
from chalicelib.aws.s3_lane_wire import Wire

if TYPE_CHECKING:
    from chalicelib.aws.gateways import Session


def wire_to(session: "Session", region: str, connections: int, *, read_only: bool) -> Wire:
    client = session.client("s3", region_name=region)

    def credentials() -> Any:  # noqa: ANN401 - botocore's own
        # asked for again when they expired on the way: a new client is what makes a session renew them
        return session.client("s3", region_name=region)._get_credentials()  # noqa: SLF001

    def emit(name: str, request: Any) -> Any:  # noqa: ANN401 - botocore's own
        return client.meta.events.emit_until_response(name, request=request)[1]

    return Wire(
        Endpoint(client.meta.endpoint_url),
        region,
        KeyRing(credentials),
        connections=connections,
        read_only=read_only,
        emit=emit,
    )
