"""Connections are kept while they are good, and no request is lost on one that is over."""

import http.client
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from chalicelib.aws.s3_lane_connections import Connections, Sent, chunks

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def asks(only_once=False):
    return Sent("GET", "/key", {"Host": "here"}, b"", 5.0, only_once)


class Server:
    """Answers `each` times on a connection, and then hangs up without having said so."""

    def __init__(self, each, answer=ANSWER):
        self.accepted = self.hung_up = 0
        self._each, self._answer = each, answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                taken, _ = self._listening.accept()
            except OSError:
                return
            self.accepted += 1
            with taken:
                for _ in range(self._each):
                    if not taken.recv(65536):
                        break
                    taken.sendall(self._answer)
            self.hung_up += 1

    def close(self):
        self._listening.close()

    def has_hung_up(self, times):
        for _ in range(500):
            if self.hung_up == times:
                return True
            time.sleep(0.01)
        return False


@contextmanager
def serving(each, answer=ANSWER):
    server = Server(each, answer)
    try:
        yield server, Connections("http", server.host, keep=2)
    finally:
        server.close()


def body(connections, sent):
    with connections.answered(sent) as response:
        return response.read()


def test_one_connection_serves_many_requests():
    with serving(each=3) as (server, connections):
        assert [body(connections, asks()) for _ in range(3)] == [b"hello"] * 3
        assert server.accepted == 1


def test_what_cannot_be_sent_again_goes_by_no_connection_that_the_server_has_closed():
    with serving(each=1) as (server, connections):
        assert body(connections, asks()) == b"hello"
        assert server.has_hung_up(1)
        assert body(connections, asks(only_once=True)) == b"hello"
        assert server.accepted == 2


def test_what_can_be_sent_again_says_that_the_server_was_gone_and_comes_through_the_next_time():
    with serving(each=1) as (server, connections):
        body(connections, asks())
        assert server.has_hung_up(1)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            body(connections, asks())
        assert body(connections, asks()) == b"hello"


def test_what_was_left_half_read_serves_nobody_else():
    with serving(each=2) as (server, connections):
        with connections.answered(asks()) as response:
            assert response.read(2) == b"he"
        assert body(connections, asks()) == b"hello"
        assert server.accepted == 2


def test_an_answer_that_is_cut_short_is_an_error_in_pieces_too():
    with (
        serving(each=1, answer=ANSWER[:-1]) as (_, connections),
        connections.answered(asks()) as response,
        pytest.raises(http.client.IncompleteRead),
    ):
        list(chunks(response, 2))
