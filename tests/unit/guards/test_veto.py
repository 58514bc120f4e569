"""What a diagnosis forbids is refused before the first Change, and the record says why."""

from chalicelib.guards.veto import vetoed

DISK = {"vetoes": [{"step": "ecs.restart_tasks", "cause": "rds.storage_full", "why": "new tasks cannot start"}]}


def test_a_step_that_the_diagnosis_forbids_is_refused_and_says_why():
    result = vetoed(["ecs.restart_tasks"], [None, DISK])
    assert not result.passed
    assert "rds.storage_full" in result.because
    assert "new tasks cannot start" in result.because


def test_another_step_passes_and_so_does_a_run_without_a_diagnosis():
    assert vetoed(["ecs.scale_service"], [DISK]).passed
    assert vetoed(["ecs.restart_tasks"], [None, {"cause": "x"}]).passed


def test_a_veto_that_cannot_be_read_refuses_instead_of_passing():
    """Fail closed: a diagnosis in a shape nobody knows is no permission."""
    assert not vetoed(["ecs.restart_tasks"], [{"vetoes": [{"nonsense": True}]}]).passed
