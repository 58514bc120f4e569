"""The function as Lambda calls it, and how `advance` gets there."""

import json
from types import SimpleNamespace

import pytest
from chalice.test import Client

from chalicelib import wiring
from chalicelib.aws.lambda_invoke import reach_function
from chalicelib.errors import AwsDenied
from chalicelib.models.stack import Stack
from chalicelib.net.database_login import DatabaseRequest
from chalicelib.net.login_problem import Problem
from chalicelib.net.reach import ReachDatabases
from chalicelib.net.reach_words import AskDatabase, sealed

NETWORK = {"subnets": ["subnet-0123456789abcdef0"], "securityGroups": ["sg-0123456789abcdef0"]}
DOCUMENT = {"stack": "churn", "region": "eu-west-2", "ecs": {"cluster": "c", "service": "s"}, "network": NETWORK}
STACK = Stack.model_validate(DOCUMENT)
LOGIN = DatabaseRequest("postgres", "127.0.0.1", 5432, "mlflow", "u", "canary-6204")


@pytest.fixture(scope="module")
def lambda_():
    from app import app

    with Client(app) as client:
        yield client.lambda_


def test_s25_the_function_takes_a_question_and_refuses_an_address_that_no_stack_has(lambda_, caplog, capsys):
    answer = lambda_.invoke("reach", json.loads(sealed(AskDatabase.of(LOGIN)))).payload
    assert answer["said"]["facts"]["problem"] == "forbidden_address"
    assert "canary" not in json.dumps(answer) + caplog.text + "".join(capsys.readouterr())


@pytest.mark.parametrize("event", [{}, {"run_id": "r", "generation": 1}, {"version": 1, "ask": {"kind": "shell"}}])
def test_any_other_event_is_refused_in_a_sentence(lambda_, event):
    said = lambda_.invoke("reach", event).payload["said"]
    assert said["kind"] == "not_done"
    assert said["why"].startswith("the request cannot be read")


class Own:
    """Steward's own gateways."""

    def __init__(self, text="k3y"):
        self.asked, self.text = [], text
        self.lambda_invoke = SimpleNamespace(ask=self._ask)
        self.secrets = SimpleNamespace(text=self._text)

    def _ask(self, function, payload, *, max_bytes):
        self.asked.append((function, max_bytes))
        return b'{"version": 1, "said": {"kind": "not_done", "why": "busy"}}'

    def _text(self, name):
        self.asked.append(name)
        if isinstance(self.text, Exception):
            raise self.text
        return self.text


def test_advance_asks_the_stack_s_own_function_with_steward_s_own_rights():
    own = Own()
    carry = wiring._carry_into(own, "prod")(STACK)
    assert own.asked == []
    assert ReachDatabases(carry).look(LOGIN).problem is Problem.OUT_OF_REACH
    assert own.asked == [(reach_function("prod", STACK), 6 * 1024 * 1024)]


def test_a_function_of_another_region_is_asked_there():
    away, own = Own(), Own()
    own.in_region = {"us-east-1": away}.__getitem__
    arn = "arn:aws:lambda:us-east-1:210987654321:function:shared-reach"
    elsewhere = Stack.model_validate({**DOCUMENT, "network": {**NETWORK, "function": arn}})
    ReachDatabases(wiring._carry_into(own, "prod")(elsewhere)).look(LOGIN)
    assert (own.asked, away.asked) == ([], [(arn, 6 * 1024 * 1024)])


def test_the_fingerprint_key_is_read_once_and_only_when_asked():
    own = Own()
    read = wiring._fingerprint_key(own, "steward/fingerprints")
    assert own.asked == []
    assert (read(), read(), own.asked) == (b"k3y", b"k3y", ["steward/fingerprints"])
    assert wiring._fingerprint_key(own, None) is None


def test_a_key_that_cannot_be_read_shows_no_fingerprints_and_stops_no_step_s29():
    own = Own(AwsDenied("secretsmanager:GetSecretValue", "AccessDenied", "no"))
    read = wiring._fingerprint_key(own, "steward/fingerprints")
    assert read() == b""
    own.text = "later"
    assert read() == b"later"
