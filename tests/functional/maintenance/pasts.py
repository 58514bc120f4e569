"""Random pasts of one MLflow beside another on the same bucket; and what of them lives, told apart from the product."""

from datetime import timedelta

from hypothesis import strategies as st

from steward.sandbox import place
from steward.sandbox.times import epoch_millis
from steward.sandbox.tracking import Model, Run, Version
from steward.sandbox.tracking_faults import run_id

OWN, THEIRS, FILE = f"{place.PREFIX}/", "mlflow-artifacts-2/", "a b+é.bin"
"""Two stacks' parts of the one bucket; as text, one begins as the other does."""
GC_DAYS, DAY_S = 90, 24 * 3600
SOURCES = ("none", "none", "its own", "its logged model", "without a run", "none any more")
FOREIGN = ("home", "home", "home", "another's folder", "another bucket", "the other stack's")

few = st.integers(min_value=0, max_value=7)
RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.sampled_from([5, 40, 120, 500]),
            "status": st.sampled_from(["FINISHED", "FINISHED", "FAILED", "RUNNING"]),
            "version": st.sampled_from(SOURCES),
            "alias": st.booleans(),
            "keep": st.sampled_from([False, False, True]),
            "deleted": st.sampled_from([None, None, 1, 150, 150]),
            "forgotten": st.sampled_from([False, False, True]),
            "where": st.sampled_from(FOREIGN),
        }
    ),
    max_size=4,
)
_PLAIN = {"age": 500, "status": "FINISHED", "version": "none", "alias": False, "keep": False, "where": "home"}
ALWAYS = (
    {**_PLAIN, "deleted": 150, "forgotten": False},
    {**_PLAIN, "deleted": None, "forgotten": True},
    {**_PLAIN, "deleted": None, "forgotten": False},
    {**_PLAIN, "deleted": None, "forgotten": True},
    {**_PLAIN, "deleted": None, "forgotten": True, "age": 5},
)
"""One run for gc, one for retention, the folders of three that nobody knows: else most histories would do little."""
OTHERS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["model", "model", "trace"]),
            "age": st.sampled_from([5, 500, 500]),
            "state": st.sampled_from(["live", "live", "deleted", "forgotten"]),
            "run": few,
            "inside": st.sampled_from([False, False, True]),
        }
    ),
    max_size=3,
)
"""Logged models and traces. `inside`: a logged model that keeps its artifacts in the folder of a run."""
PASTS = st.fixed_dictionaries({"runs": RUNS, "others": OTHERS, "spent": st.booleans()})
BARE = {"runs": [], "others": [], "spent": False}
"""Those that are always there, and nothing else."""


def build(world, past):
    tables, now = world.tracking, world.clock.now()
    tables.experiment("1", "one")
    for number, row in enumerate([*ALWAYS, *past["runs"]]):
        run = tables.add_run(run_id(number), "1", now - timedelta(days=row["age"]), status=row["status"])
        put(world, f"{OWN}1/{run.id}/artifacts/{FILE}", row["age"])
        put(world, f"{OWN}1/{run.id}/artifacts/model/MLmodel", row["age"])
        run.artifact_uri = {
            "another's folder": f"mlflow-artifacts:/1/{run_id(max(0, number - 1))}/artifacts",
            "another bucket": f"s3://somebody-elses/1/{run.id}/artifacts",
            "the other stack's": f"s3://{place.BUCKET}/{THEIRS}1/{run.id}/artifacts",
        }.get(row["where"], run.artifact_uri)
        if row["keep"]:
            run.tags["keep"] = "yes"
        if row["version"] != "none":
            _register(world, run, row)
        if row["deleted"] is not None:
            tables.delete_run(run.id, now - timedelta(days=row["deleted"]))
        if row["forgotten"]:
            del tables.runs[run.id]
    for number, row in enumerate(past["others"], 50):
        _other(world, number, row)
    for number in (0, 1, 900, 901):  # of the last two nobody knows there either
        put(world, f"{THEIRS}1/{run_id(number)}/artifacts/{FILE}", 500)
    if past["spent"]:
        tables.experiment("2", "spent")
        run = tables.add_run(run_id(40), "2", now - timedelta(days=500))
        put(world, f"{OWN}2/{run.id}/artifacts/{FILE}", 500)
        tables.delete_experiment("2", now - timedelta(days=150))


