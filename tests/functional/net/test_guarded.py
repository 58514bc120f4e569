"""GuardedHttp against real sockets on this machine, which only tests may reach (S25)."""

import contextlib
import datetime as dt
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.net.guarded import GuardedHttp
from chalicelib.net.http import HttpFailure, HttpRequest

HOST = "mlflow.example.test"


class Server:
    """Answers one connection after another with what the test says, and keeps what it was sent."""

    def __init__(self, answer, tls=None):
        self.received = []
        self.server_names = []
        self._answer, self._tls = answer, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._closed.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                self.received.append(connection.recv(65536))
                self._answer(connection, self._closed)
                if self._tls:
                    connection.close()

    def close(self):
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def serve():
    with contextlib.ExitStack() as stack:

        def start(answer, tls=None):
            server = Server(answer, tls)
            stack.callback(server.close)
            return server

        yield start


def says(text: bytes):
    return lambda connection, _: connection.sendall(text)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Kind: test\r\n\r\nok"


def http(addresses=("127.0.0.1",), **kwargs):
    return GuardedHttp(resolver=lambda host, port: list(addresses), allow_loopback=True, **kwargs)


def request(port, path="/x?y=1", **over):
    given = {"method": "GET", "url": f"http://{HOST}:{port}{path}", "timeout_s": 2.0, "allow_hosts": (HOST,)}
    return HttpRequest(**(given | over))


def kind_of(client, asked):
    with pytest.raises(HttpFailure) as caught:
        client.ask(asked)
    return caught.value.kind


def test_it_asks_the_checked_address_with_the_host_that_was_meant(serve):
    server = serve(says(OK))
    answer = http().ask(request(server.port, headers={"Authorization": "Basic abc"}, method="POST", body=b"{}"))
    assert (answer.status, answer.body, answer.headers["x-kind"]) == (200, b"ok", "test")
    assert answer.elapsed_s >= 0
    text = server.received[0].decode()
    assert text.startswith("POST /x?y=1 HTTP/1.1\r\n")
    assert f"Host: {HOST}:{server.port}\r\n" in text
    assert "Authorization: Basic abc\r\n" in text


def test_the_name_is_resolved_once(serve):
    server, asked = serve(says(OK)), []

    def resolver(host, port):
        asked.append(host)
        return ["127.0.0.1"]

    GuardedHttp(resolver=resolver, allow_loopback=True).ask(request(server.port))
    assert asked == [HOST]


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "0.0.0.0", "::ffff:127.0.0.1"])  # noqa: S104 - refused, not bound to
def test_forbidden_addresses_are_refused_before_anything_is_sent(serve, address):
    server = serve(says(OK))
    client = GuardedHttp(resolver=lambda host, port: [address])
    assert kind_of(client, request(server.port)) == "forbidden_address"
    assert server.received == []


def test_one_forbidden_address_among_good_ones_is_enough():
    assert kind_of(http(["10.0.0.1", "169.254.169.254"]), request(80)) == "forbidden_address"


def test_allowing_loopback_allows_nothing_else():
    assert kind_of(http(["169.254.169.254"]), request(80)) == "forbidden_address"


def test_a_host_that_is_not_listed_may_resolve_to_one_that_is(serve):
    server = serve(says(OK))
    known = {HOST: ["127.0.0.1"], "alb.example.test": ["10.9.9.9", "127.0.0.1"]}
    client = GuardedHttp(resolver=lambda host, port: known[host], allow_loopback=True)
    assert client.ask(request(server.port, allow_hosts=("alb.example.test",))).status == 200


@pytest.mark.parametrize("allow_hosts", [(), ("other.example.test",), ("gone.example.test",)])
def test_a_host_that_leads_elsewhere_is_refused(allow_hosts):
    def resolver(host, port):
        if host == "gone.example.test":
            raise socket.gaierror(-2, "Name or service not known")
        return {"other.example.test": ["10.9.9.9"]}.get(host, ["127.0.0.1"])

    client = GuardedHttp(resolver=resolver, allow_loopback=True)
    assert kind_of(client, request(80, allow_hosts=allow_hosts)) == "forbidden_address"


def test_a_redirect_is_an_answer_and_is_not_followed(serve):
    server = serve(says(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"))
    answer = http().ask(request(server.port))
    assert (answer.status, answer.headers["location"]) == (302, "http://169.254.169.254/")
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n",
    ],
)
def test_an_answer_that_is_too_long_is_cut_off(serve, head):
    server = serve(says(head + b"x" * 5000))
    assert kind_of(http(), request(server.port, max_bytes=1000)) == "too_large"


def test_an_answer_in_chunks_is_put_together(serve):
    server = serve(says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))
    assert http().ask(request(server.port)).body == b"abcde"


def silence(connection, closed):
    closed.wait(10)


def drip(start: bytes):
    def answer(connection, closed):
        connection.sendall(start)
        while not closed.wait(0.05):
            connection.sendall(b"x")

    return answer


@pytest.mark.parametrize(
    "answer",
    [silence, drip(b"HTTP/1.1 200 OK\r\nX-Slow: "), drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")],
    ids=["silence", "headers byte by byte", "body byte by byte"],
)
def test_the_deadline_holds_for_everything_together(serve, answer):
    server = serve(answer)
    began = time.monotonic()
    assert kind_of(http(), request(server.port, timeout_s=0.4)) == "timeout"
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    "text",
    [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"],
    ids=["nothing", "not http", "cut off"],
)
def test_what_is_no_whole_http_answer_is_protocol(serve, text):
    server = serve(says(text))
    assert kind_of(http(), request(server.port)) == "protocol"


def test_nobody_listening_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert kind_of(http(), request(port)) == "refused"


def test_a_name_that_does_not_resolve_is_dns():
    def resolver(host, port):
        raise socket.gaierror(-2, "Name or service not known")

    assert kind_of(GuardedHttp(resolver=resolver), request(80)) == "dns"
    assert kind_of(GuardedHttp(resolver=lambda host, port: []), request(80)) == "dns"


@pytest.mark.parametrize(
    "url", ["ftp://mlflow.example.test/", "mlflow.example.test", "http://", "http://u:p@h.test/", "http://h:x/"]
)
def test_a_url_that_is_not_one_is_protocol(url):
    assert kind_of(http(), request(80, url=url)) == "protocol"


def server_tls(tmp_path, name: str) -> tuple[ssl.SSLContext, str]:
    """A certificate for one name, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "cert.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context, str(pem)


def test_over_tls_the_certificate_is_the_host_s_and_not_the_address_s(serve, tmp_path):
    context, authority = server_tls(tmp_path, HOST)
    names = []
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    server = serve(says(OK), context)
    client = http(tls=lambda: ssl.create_default_context(cafile=authority))
    answer = client.ask(request(server.port, url=f"https://{HOST}:{server.port}/"))
    assert answer.body == b"ok"
    assert names == [HOST]


@pytest.mark.parametrize("name", ["other.example.test", HOST])
def test_a_certificate_that_is_not_good_is_tls(serve, tmp_path, name):
    context, authority = server_tls(tmp_path, name)
    server = serve(says(OK), context)
    trusted = authority if name != HOST else None  # for our host it is the authority that is unknown
    client = http(tls=lambda: ssl.create_default_context(cafile=trusted))
    assert kind_of(client, request(server.port, url=f"https://{HOST}:{server.port}/")) == "tls"


def test_a_server_that_speaks_no_tls_is_tls(serve):
    server = serve(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    assert kind_of(http(), request(server.port, url=f"https://{HOST}:{server.port}/")) == "tls"
