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
