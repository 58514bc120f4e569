"""reach: the same questions in the stack's network. One contract for the direct ports and for those that
go through the function; what crosses is JSON both ways, as Lambda makes it."""

import base64
import json
import urllib.parse

import pytest

from chalicelib.errors import AwsDenied, AwsNotFound, AwsThrottled, AwsUnavailable, HttpFailure
from chalicelib.flows.reach import Inside, reach
from chalicelib.net.database_contents import Contents
from chalicelib.net.database_login import DatabaseFacts, DatabaseRequest, Holder, KnownDatabase, KnownDatabases
from chalicelib.net.directory_login import DirectoryRequest, KnownDirectories, KnownDirectory
from chalicelib.net.guarded import GuardedHttp
from chalicelib.net.http import HttpAnswer, HttpRequest
from chalicelib.net.login_problem import Problem
from chalicelib.net.reach import ReachDatabases, ReachDirectories, ReachHttp
from chalicelib.net.reach_words import MOST_ASKED, VERSION, AskHttp, sealed

CANARY = "c4n@ry/9931 äß"
INTERNAL, PUBLIC = "10.0.3.7", "52.94.10.7"


class Pages:
    """An HttpPort that answers what it was told to."""

    def __init__(self, *said):
        self.said, self.asked = list(said), []

    def ask(self, request):
        self.asked.append(request)
        answer = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def page(body=b'{"experiments": []}', status=200):
    return HttpAnswer(status, {"content-type": "application/json"}, body, 0.04)


def databases():
    holders = (Holder("mlflow", "mlflow server", "10.0.1.9", "idle", 12),)
    facts = DatabaseFacts(None, "logged in", True, True, True, "TLSv1.3 verified", "15.8", 5, 97, 0, False, (), holders)
    known = KnownDatabase(users={"mlflow": CANARY}, databases=("mlflow",), facts=facts)
    other = KnownDatabase(users={"mlflow": CANARY}, facts=DatabaseFacts(reachable=True, alembic_version=("a1", "b2")))
    held = Contents({"runs": 12, "metrics": 4000}, "a1f0", 1_763_600_000_000)
    counted = KnownDatabase(users={"mlflow": CANARY}, facts=DatabaseFacts(reachable=True, contents=held))
    refusing = {n: KnownDatabase(refuses=problem) for n, problem in enumerate(Problem, 1)}
    servers = {("db.example.com", port): server for port, server in refusing.items()}
    return KnownDatabases(
        {("db.example.com", 5432): known, ("db.example.com", 5433): other, ("db.example.com", 5434): counted, **servers}
    )


def directories():
    known = KnownDirectory(users={"cn=steward": CANARY})
    return KnownDirectories({"ldaps://ldap.example.com": known})


def inside(**over):
    return Inside(**({"databases": databases(), "directories": directories(), "http": Pages(page())} | over))


def carrying(within):
    """To the function and back, as Lambda does it: JSON, nothing but JSON."""

    def carry(payload):
        return json.dumps(reach(within, json.loads(payload))).encode()

    return carry


def login(port=5432, **over):
    given = {"engine": "postgres", "host": "db.example.com", "name": "mlflow", "username": "mlflow", "password": CANARY}
    return DatabaseRequest(port=port, **(given | over))


def bind(**over):
    given = {"url": "ldaps://ldap.example.com", "base_dn": "dc=example,dc=com", "bind_dn": "cn=steward"}
    return DirectoryRequest(**(given | {"password": CANARY, "user_filter": "(uid={username})"} | over))


DATABASE_QUESTIONS = {
    "takes the login": login(),
    "knows several heads of the schema": login(5433),
    "counts what it holds": login(5434, contents=True),
    "refuses the password": login(password="wrong"),
    "lacks the database": login(name="other"),
    "does not listen there": login(9999),
    "does not resolve": login(host="nowhere.example.com"),
    **{f"refuses with {problem.value}": login(n) for n, problem in enumerate(Problem, 1)},
}
DIRECTORY_QUESTIONS = {
    "takes the bind": bind(),
    "refuses the password": bind(password="wrong"),
    "lacks the base": bind(base_dn="dc=other"),
    "does not resolve": bind(url="ldaps://nowhere.example.com"),
    "would be asked in plain text": bind(url="ldap://ldap.example.com"),
}


@pytest.mark.parametrize("question", DATABASE_QUESTIONS)
def test_a_database_answers_through_reach_as_it_answers_directly(question):
    request = DATABASE_QUESTIONS[question]
    assert ReachDatabases(carrying(inside())).look(request) == databases().look(request)


@pytest.mark.parametrize("question", DIRECTORY_QUESTIONS)
def test_a_directory_answers_through_reach_as_it_answers_directly(question):
    request = DIRECTORY_QUESTIONS[question]
    assert ReachDirectories(carrying(inside())).look(request) == directories().look(request)


