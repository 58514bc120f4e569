"""With basic-auth on a search silently leaves out what the caller may not read: only a proven admin judges (S15)."""

from collections.abc import Iterator

import pytest

from chalicelib.errors import MlflowRefused, StepRefused
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.mlflow_api import MlflowApi
from chalicelib.steps.probes.mlflow_find_expired_runs import FindExpiredRuns
from chalicelib.steps.probes.mlflow_find_orphan_artifacts import FindOrphanArtifacts
from tests.real.lab.estate import Estate
from tests.real.lab.past import Past
from tests.real.lab.tracking import Tracking

pytestmark = pytest.mark.real

READER = ("reader", "a-long-reader-canary")
OLD_ENOUGH: dict[str, object] = {"older_than_days": 90}
PARAMS: dict[str, dict[str, object]] = {
    "mlflow.delete_runs": OLD_ENOUGH,
    "ecs.run_one_off_task": OLD_ENOUGH,
    "s3.quarantine_artifacts": {},
    "mlflow.find_expired_runs": OLD_ENOUGH,
    "mlflow.find_orphan_artifacts": {},
}
PLANNERS = (DeleteRuns(), RunOneOffTask(), QuarantineArtifacts())
READERS = (FindExpiredRuns(), FindOrphanArtifacts())


@pytest.fixture(scope="module")
def hidden(behind_logins: Tracking) -> str:
    """An experiment that `reader` may not see, with a run that retention and gc would take."""
    past = behind_logins.past
    past.tell("users/create", username=READER[0], password=READER[1])
    secret = past.experiment("secret")
    denied = {"resource_type": "experiment", "resource_id": secret, "permission": "DENY"}
    past.tell("users/permissions/grant", under="/api/3.0/mlflow", username=READER[0], **denied)
    past.run(secret, 150, "private.txt")
    return secret


@pytest.fixture
def estate(behind_logins: Tracking) -> Iterator[Estate]:
    with behind_logins.estate() as made:
        yield made


def plan_as(estate: Estate, action, secret: str, **changed: object):
    stack = estate.stack(secret).model_copy(update=changed)
    return action.plan(estate.ctx(stack=stack), action.Params.model_validate(PARAMS[action.name]))


def test_s15_who_is_no_admin_is_refused_since_what_he_may_not_see_would_look_like_nobodys(
    behind_logins: Tracking, estate: Estate, hidden: str
) -> None:
    assert hidden in behind_logins.past.experiments()
    assert hidden not in Past(behind_logins.server, READER).experiments(), "MLflow hides it without a word"
    estate.keep_secret("lab/reader", READER)
    before = estate.hashes()
    for action in PLANNERS:
        with pytest.raises(StepRefused, match="does not say that reader is an admin") as refused:
            plan_as(estate, action, "lab/reader")
        assert refused.value.rule == "S15"
    for probe in READERS:
        with pytest.raises(StepRefused, match="does not say that reader is an admin"):
            probe.read(estate.ctx(stack=estate.stack("lab/reader")), probe.Params.model_validate(PARAMS[probe.name]))
    assert estate.tasks.ended == {}
    assert estate.hashes() == before


def test_s15_a_wrong_password_and_a_login_that_may_not_be_sent_are_refused(estate: Estate, hidden: str) -> None:
    estate.keep_secret("lab/wrong", ("admin", "not-the-password"))
    with pytest.raises(MlflowRefused, match="401"):
        plan_as(estate, RunOneOffTask(), "lab/wrong")
    with pytest.raises(StepRefused, match="no login could be sent"):
        plan_as(estate, RunOneOffTask(), "lab/mlflow", allow_plain_http=False)


def test_an_admin_sees_what_others_do_not(estate: Estate, hidden: str) -> None:
    MlflowApi(estate.ctx()).prove_admin()
    found = estate.read(FindExpiredRuns(), older_than_days=90, experiment="secret")
    assert (found.runs, found.objects) == (1, 1)
