"""A secret in which RDS itself keeps the master password of one database (`rds!db-…`): it belongs to that one alone.

RDS changes it every week and deletes it with its database; what is restored from a snapshot gets none (decision 0058).
"""

from chalicelib.aws.rds_restores import Placed
from chalicelib.aws.resources import secret_name
from chalicelib.steps.step import StepContext

_BY_RDS = "rds!"
"""Names that begin so are RDS's: nobody else can make one."""


def managed_secret(ctx: StepContext) -> str | None:
    """The stack's own, if it is such a secret. Another user's secret lives as long as its owner wants."""
    name = ctx.stack.database.secret if ctx.stack.database else None
    return name if (secret_name(name) or "").startswith(_BY_RDS) else None


def why_not_in_use(secret: str, former: str) -> str:
    return (
        f"{secret} is where RDS keeps the master password of {former}: it changes with that one every week and is"
        " deleted with it, and would lock MLflow out of any other"
    )


def by_hand(wanted: Placed) -> str:
    """S11: Steward gives no task another secret."""
    kind = "cluster" if wanted.cluster else "instance"
    return (
        f"(1) aws rds modify-db-{kind} --db-{kind}-identifier {wanted.id} --manage-master-user-password"
        f" --apply-immediately; (2) aws rds describe-db-{kind}s --db-{kind}-identifier {wanted.id} names as"
        " MasterUserSecret the one that RDS made; (3) let the tasks' execution role read it, and deploy a task"
        f" definition with that secret and the address {wanted.host}; (4) write both into the stack's file, as"
        f" database.secret and database.{kind}: {wanted.id}, then package and deploy again"
    )
