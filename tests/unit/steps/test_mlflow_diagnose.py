"""mlflow.diagnose: everything is read side by side, and what could not look supports nothing."""

from chalicelib.diagnosis.symptoms import ProbeReading
from chalicelib.errors import AwsDenied
from chalicelib.models.finding import Diagnosis, Evidence, Finding, Outcome, Trust, Veto
from chalicelib.steps.probes.mlflow_diagnose import READERS, Diagnose, DiagnoseParams, symptoms_of
from chalicelib.steps.side_by_side import LATE, in_threads, one_after_another

FOUND = Diagnosis(
    outcome=Outcome.DIAGNOSED,
    findings=(
        Finding(
            cause="rds.storage_full",
            confidence=0.9,
            evidence=(Evidence(source="probe", text="rds.describe_instance.status=storage-full"),),
            remedy="grow the storage",
            trust=Trust.AWS,
        ),
    ),
    vetoes=(Veto(step="ecs.restart_tasks", cause="rds.storage_full", why="new tasks cannot start"),),
)


class Diagnoser:
    """Answers what it was told to, and keeps what it was given."""

    def __init__(self, answer: Diagnosis) -> None:
        self.answer, self.given = answer, []

    def diagnose(self, symptoms):
        self.given.append(symptoms)
        return self.answer


def read(world, diagnoser, side_by_side=one_after_another):
    return Diagnose().read(world.ctx(diagnoser=diagnoser, side_by_side=side_by_side), DiagnoseParams())


def test_the_first_finding_is_named_with_its_evidence_and_its_vetoes(world):
    world.task("a")
    output = read(world, Diagnoser(FOUND))
    assert (output.outcome, output.cause, output.may_act_alone) == (Outcome.DIAGNOSED, "rds.storage_full", True)
    assert output.findings[0].evidence == ("probe: rds.describe_instance.status=storage-full",)
    assert [veto.step for veto in output.vetoes] == ["ecs.restart_tasks"]


def test_a_probe_that_is_denied_is_blind_and_not_the_end_of_the_diagnosis_s3(world):
    world.task("a")
    operation = "rds:DescribeDBInstances"
    world.denied[operation] = AwsDenied(operation, "AccessDenied", "no")
    diagnoser = Diagnoser(Diagnosis(outcome=Outcome.UNKNOWN))
    output = read(world, diagnoser)
    blind = [line.partition(":")[0] for line in output.blind]
    assert "rds.describe_instance" in blind
    assert "ecs.describe_service" in output.read
    assert all(reading.as_lines() == () for reading in diagnoser.given[0].probes if reading.probe in blind)


def test_without_signatures_it_says_so_instead_of_guessing(world):
    world.task("a")
    output = read(world, None)
    assert (output.outcome, output.blind) == (Outcome.UNKNOWN, ("no signatures are packaged",))


def test_stop_reasons_and_log_lines_have_places_of_their_own():
    stopped = {
        "tasks": [
            {"why": "OutOfMemoryError", "exit_codes": [137], "failed_to_start": True},
            {"why": "Scaling activity", "exit_codes": [0], "failed_to_start": False},
        ]
    }
    symptoms = symptoms_of(
        (
            ProbeReading("ecs.stopped_tasks", stopped),
            ProbeReading("logs.search", {"lines": [{"text": "boom"}]}),
            ProbeReading("db.connect", {}, failed="not reachable from here"),
        )
    )
    assert (symptoms.stop_reasons, symptoms.exit_codes) == (("OutOfMemoryError",), (137,))
    assert b"".join(symptoms.log) == b"boom\n"
    assert [reading.probe for reading in symptoms.probes] == ["db.connect"]


def test_a_probe_that_is_late_does_not_hold_up_the_others():
    import threading

    never = threading.Event()
    answers = in_threads({"quick": lambda: "here", "late": lambda: never.wait(5) or "too late"}, 0.2)
    never.set()
    assert answers == {"quick": "here", "late": LATE}


def test_it_declares_the_rights_of_every_probe_it_asks():
    declared = {one.action for one in Diagnose.permissions}
    assert declared == {one.action for probe in READERS for one in probe.permissions}


def test_ldap_and_secrets_are_among_what_it_asks():
    assert {"ldap.bind", "secrets.describe", "stack.drift", "quotas.near_limit"} <= {probe.name for probe in READERS}


def test_s21_every_part_is_asked_with_its_own_rights(world):
    """Each part's session notes who uses it; the step's own has no rights at all."""
    asked = []

    class Session:
        def __init__(self, name):
            self._name = name

        def __getattr__(self, service):
            asked.append((self._name, service))
            raise AwsDenied("sts:AssumeRole", "AccessDenied", "no")

    sessions = {probe.name: Session(probe.name) for probe in READERS}
    ctx = world.ctx(
        aws=Session("the step itself"),
        part_sessions=sessions,
        diagnoser=Diagnoser(Diagnosis(outcome=Outcome.UNKNOWN)),
        side_by_side=one_after_another,
    )
    output = Diagnose().read(ctx, DiagnoseParams())
    assert ("the step itself", "ecs") not in asked
    assert {"ecs.describe_service", "secrets.describe", "quotas.near_limit"} <= {name for name, _ in asked}
    assert "the step itself" not in {name for name, _ in asked}
    assert any(line.startswith("secrets.describe: not reachable from here") for line in output.blind)


def notice(name):
    return Finding(cause=name, confidence=0.95, remedy="look", trust=Trust.AWS, notice=True)


def test_a_healthy_stack_with_notices_is_healthy_and_nothing_may_act_because_of_them(world):
    world.task("a")
    output = read(world, Diagnoser(Diagnosis(outcome=Outcome.HEALTHY, findings=(notice("drift.reverted"),))))
    assert (output.outcome, output.cause, output.confidence, output.may_act_alone) == (Outcome.HEALTHY, None, 0, False)
    assert [(found.cause, found.notice) for found in output.findings] == [("drift.reverted", True)]


def test_notices_are_told_after_the_causes(world):
    world.task("a")
    both = FOUND.model_copy(update={"findings": (*FOUND.findings, notice("quota.near_limit"))})
    output = read(world, Diagnoser(both))
    assert output.cause == "rds.storage_full"
    assert [found.cause for found in output.findings] == ["rds.storage_full", "quota.near_limit"]