def _register(world, run, row):
    """By the run, by a logged model of it, by a logged model alone; the last one's run need not be known."""
    made = Model(f"m-{run.id}", "1", run.id)
    source = {"its logged model": f"models:/{made.id}", "without a run": f"models:/{made.id}"}.get(row["version"])
    if source:
        world.tracking.models[made.id] = made
        put(world, f"{OWN}1/models/{made.id}/artifacts/MLmodel", row["age"])
    version = Version(
        "m", len(world.tracking.versions) + 1, "" if row["version"] == "without a run" else run.id,
        source or f"{run.artifact_uri}/model", made.id if source else "", ["champion"] if row["alias"] else [],
    )  # fmt: skip
    if row["version"] == "none any more":
        version = Version("m", version.version, "", f"runs:/{run.id}/model")
    world.tracking.versions.append(version)


def _other(world, number, row):
    tables, inside = world.tracking, f"1/{run_id(row['run'])}/artifacts/models of it"
    if row["kind"] == "trace":
        name = f"tr-{run_id(number)}"
        put(world, f"{OWN}1/traces/{name}/artifacts/traces.json", row["age"])
        if row["state"] == "live":
            tables.traces[name] = "1"
        return
    made = Model(f"m-{run_id(number)}", "1", run_id(row["run"]))
    folder = inside if row["inside"] else f"1/models/{made.id}/artifacts"
    made.uri = f"mlflow-artifacts:/{folder}"
    put(world, f"{OWN}{folder}/MLmodel", row["age"])
    if row["state"] == "deleted":
        made.deleted_at = epoch_millis(world.clock.now())
    if row["state"] != "forgotten":
        tables.models[made.id] = made


def put(world, key, days=0):
    """Every object has a body of its own."""
    at = world.clock.now() - timedelta(days=days)
    world.artifacts.put_many([key], f"{key} of {at}".encode(), at)


def living(world, whose="own", keys=None):
    """Keys that nobody may touch, by a reading of the tables that knows nothing of the product's. Of the other
    stack's part everything, when this one acts, and the other way round."""
    tables, limit = world.tracking, epoch_millis(world.clock.now() - timedelta(days=GC_DAYS))
    ids, uris = set(tables.traces), []
    for run in tables.runs.values():
        if not may_be_collected(run, limit):
            ids.add(run.id)
            uris.append(run.artifact_uri)
    for model in tables.models.values():
        if model.deleted_at is None:
            ids.add(model.id)
            uris.append(model.uri)
    for version in tables.versions:
        ids |= {one for one in (version.run, version.model, *version.source.split("/")) if len(one) >= len(run_id(0))}
        uris.append(version.source)
    mine, beside = (OWN, THEIRS) if whose == "own" else (THEIRS, OWN)
    starts = tuple(f"{_key(uri, mine)}/" for uri in uris)
    return {
        key
        for key in (world.artifacts.keys() if keys is None else keys)
        if key.startswith((beside, *starts)) or (key.startswith(mine) and ids & set(key.split("/")[2:4]))
    }


def may_be_collected(run: Run, limit):
    at_home = run.artifact_uri == f"mlflow-artifacts:/{run.experiment}/{run.id}/artifacts"
    return run.deleted_at is not None and run.deleted_at <= limit and at_home and not run.tags.get("keep")


def _key(uri, root):
    return uri.replace("mlflow-artifacts:/", root, 1).removeprefix(f"s3://{place.BUCKET}/").rstrip("/")


def spared_by_retention(world):
    """Ids of active runs that it may not take."""
    behind = {part for one in world.tracking.versions for part in (one.run, *one.source.split("/"))}
    return {
        run.id
        for run in world.tracking.runs.values()
        if run.deleted_at is None and (run.id in behind or run.tags.get("keep") or run.status == "RUNNING")
    }


def said(world):
    """Every id and URI that MLflow holds, as one text: what it nowhere names is nobody's."""
    tables = world.tracking
    texts = [*tables.runs, *tables.traces, *(one.location for one in tables.experiments.values())]
    texts += [one.artifact_uri for one in tables.runs.values()]
    texts += [f"{one.id} {one.uri}" for one in tables.models.values() if one.deleted_at is None]
    return " ".join([*texts, *(f"{one.run} {one.source} {one.model}" for one in tables.versions)])


def overdue(world, ids):
    """Those of which nothing keeps gc from taking the rest."""
    tables, limit, text = world.tracking, epoch_millis(world.clock.now() - timedelta(days=GC_DAYS)), said(world)
    known = [tables.runs[one] for one in ids if one in tables.runs]
    own_mentions = 2  # its id and its own URI
    return [run.id for run in known if may_be_collected(run, limit) and text.count(run.id) == own_mentions]
