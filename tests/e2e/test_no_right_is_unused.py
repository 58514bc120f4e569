"""No right is packaged that no run needs (S21): rehearsals fly with just the packaged rights and note which they use.

Only a few are flown here, which together need what all of them need; each of the others is flown, under the same
rights, where rehearsals are tested.
"""

from pathlib import Path

import pytest

from steward.cli.folders import read_runbooks
from steward.packaging.rights import stack_grants, with_roles
from steward.sandbox import place
from steward.sandbox.enforcement import STAGE
from steward.sandbox.rehearsals import find_rehearsals, fly

CASES = Path(__file__).parents[1] / "rehearsals"
FLOWN = frozenset(
    {
        "disaster-recovery/both-back",
        "tidy-up/tasks-by-the-clock",
        "high-latency/overload",
        "backup-artifacts/changes-meanwhile",
        "migrate-database/fails-and-resumes",
        "copy-snapshots-offsite/copied",
        "orphans/quarantined",
        "restore-drill/proven",
        "backup-artifacts/long-gone",
        "credentials-rotated/rotated",
        "scale/bigger",
        "upgrade-mlflow/image-is-missing",
        "tidy-up/backup-uploads",
        "prune-snapshots/here-and-offsite",
        "copy-snapshots-offsite/own-copied",
        "backup-artifacts/without-block",
        "gc/cancelled",
        "out-of-memory/tagged",
        "restore-database/host-in-secret",
        "restore-database/rotated-since",
        "deployment-failed/secret-in-parameter",
        "health-check/telemetry-gap",
    }
)


@pytest.fixture(scope="module")
def used():
    found = set()
    for file, case in find_rehearsals(CASES):
        if f"{Path(file).parent.name}/{Path(file).stem}" in FLOWN:
            flown = fly(file, case, read_runbooks())
            assert flown.problems == ()
            found |= flown.used
    return found


def test_every_right_of_both_roles_is_used_by_some_rehearsal(used):
    stack = with_roles(place.stack(), STAGE).model_copy(update={"account": place.ACCOUNT})
    unused = {
        (grant.role.value, grant.action, grant.resource)
        for grant in stack_grants(stack, read_runbooks())
        if grant not in used
    }
    assert unused == set()
