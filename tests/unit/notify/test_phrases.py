"""Words that people read: durations and what was done."""

import pytest

from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.run import StepRecord
from chalicelib.notify.phrases import amount, changes_in, done_in_words, duration


def change(action: str, **touches: int) -> Change:
    return Change(
        step="s", action=action, operation="ecs:X", parameters={}, resource="r", sentence="x", touches=touches
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (-3, "0 s"), (59, "59 s"), (60, "1 min"), (372, "6 min"), (3600, "1 h"), (7500, "2 h 5 min")],
)
def test_a_duration_is_said_as_a_person_would(seconds: int, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([], "nothing changed"),
        ([change("ecs.restart_tasks", tasks=1)], "restarted 1 task"),
        ([change("ecs.restart_tasks", tasks=1), change("ecs.restart_tasks", tasks=1)], "restarted 2 tasks"),
        ([change("ecs.force_deployment")], "forced the deployment"),
        ([change("ecs.scale_service")], "scaled the service"),
        ([change("ecs.roll_back_deployment")], "rolled back the deployment"),
        ([change("mlflow.frobnicate_things")], "ran mlflow.frobnicate_things"),
        (
            [change("ecs.scale_service"), change("ecs.restart_tasks", tasks=1)],
            "scaled the service and restarted 1 task",
        ),
        ([change("a.put_x"), change("b.put_x"), change("c.put_x")], "3 changes made"),
    ],
)
def test_what_was_done_is_said_in_a_few_words(changes: list[Change], words: str) -> None:
    assert done_in_words(changes) == words


def test_one_is_singular() -> None:
    assert [amount(n, "tasks") for n in (0, 1, 2)] == ["0 tasks", "1 task", "2 tasks"]


def test_a_change_without_progress_yet_counts_as_not_begun() -> None:
    step = StepRecord(
        run_id="r",
        id="s",
        do="x",
        changes=(change("a.b_c"), change("a.b_d")),
        progress=(ChangeProgress(state=ChangeState.DONE),),
    )
    assert [c.action for c, _ in changes_in([step], ChangeState.STORED)] == ["a.b_d"]
