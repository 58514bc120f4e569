"""How the crash harness counts a service that is moved onto revisions."""

from collections import Counter

from steward.sandbox.crash_effects import REGISTERS, effect, moved_wrongly

ONE, TWO, THREE = ({"service": "s", "taskDefinition": f"arn:family:{n}"} for n in (1, 2, 3))


def moves(*where):
    return Counter(effect("ecs:UpdateService", one) for one in where)


def test_a_new_revision_is_one_move_and_back_is_another():
    recorded = Counter({REGISTERS: 1}) + moves(ONE)
    assert moved_wrongly(recorded, moves(TWO, ONE)) == []
    assert moved_wrongly(recorded, moves(TWO, TWO, ONE)) == []


def test_a_move_that_was_recorded_and_never_made_is_found():
    assert "recorded but not made" in moved_wrongly(Counter({REGISTERS: 1}) + moves(ONE), moves(TWO))[0]
    assert "made none" in moved_wrongly(Counter({REGISTERS: 1}), Counter())[0]


def test_a_move_that_nobody_recorded_is_found():
    assert "moved onto 3 revisions" in moved_wrongly(Counter({REGISTERS: 1}), moves(ONE, TWO, THREE))[0]


def test_a_timed_change_moves_there_and_back():
    assert moved_wrongly(Counter({REGISTERS: 1}), moves(TWO, ONE)) == []


def test_a_move_told_by_what_differs_counts_as_one():
    told = Counter({effect("ecs:UpdateService", {"service": "s", "former": "arn:family:1", "edits": []}): 1})
    assert moved_wrongly(Counter({REGISTERS: 1}) + told, moves(TWO, ONE)) == []
