"""S14, S15: the end of a quarantine, over random histories: what has an owner again by then stays, so does what is not
due and what the other stack put away; all else of the plan goes, whatever dies on the way."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.models.history import MadeKind
from chalicelib.steps.actions.s3_delete_quarantined import DeleteQuarantined
from chalicelib.steps.step import Standing
from steward.sandbox import place
from steward.sandbox.crash_objects import bodies
from steward.sandbox.world import World
from tests.functional.maintenance.deeds import DEATHS, Story, attempt, do, meanwhile, put_back
from tests.functional.maintenance.pasts import BARE, DAY_S, OWN, PASTS, living, said

END, ID = DeleteQuarantined(), r"[0-9a-f]{32}"
MINDS = (
    ("nothing", "nothing"), ("nothing", "nothing"), ("reborn", "nothing"), ("nothing", "reborn"),
    ("nothing", "version"), ("nothing", "logged model"), ("inside", "nothing"), ("nothing", "inside"),
)  # fmt: skip
"""Before the plan and after it."""


def aside(world):
    """By whole key in the bucket, the former key and the body of what is in any quarantine."""
    return {
        key: (key.partition("/objects/")[2], body)
        for key, body in bodies(world).items()
        if key.startswith(".steward/") and "/objects/" in key
    }


def due(story):
    """Names of this stack's quarantines whose time is up."""
    made = story.bench.history.creations(place.NAME, MadeKind.QUARANTINE)
    return {one.id for one in made if one.delete_after <= story.world.clock.now()}


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    past=PASTS,
    deaths=st.lists(DEATHS, min_size=3, max_size=3),
    minds=st.permutations(MINDS),
    whom=st.permutations((1, 3, 4)),
    theirs=st.booleans(),
)
def test_s14_s15_what_is_quarantined_ends_by_its_plan_unless_somebody_owns_it_again(past, deaths, minds, whom, theirs):
    with World.create(seed=5) as world:
        story = Story.of(world, past)
        do(story, {"do": "orphans", "deaths": deaths[0]})
        if theirs:
            do(story, {"do": "orphans", "whose": "other"})
        world.skip(28 * DAY_S)
        do(story, {"do": "orphans", "deaths": deaths[1]})  # what was too young the first time
        for number in range(2):  # the first is due, then the second too
            world.skip((3, 28)[number] * DAY_S)
            _end(story, minds[number], whom[number:], deaths[2])

        kept = aside(world)
        put_back(story, by_hand=True)
        assert dict(kept.values()).items() <= bodies(world).items(), "whole, and restorable"


def test_a_quarantine_that_is_due_and_nobody_s_does_end():
    """Else the property above could hold because nothing was ever planned."""
    with World.create(seed=5) as world:
        story = Story.of(world, BARE)
        do(story, {"do": "orphans"})
        assert len(aside(world)) > 0
        world.skip(31 * DAY_S)
        _end(story, ("nothing", "nothing"), (1, 3), (0, 1))
        assert [change.action for _, change in story.done] == ["s3.quarantine_artifacts", "s3.delete_quarantined"]
        assert aside(world) == {}


def _end(story, minds, whom, deaths):
    world = story.world
    story.turn += 1
    where = story.where()
    meanwhile(story, minds[0], whom[0])
    changes = END.plan(story.bench.ctx(**where), END.Params())
    meanwhile(story, minds[1], whom[1])
    outside = {key: body for key, body in bodies(world).items() if not key.startswith(".steward/")}
    before, names = aside(world), due(story)
    mine = {key for key, (former, _) in before.items() if former.startswith(OWN)}
    ending = {key for key in mine if key.split("/")[3] in names}
    owned = living(world, keys=[former for former, _ in before.values()])
    stays = {key for key, (former, _) in before.items() if key not in ending or former in owned}
    for change in changes:
        look = END.look(story.bench.ctx(**where), change)
        if look.standing is Standing.READY:
            assert attempt(story, END, change, deaths, **where)
    now = aside(world)
    assert outside == {key: body for key, body in bodies(world).items() if not key.startswith(".steward/")}
    assert {key: now.get(key) for key in stays} == {key: before[key] for key in stays}, "not this plan's to end"
    if minds[1] == "nothing":
        text = said(world)
        free = {key for key in ending if not any(name in text for name in re.findall(ID, before[key][0]))}
        assert not free & now.keys(), "and nothing of the plan is left behind"
