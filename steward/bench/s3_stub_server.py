"""The S3 stub over HTTP: `python -m steward.bench.s3_stub_server` prints its port and serves until it is killed.

`/-stub/…` seeds buckets and tells counts, for benchmarks that run in another process.
"""

import asyncio
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, unquote

from steward.bench.s3_stub import Asked, Reply, S3Stub

_REASONS = {200: "OK", 204: "No Content", 206: "Partial Content", 400: "Bad Request", 403: "Forbidden",
            404: "Not Found", 412: "Precondition Failed", 500: "Internal Server Error", 503: "Slow Down"}  # fmt: skip


def kind_of(method: str, key: str, query: dict[str, str], headers: dict[str, str]) -> str:
    copying = "x-amz-copy-source" in headers
    if not key:
        if method == "HEAD":
            return "HeadBucket"
        listed = "ListObjectsV2" if query.get("list-type") == "2" else "ListObjects"
        return "GetBucketLocation" if "location" in query else listed
    if "uploadId" in query:
        parts = "UploadPartCopy" if copying else "UploadPart"
        return {"PUT": parts, "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}.get(
            method, "ListParts"
        )
    if method == "DELETE":
        return "DeleteVersion" if "versionId" in query else "DeleteObject"
    if method == "PUT":
        return "CopyObject" if copying else "PutObject"
    if method == "POST":
        return "CreateMultipartUpload"
    if method == "HEAD":
        return "HeadObject"
    return "GetObjectTagging" if "tagging" in query else "GetObject"


class Connection(asyncio.Protocol):
    def __init__(self, stub: S3Stub) -> None:
        self._stub, self._buffer = stub, b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._stub.connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own signature
        if self._transport is not None:
            self._stub.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            if headers.get("expect") == "100-continue" and self._transport is not None:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = int(headers.get("content-length") or 0)
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            method, target, _ = head[0].split(" ", 2)
            self._send(method, self._reply(method, target, headers, body))

    def _reply(self, method: str, target: str, headers: dict[str, str], body: bytes) -> "Reply | str":
        path, _, asked = target.partition("?")
        query = dict(parse_qsl(asked, keep_blank_values=True))
        bucket, _, key = path.removeprefix("/").partition("/")
        if bucket == "-stub":
            return self._stub.told(key, query)
        key = unquote(key)
        return self._stub.answer(Asked(kind_of(method, key, query, headers), method, bucket, key, query, headers, body))

    def _send(self, method: str, reply: "Reply | str") -> None:
        if self._transport is None:
            return
        if isinstance(reply, str):  # "reset"
            self._transport.abort()
            return
        status, headers, body = reply
        short = headers.pop("-stub-short", "")
        length = headers.pop("Content-Length", None) if method == "HEAD" else None
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Other')}", f"Content-Length: {length or len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items() if not name.startswith("-stub")]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self._transport.write(head + (b"" if method == "HEAD" else body[: len(body) // 2] if short else body))
        if short:
            self._transport.close()


async def serve(stub: S3Stub, tls: ssl.SSLContext | None = None) -> tuple[asyncio.Server, int]:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(stub), "127.0.0.1", 0, ssl=tls)
    return server, int(server.sockets[0].getsockname()[1])


@contextmanager
def running(stub: S3Stub, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serves from a thread of this process, for tests: gives the URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="s3-stub", daemon=True)
    thread.start()
    server, port = asyncio.run_coroutine_threadsafe(serve(stub, tls), loop).result()

    async def end() -> None:
        server.close()
        for transport in list(stub.connections):
            transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)  # lets the aborted connections say so

    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _main() -> None:
    server, port = await serve(S3Stub())
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