@pytest.mark.parametrize(
    "answer", [page(), page(bytes(range(256)) * 16_384, 500), HttpFailure("timeout", "no whole answer")]
)
def test_a_page_comes_through_reach_byte_by_byte_and_a_failure_as_the_same_failure(answer):
    within = inside(http=Pages(answer))
    through = ReachHttp(carrying(within), direct=Pages(page()), resolver=lambda host, port: [INTERNAL])
    asked = ("POST", "http://mlflow.example.com/api", {"Authorization": CANARY}, CANARY.encode())
    request = HttpRequest(*asked, allow_hosts=("mlflow.example.com",))
    if isinstance(answer, Exception):
        with pytest.raises(HttpFailure) as caught:
            through.ask(request)
        assert (caught.value.kind, caught.value.detail) == (answer.kind, answer.detail)
    else:
        assert through.ask(request) == answer
    assert within.http.asked == [request]


class TestWhereAUrlIsAsked:
    def ask(self, addresses, direct, within):
        def resolver(host, port):
            if isinstance(addresses, Exception):
                raise addresses
            return addresses

        through = ReachHttp(carrying(inside(http=within)), direct, resolver)
        return through.ask(HttpRequest("GET", "https://mlflow.example.com/", allow_hosts=("mlflow.example.com",)))

    def test_a_public_address_is_asked_from_here(self):
        direct, within = Pages(page(b"direct")), Pages(page(b"within"))
        assert self.ask([PUBLIC], direct, within).body == b"direct"
        assert within.asked == []

    @pytest.mark.parametrize("addresses", [[INTERNAL], ["100.64.0.9"], ["fd12::7"], OSError("no such name")])
    def test_an_internal_one_and_one_that_is_known_only_there_is_asked_there(self, addresses):
        direct, within = Pages(page(b"direct")), Pages(page(b"within"))
        assert self.ask(addresses, direct, within).body == b"within"
        assert direct.asked == []

    def test_a_public_one_that_does_not_let_us_through_is_asked_there_so_that_no_connection_is_said_from_there(self):
        direct, within = Pages(HttpFailure("refused", "no")), Pages(HttpFailure("refused", "not there either"))
        with pytest.raises(HttpFailure, match="not there either"):
            self.ask([PUBLIC], direct, within)

    @pytest.mark.parametrize("kind", ["timeout", "tls", "protocol", "too_large"])
    def test_what_got_through_from_here_is_not_asked_again(self, kind):
        within = Pages(page())
        with pytest.raises(HttpFailure, match=kind):
            self.ask([PUBLIC], Pages(HttpFailure(kind, "x")), within)
        assert within.asked == []

    def test_s25_a_forbidden_address_is_told_by_the_direct_port_and_never_carried(self):
        within = Pages(page())
        with pytest.raises(HttpFailure, match="forbidden_address"):
            self.ask(["169.254.169.254"], GuardedHttp(resolver=lambda h, p: ["169.254.169.254"]), within)
        assert within.asked == []


OWN_TROUBLE = {
    "is not deployed": AwsNotFound("lambda:InvokeFunction", "ResourceNotFoundException", "no function"),
    "is denied": AwsDenied("lambda:InvokeFunction", "AccessDeniedException", "no right"),
    "runs out of time": AwsUnavailable("lambda:InvokeFunction", "FunctionError.Sandbox.Timedout", "late"),
    "is throttled": AwsThrottled("lambda:InvokeFunction", "TooManyRequestsException", "later"),
}


@pytest.mark.parametrize("trouble", OWN_TROUBLE)
def test_a_reach_that_fails_is_our_blindness_and_no_fact_of_the_stack_s3(trouble):
    def carry(_payload):
        raise OWN_TROUBLE[trouble]

    database, directory = ReachDatabases(carry).look(login()), ReachDirectories(carry).look(bind())
    for facts in (database, directory):
        assert (facts.problem, facts.reachable) == (Problem.OUT_OF_REACH, None)
        assert facts.problem.is_ours
        assert OWN_TROUBLE[trouble].code in facts.detail
    assert (database.authenticated, directory.bound) == (None, None)
    with pytest.raises(HttpFailure, match=r"out_of_reach: reach: lambda:InvokeFunction answers"):
        ReachHttp(carry, Pages(page()), lambda h, p: [INTERNAL]).ask(HttpRequest("GET", "http://m.example.com/"))


