"""What is done to a past and who dies on the way, from a plan to its end.

plan ─▶ what others do meanwhile ─▶ look ─▶ apply, dying and going on ─▶ nothing that lives is touched
"""

from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st

from chalicelib.errors import StepFailed
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.actions.s3_restore_quarantined import RestoreQuarantined
from chalicelib.steps.step import Pending, Standing
from chalicelib.store.history import History
from steward.sandbox.crash import FragileTable
from steward.sandbox.crash_objects import FragileHttp, bodies
from steward.sandbox.tracking import Model, Version
from steward.sandbox.tracking_faults import run_id
from tests.functional.maintenance.conftest import Bench
from tests.functional.maintenance.pasts import GC_DAYS, OWN, THEIRS, build, living, put, spared_by_retention

DEATHS = st.tuples(st.integers(min_value=1, max_value=9), st.sampled_from([2, 7, 15]))
"""The call at which a worker dies first, and how many calls further the next one comes."""
GC_ENDS = (None, ("killed", 0), ("killed", 1), ("killed", 2), ("killed", 4), ("cancelled", 1), ("cancelled", 5))


MINDS = {
    "retention": ("nothing", "kept", "version"),
    "gc": ("nothing", "nothing", "restored", "version", "logged model", "inside"),
    "orphans": ("nothing", "nothing", "reborn", "version", "logged model", "inside", "written"),
}
"""What people do between the plan and its look."""
MOSTLY = {"retention": 2, "gc": 0, "orphans": 1}
"""Whom they have in mind then: whom the plan is most likely to name."""


@st.composite
def some_deeds(draw, names=("retention", "gc", "gc", "orphans", "orphans", "put back", "wait"), most=5):
    """Of each name as many as there are, in any order: drawn one by one, most would be the same."""
    minds = {name: draw(st.permutations(of)) for name, of in MINDS.items()}
    ends, deeds = draw(st.permutations(GC_ENDS)), []
    for turn, name in enumerate(draw(st.permutations(names))[:most]):
        deed = {"do": name, "deaths": draw(DEATHS), "gc ends": ends[turn], "goes on": turn % 2 == 0}
        if name in MINDS:
            deed |= {"meanwhile": minds[name][turn % len(minds[name])], "whom": MOSTLY[name] if turn < 4 else turn}
        deeds.append(deed)
    return deeds


class DiedError(BaseException):
    pass


class Mortal:
    """Dies before or after the nth call from now on: to AWS by client and by lane, to MLflow, to Steward's table."""

    def __init__(self, world):
        self.left = 0
        events = world.session().events
        events.register_first("before-call", lambda model, **_: self.at(f"before {model.name}"))
        events.register_last("after-call", lambda model, **_: self.at(f"after {model.name}"))
        world.s3_wire.on_call = lambda when, operation: self.at(f"{when} {operation}")
        world.http = FragileHttp(world.http, self.at)

    def at(self, _label):
        self.left -= 1
        if self.left == 0:
            raise DiedError


@dataclass
class Story:
    """One past on its way: what was seen of it, and what may be gone by now."""

    bench: Bench
    mortal: Mortal
    seen: dict[str, bytes] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    done: list = field(default_factory=list)
    """What was carried out, and where."""
    half_done: set[str] = field(default_factory=set)
    """Runs of plans whose task did not come to its end."""
    turn: int = 0

    @classmethod
    def of(cls, world, past):
        mortal = Mortal(world)
        story = cls(Bench(world, history=History(FragileTable(mortal))), mortal)
        build(world, past)
        story.look_around()
        return story

    @property
    def world(self):
        return self.bench.world

    def where(self, whose="own"):
        """A run of its own, of this stack or of the other on the same bucket."""
        own, other = self.world.stack(), self.bench.neighbour(THEIRS)[0]
        mine, beside = (own, other) if whose == "own" else (other, own)
        return {"run_id": f"r-{self.turn:012x}", "stack": mine, "neighbours": (beside,)}

    def look_around(self):
        self.seen |= {key: body for key, body in bodies(self.world).items() if key.startswith((OWN, THEIRS))}

    def check(self, living, before, may_go=()):
        """`living`: keys, as `before` had them. `may_go`: runs whose artifacts gc may have taken."""
        now = bodies(self.world)
        assert {key: now.get(key) for key in living} == {key: before[key] for key in living}, "it lived"
        aside = {key.partition("/objects/")[2]: body for key, body in now.items() if key.startswith(".steward/")}
        self.gone |= {key for key in before if key not in now and key.split("/")[2] in may_go and key.startswith(OWN)}
        for key in self.seen.keys() - self.gone:
            assert self.seen[key] in {now.get(key), aside.get(key)}, f"lost: {key}"


