"""The world's AWS over HTTP, for processes of their own: what is deployed, run with AWS_ENDPOINT_URL set to it.

A call is read as AWS would read it (moto's parsers), made in this process through the world's own session, and its
answer or error written as AWS would write it. S3 has a wire of its own and goes to moto as it came.
"""

import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from steward.sandbox.answers import Declined
from steward.sandbox.s3_calls import read_s3

if TYPE_CHECKING:
    import boto3
    from botocore.exceptions import ClientError
    from moto.core.model import OperationModel

    from steward.sandbox.deployed_iam import DeployedIam
    from steward.sandbox.world import World

_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_BY_SIGNING_NAME = {
    "states": "stepfunctions",
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
}
Reply = tuple[int, dict[str, str], bytes]


class Endpoint:
    """Use it around what runs elsewhere: `with Endpoint(world) as endpoint: … endpoint.url`."""

    def __init__(self, world: "World", iam: "DeployedIam | None" = None) -> None:
        """Without `iam` whoever asks may do anything."""
        self._world, self._iam = world, iam
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._making = threading.Lock()
        self.asked: list[str] = []
        """`service:Operation` of every call, in order."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        scope = _SCOPE.search(headers.get("authorization", ""))
        if scope is None:
            return 403, {}, b"not signed"
        key, region, signing_name = scope.groups()
        service = _BY_SIGNING_NAME.get(signing_name, signing_name)
        if service == "s3":
            return self._s3(key, region, method, path, headers, body)
        return self._call(key, service, region, method, path, headers, body)

    def _s3(self, key: str, region: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.asked.append(f"s3:{method}")
        self._world.prepare("s3")
        if self._iam is None:
            return _forwarded(method, path, headers, body)
        operation, params = read_s3(method, path, headers, body)
        refused = self._iam.refusal(key, "s3", operation, params, region)
        reply = _forwarded(method, path, headers, body) if refused is None else _denied(refused, "s3")
        if reply[0] == 404:  # noqa: PLR2004 - there is none
            refused = self._iam.refusal_to_miss(key, operation, params["Bucket"])
        return reply if refused is None else _denied(refused, "s3")

    def _call(
        self, key: str, service: str, region: str, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        from botocore.exceptions import ClientError
        from moto.core.serialize import get_serializer_class
        from moto.core.utils import get_service_model

        model = get_service_model(service)
        wire = "json" if "x-amz-target" in headers else "query"
        operation = model.operation_model(_operation(headers, body))
        self.asked.append(f"{service}:{operation.name}")
        params = _params(operation, wire, method, path, headers, body)
        try:
            found = self._made(key, service, operation.name, params, region)
        except ClientError as error:
            return _refused(error, wire)
        except Declined as denied:
            return _denied(denied, wire)
        found.pop("ResponseMetadata", None)
        said = get_serializer_class(service, wire)(operation).serialize(found)
        return int(said["status_code"]), dict(said["headers"]), _bytes(said["body"])

    def _made(self, key: str, service: str, operation: str, params: dict[str, Any], region: str) -> dict[str, Any]:
        """Raises Declined or ClientError."""
        if self._iam is not None:
            if (service, operation) == ("sts", "AssumeRole"):
                return self._iam.assume(key, params)
            if refused := self._iam.refusal(key, service, operation, params, region):
                raise refused
        found: dict[str, Any] = self._client(service, region)._make_api_call(operation, params)  # noqa: SLF001 - by name
        return found

    def _client(self, service: str, region: str) -> Any:  # noqa: ANN401 - of any service
        with self._making:  # clients may be used by several threads, but not made by them
            session: boto3.Session = self._world.session()
            return session.client(service, region_name=region)  # type: ignore[call-overload]


def _operation(headers: Mapping[str, str], body: bytes) -> str:
    target = headers.get("x-amz-target")
    return target.rpartition(".")[2] if target else parse_qs(body.decode())["Action"][0]


def _params(
    operation: "OperationModel", wire: str, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    from moto.core.parse import PROTOCOL_PARSERS
    from werkzeug.datastructures import Headers, MultiDict

    values: Any = MultiDict(parse_qs(body.decode(), keep_blank_values=True)) if wire == "query" else MultiDict()
    request: Any = {
        "method": method,
        "values": values,
        "headers": Headers(dict(headers)),
        "body": body,
        "url_path": path,
        "url_params": {},
    }
    parsed: dict[str, Any] = PROTOCOL_PARSERS[wire](operation).parse(request)
    return parsed


def _forwarded(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.test import Client

    parts = urlsplit(path)
    sent = {name: value for name, value in headers.items() if name not in {"content-length", "host"}}
    answer = Client(DomainDispatcherApplication(create_backend_app)).open(
        parts.path, method=method, query_string=parts.query, headers=sent, data=body
    )
    return answer.status_code, dict(answer.headers), answer.get_data()


def _refused(error: "ClientError", wire: str) -> Reply:
    said: dict[str, Any] = dict(error.response)
    status = said.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    rest = {name: value for name, value in said.items() if name not in {"Error", "ResponseMetadata"}}
    return _error(status, said["Error"]["Code"], said["Error"].get("Message", ""), wire, rest)


def _denied(why: Declined, wire: str) -> Reply:
    return _error(why.status, why.code, why.message, wire, {})


def _error(status: int, code: str, message: str, wire: str, rest: Mapping[str, Any]) -> Reply:
    if wire == "json":
        said = {**rest, "__type": code, "message": message}
        return status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(said).encode()
    text = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if wire == "s3":
        return status, {"Content-Type": "application/xml"}, f"<Error>{text}</Error>".encode()
    text = f"<ErrorResponse><Error><Type>Sender</Type>{text}</Error><RequestId>sandbox</RequestId></ErrorResponse>"
    return status, {"Content-Type": "text/xml"}, text.encode()


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


def _handler(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said, text = endpoint.answer(self.command, self.path, headers, body)
            self.send_response(status)
            for name, value in said.items():
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(name, str(value))
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 - the server's names

        def log_message(self, *_said: object) -> None:
            """Nothing to standard error for every call."""

    return Handler