@pytest.mark.parametrize(
    "answer", [b"", b"null", b"[]", b'{"version": 2, "said": {"kind": "not_done", "why": "x"}}', b"x" * (7 << 20)]
)
def test_an_answer_that_cannot_be_read_is_blindness_too_s3(answer):
    facts = ReachDatabases(lambda _payload: answer).look(login())
    assert (facts.problem, facts.reachable) == (Problem.OUT_OF_REACH, None)
    assert "cannot be read" in facts.detail


def test_an_answer_of_another_kind_than_was_asked_for_is_no_answer_s3():
    carry = carrying(inside())
    facts = ReachDirectories(lambda _payload: carry(sealed(AskHttp.of(HttpRequest("GET", "http://x/"))))).look(bind())
    assert facts.problem is Problem.OUT_OF_REACH


def asked(**ask):
    return {"version": VERSION, "ask": ask}


DATABASE = {"kind": "database", "engine": "postgres", "host": "db", "port": 5432, "name": "m", "username": "u"}
REFUSED = {
    "an unknown kind": asked(kind="shell", command=CANARY),
    "no kind": asked(password=CANARY),
    "another version": {"version": 2, "ask": {**DATABASE, "password": CANARY, "timeout_s": 3}},
    "a key nobody knows": asked(**DATABASE, password=CANARY, timeout_s=3, **{CANARY: CANARY}),
    "too long a time": asked(**DATABASE, password=CANARY, timeout_s=600),
    "a port that is none": asked(**{**DATABASE, "port": 0}, password=CANARY, timeout_s=3),
    "an engine nobody knows": asked(**{**DATABASE, "engine": CANARY}, password=CANARY, timeout_s=3),
    "too much": asked(**DATABASE, password=CANARY + "x" * MOST_ASKED, timeout_s=3),
    "a method that changes things": asked(
        kind="http", method="DELETE", url="http://m/", timeout_s=3, max_bytes=9, headers={"a": CANARY}
    ),
    "nothing": {},
}


@pytest.mark.parametrize("what", REFUSED)
def test_only_known_and_bounded_questions_are_taken_and_a_refusal_repeats_nothing_s29(what, caplog, capsys):
    within = inside()
    answer = json.dumps(reach(within, REFUSED[what]))
    assert "cannot be read" in answer
    assert not shows_canary(answer, caplog.text, *capsys.readouterr())
    assert within.databases.asked == []


def shows_canary(*texts):
    plain = CANARY.encode()
    spellings = {
        CANARY,
        json.dumps(CANARY)[1:-1],
        base64.b64encode(plain).decode().rstrip("="),
        urllib.parse.quote(CANARY, safe=""),
        urllib.parse.quote(CANARY),
        repr(plain),
    }
    return [text for text in texts for one in spellings if one in text]


class Broken:
    out_of_reach = None

    def look(self, request):
        raise RuntimeError(f"cannot log in with {request.password}")


class BrokenPages:
    def ask(self, request):
        raise ValueError(f"bad header {request.headers} {request.body}")


@pytest.mark.parametrize("over", [{}, {"databases": Broken(), "directories": Broken(), "http": BrokenPages()}])
def test_s29_nothing_that_was_given_is_logged_or_handed_back_even_where_it_breaks(over, caplog, capsys):
    within = inside(**over)
    carried = []

    def carry(payload):
        carried.append(json.dumps(reach(within, json.loads(payload))))
        return carried[-1].encode()

    said = [repr(ReachDatabases(carry).look(login())), repr(ReachDirectories(carry).look(bind()))]
    url = HttpRequest("POST", "http://m.example.com/", {"Authorization": f"Basic {CANARY}"}, CANARY.encode())
    try:
        said.append(repr(ReachHttp(carry, Pages(page()), lambda h, p: [INTERNAL]).ask(url)))
    except HttpFailure as failure:
        said.append(repr(failure))
    said += [repr(login()), repr(bind()), repr(url), repr(AskHttp.of(url)), str(AskHttp.of(url).model_dump())]
    assert len(carried) == 3
    assert not shows_canary(*carried, *said, caplog.text, *capsys.readouterr())


def test_s29_the_payload_alone_carries_the_secret_and_other_writing_of_the_words_does_not():
    words = AskHttp.of(HttpRequest("GET", "http://m/", {"Authorization": CANARY}))
    assert json.loads(sealed(words))["ask"]["headers"] == {"Authorization": CANARY}
    assert not shows_canary(words.model_dump_json(), repr(words), str(words.model_dump()))


def test_whoever_wants_more_time_or_a_larger_page_gets_what_reach_has():
    within = inside()
    through = ReachHttp(carrying(within), Pages(page()), lambda h, p: [INTERNAL])
    through.ask(HttpRequest("GET", "http://m.example.com/", timeout_s=60, max_bytes=1 << 30))
    assert (within.http.asked[0].timeout_s, within.http.asked[0].max_bytes) == (15, 4 << 20)
