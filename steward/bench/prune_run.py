"""One pruning as Steward does it, in a process of its own: the action, its gateways and its records, nothing faked.

    python -m steward.bench.prune_run SNAPSHOTS KEEP DATABASE

The stub's address is in AWS_ENDPOINT_URL, where Cloud Custodian reads it too.
"""

import sys
from datetime import UTC, datetime, timedelta

from chalicelib.aws.gateways import Aws
from chalicelib.aws.sessions import lean_session
from chalicelib.errors import HttpFailure
from chalicelib.models.change import ChangeProgress, ChangeState
from chalicelib.models.history import Backup, BackupKind, Creation, MadeKind
from chalicelib.models.stack import Stack
from chalicelib.net.http import HttpAnswer, HttpRequest
from chalicelib.steps.actions.rds_prune_snapshots import PruneParams, PruneSnapshots
from chalicelib.steps.step import Pending, StepContext
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable

STACK = "bench-mlflow"


class _NoHttp:
    def ask(self, request: HttpRequest) -> HttpAnswer:
        raise HttpFailure("refused", f"pruning asks nothing over HTTP, and certainly not {request.url}")


def _past(history: History, how_many: int, now: datetime) -> None:
    for n in range(how_many):
        name, run, at = f"steward-r-{n:04d}-snapshot", f"r-{n:04d}", now - timedelta(days=n, hours=1)
        made = Creation(stack=STACK, kind=MadeKind.SNAPSHOT, id=name, run_id=run, step="snapshot", at=at)
        history.record_creation(made)
        history.record_backup(
            Backup(stack=STACK, kind=BackupKind.DATABASE, id=name, run_id=run, as_of=at, verified_at=at)
        )


def main(how_many: int, keep: int, database: str) -> int:
    now, history = datetime.now(UTC), History(MemoryTable())
    _past(history, how_many, now)
    stack = Stack.model_validate(
        {
            "stack": STACK,
            "region": "eu-west-2",
            "ecs": {"cluster": "c", "service": "s"},
            "database": {"instance": database},
        }
    )
    aws = Aws(lean_session("eu-west-2", None), "eu-west-2")  # AWS_ENDPOINT_URL says where
    ctx = StepContext(stack=stack, run_id="r-b", step_id="prune", now=now, aws=aws, http=_NoHttp(), history=history)
    action = PruneSnapshots()
    for change in action.plan(ctx, PruneParams(count=keep)):
        look = action.look(ctx, change)
        progress = ChangeProgress(state=ChangeState.STARTED, started_at=now, before=dict(look.before))
        while isinstance(applied := action.apply(ctx, change, progress), Pending):
            progress = progress.model_copy(update={"detail": applied.detail})
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
