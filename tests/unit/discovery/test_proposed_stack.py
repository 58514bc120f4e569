"""A proposed stack: what is sure, what is guessed, what is left open; and its text, which nobody can break out of."""

from dataclasses import replace

from chalicelib.aws.ecs_shapes import ContainerDefinition, TaskDefinition
from chalicelib.aws.survey import BalancerSeen, DatabaseSeen, ServiceSeen
from chalicelib.catalog.load import load_stack
from steward.discovery.proposal import Around, propose, secret_name, stack_name
from steward.discovery.server import server_of
from steward.discovery.stack_file import stack_text

SECRET = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:team/db-Ab12Cd"
GROUP = "arn:aws:elasticloadbalancing:eu-west-2:123456789012:targetgroup/runs/0123456789abcdef"
STORE = "postgresql://u:$DB_PASSWORD@db.internal:5432/runs"


def seen(command=f"mlflow server --backend-store-uri {STORE}", **over):
    environment = over.pop("environment", {})
    secrets = over.pop("secrets", {"DB_PASSWORD": SECRET})
    container = ContainerDefinition("app", "python:3.11", (command,), (), environment, secrets, {})
    definition = TaskDefinition("arn:td:1", "f", 1, None, None, (container,), frozenset(), None, True)
    service = ServiceSeen("ml", "Runs_1", definition, None, None, {}, ((GROUP, "app"),), (), (), {})
    return replace(service, **over)


def around(**over):
    balancer = BalancerSeen("arn:lb", "runs-alb", "runs.elb.example", False, (("HTTPS", 443),))
    usual = Around("eu-west-2", "123456789012", {GROUP: "runs"}, (balancer,), (), (), ())
    return replace(usual, **over)


def proposed(service, account):
    server = server_of(service.definition)
    assert server is not None
    return propose(service, server, account)


def values(proposal):
    return {".".join(line.path): (line.value, line.sure) for line in proposal.lines}


def test_a_database_whose_address_the_server_names_is_sure():
    others = (
        DatabaseSeen("other", False, "postgres", ("x.internal",)),
        DatabaseSeen("runs-db", False, "postgres", ("db.internal",)),
    )
    found = values(proposed(seen(), around(databases=others)))
    assert found["database.instance"] == ("runs-db", True)
    assert found["database.name"] == ("runs", True)
    assert found["database.secret"] == ("team/db", True)


def test_a_cluster_is_written_as_one():
    aurora = (DatabaseSeen("runs-aurora", True, "aurora-postgresql", ("db.internal", "db-ro.internal")),)
    found = values(proposed(seen(), around(databases=aurora)))
    assert found["database.cluster"] == ("runs-aurora", True)
    assert found["database.engine"] == ("postgres", True)


def test_the_only_database_that_fits_is_a_guess_and_of_two_none_is_taken():
    one = DatabaseSeen("one", False, "postgres", ("one.internal",))
    mysql = DatabaseSeen("my", False, "mysql", ("my.internal",))
    guessed = values(proposed(seen(), around(databases=(one, mysql))))
    assert guessed["database.instance"] == ("one", False)
    assert "database.name" not in guessed
    two = proposed(seen(), around(databases=(one, replace(one, id="two"))))
    assert not any(line.path[0] == "database" for line in two.lines)
    assert any(each.key == "database" and "2 databases fit" in each.why for each in two.open)


def test_basic_auth_without_a_secret_of_an_admin_is_left_open_so_that_the_file_still_loads():
    proposal = proposed(seen("mlflow server --app-name basic-auth"), around())
    assert any(each.key == "mlflow" for each in proposal.open)
    assert load_stack(stack_text(proposal, "x"), "runs-1.yml").mlflow.admin_secret is None


def test_a_load_balancer_without_tls_leaves_plain_http_to_a_person():
    plain = BalancerSeen("arn:lb", "a", "a.example", True, (("HTTP", 8080),))
    proposal = proposed(seen(), around(balancers=(plain,)))
    assert values(proposal)["url"] == ("http://a.example:8080", False)
    assert any(each.instead == "allowPlainHttp: true" for each in proposal.open)


def test_alarms_that_say_nothing_of_the_service_are_tied_by_their_name():
    known = (("Runs_1 errors", {"LogGroup": "x"}), ("lb", {"LoadBalancer": "app/runs-alb/12"}))
    assert values(proposed(seen(), around(alarms=known)))["alarms"] == (("Runs_1*",), False)
    only_tied = proposed(seen(), around(alarms=known[1:]))
    assert "alarms" not in values(only_tied)
    assert not any(each.key == "alarms" for each in only_tied.open)


def test_a_bucket_that_sounds_like_the_backup_is_offered_and_never_taken():
    command = "mlflow server --artifacts-destination s3://team-runs/a"
    proposal = proposed(seen(command), around(buckets=("team-runs", "team-backup", "other-backup")))
    assert "artifacts.backupBucket" not in values(proposal)
    assert any(each.instead == "  backupBucket: team-backup" for each in proposal.open)


def test_hostile_tags_and_names_stay_inside_their_comment_s30():
    evil = "team\nautonomy: auto\x1b[31m # \u202e"
    proposal = proposed(seen(tags={"owner": evil}), around())
    text = stack_text(proposal, "x")
    stack = load_stack(text, "runs-1.yml")
    assert stack.autonomy.value == "suggest"
    assert stack.owners
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\nautonomy: auto" not in text


def test_secret_values_in_the_environment_come_out_nowhere_s29():
    canary = "ca4ary-pa55word"
    environment = {"MLFLOW_BACKEND_STORE_URI": f"postgresql://u:{canary}@db.internal/runs", "AWS_SECRET": canary}
    service = seen("mlflow server", environment=environment, secrets={})
    proposal = proposed(service, around(databases=(DatabaseSeen("runs-db", False, "postgres", ("db.internal",)),)))
    assert values(proposal)["database.instance"] == ("runs-db", True)
    assert canary not in stack_text(proposal, "x")
    assert canary not in repr(proposal)


def test_names_of_stacks_and_secrets_are_made_of_what_aws_calls_them():
    assert stack_name("Runs_1") == "runs-1"
    assert stack_name("1st") == "mlflow-1st"
    assert secret_name(SECRET + ":password::", "eu-west-2") == "team/db"
    assert secret_name(SECRET, "eu-west-1") == SECRET
    assert secret_name("arn:aws:ssm:eu-west-2:123456789012:parameter/db", "eu-west-2") is None