def meanwhile(story, what, whom):
    """What people do between a plan and its look."""
    world, tables, name = story.world, story.world.tracking, run_id(whom)
    run = tables.runs.get(name)
    if what == "restored" and run is not None:
        run.deleted_at = None
    elif what == "kept" and run is not None and run.deleted_at is None:
        run.tags["keep"] = "yes"
    elif what == "version":
        tables.versions.append(Version("late", len(tables.versions) + 1, name, f"runs:/{name}/model", "", ["a"]))
    elif what in {"logged model", "inside"}:  # as MLflow has it: what begins in an experiment lies where that one does
        location = f"mlflow-artifacts:/1/{name}/artifacts/inside"
        tables.experiment("3", "inside").location = location
        if what == "inside":
            tables.add_run(run_id(60), "3", world.clock.now()).artifact_uri = location
        else:
            tables.models[f"m-{run_id(61)}"] = Model(f"m-{run_id(61)}", "3", "", uri=f"{location}/models")
        put(world, f"{OWN}1/{name}/artifacts/inside/models/late.bin")
    elif what == "reborn" and run is None:
        tables.add_run(name, "1", world.clock.now())
        for row in range(50, 53):
            tables.traces[f"tr-{run_id(row)}"] = "1"
    elif what == "written":
        put(world, f"{OWN}1/{name}/artifacts/late.bin")


def attempt(story, action, change, deaths, cancelled_at=None, **where):
    """Until it is done, dying and beginning again from what was stored. Whether it came to a good end."""
    bench, mortal, (at, further) = story.bench, story.mortal, deaths
    progress, waited = ChangeProgress(started_at=bench.world.clock.now()), 0
    for _ in range(600):
        mortal.left = at
        try:
            applied = action.apply(bench.ctx(**where), change, progress)
        except DiedError:
            at += further
            continue
        except StepFailed:
            mortal.left = 0
            return False
        mortal.left = 0
        if not isinstance(applied, Pending):
            story.done.append((where, change))
            bench.made.append((change, progress.model_copy(update={"state": ChangeState.DONE, "facts": applied.facts})))
            return True
        progress = progress.model_copy(update={"checkpoint": applied.checkpoint or progress.checkpoint})
        bench.world.advance(applied.check_after_s)
        waited += 1
        if waited == cancelled_at:
            action.abandon(bench.ctx(**where), change, progress)
            bench.world.advance(120)
            return False
    pytest.fail("it did not come to an end")


PLANS = {
    "retention": (DeleteRuns(), {"olderThanDays": 100}),
    "gc": (RunOneOffTask(), {"verb": "gc", "olderThanDays": GC_DAYS}),
    "orphans": (QuarantineArtifacts(), {"longestRunDays": 30}),
}
NOTHING = {"whose": "own", "meanwhile": "nothing", "whom": 0, "deaths": (0, 1), "gc ends": None, "goes on": True}


def do(story, deed):
    """One planned work, from its plan to its end; and that it touched nothing that lives."""
    deed = NOTHING | deed
    story.turn += 1
    name, world, where = deed["do"], story.world, story.where(deed["whose"])
    action, params = PLANS[name]
    changes = action.plan(story.bench.ctx(**where), action.Params.model_validate(params))  # no past is refused
    meanwhile(story, deed["meanwhile"], deed["whom"])
    story.look_around()
    before, lives, spared = bodies(world), living(world, deed["whose"]), spared_by_retention(world)
    may_go = set()
    for change in changes:
        look = action.look(story.bench.ctx(**where), change)
        if look.standing is Standing.READY:
            may_go |= set(change.precondition.get("runs", ()))
            if not _carried_out(story, action, change, deed, where) and not deed["goes on"]:
                break
    story.check(lives, before, may_go)
    if name == "retention":
        assert not [run for run in spared if world.tracking.runs[run].deleted_at]


def _carried_out(story, action, change, deed, where):
    """As far as it comes: its task may be killed after some of its deletions, or the run be cancelled."""
    how, number = (deed["do"] == "gc" and deed["gc ends"]) or (None, None)
    tasks = story.world.gc_tasks
    tasks.dies_after = number if how == "killed" else None
    ended = attempt(story, action, change, deed["deaths"], number if how == "cancelled" else None, **where)
    tasks.dies_after = None
    if not ended:
        assert how is not None, "only what is made to fail does"
        story.half_done |= set(change.precondition["runs"])
    return ended


def put_back(story, deaths=(0, 1), by_hand=False):
    """All that can be: by the undo of each Change, or by the action that a person starts."""
    story.turn += 1
    done, story.done, story.bench.made = story.done, [], []
    for where, change in reversed(done):
        if change.undo is None:
            continue
        is_aside = "quarantine" in change.undo.parameters
        undo = Change(
            step="undo", action=change.action, operation=change.undo.operation, sentence="undo",
            parameters=change.undo.parameters, resource=change.resource,
        )  # fmt: skip
        action = DeleteRuns() if not is_aside else RestoreQuarantined() if by_hand else QuarantineArtifacts()
        assert attempt(story, action, undo, deaths, **where), "it comes back"
    story.done, story.bench.made = [], []
