"""Buckets and keys of other accounts: what their policies say decides as well, beside the rights of whoever asks.

moto serves a bucket to every account; whose it is and what its policy says are looked up there, and judged here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.documents import read_json
from steward.sandbox import place
from steward.sandbox.iam_policy import Asked, allowed_by

if TYPE_CHECKING:
    from steward.sandbox.world import World

Json = dict[str, Any]
ACCOUNT = "210987654321"
BACKUP_BUCKET = "fraud-models-far-from-home"
KEY = f"arn:aws:kms:{place.REGION}:{ACCOUNT}:key/b-9"


def client_of(world: "World", service: str, account: str = ACCOUNT, region: str = place.REGION) -> Any:  # noqa: ANN401 - boto3's
    """As somebody of that account would have it."""
    role = f"arn:aws:iam::{account}:role/owner"
    keys = world.own_client("sts").assume_role(RoleArn=role, RoleSessionName="owner")["Credentials"]
    session: Any = world.session("of another account")
    return session.client(
        service,
        region_name=region,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def owner_of(bucket: str) -> str | None:
    """None: nobody made it."""
    from moto.s3.models import s3_backends

    found = s3_backends.bucket_accounts.get(bucket)
    return found[1] if found else None


def region_of(bucket: str) -> str:
    made = _bucket(bucket)
    return str(made.region_name) if made is not None else place.REGION


def lets_in(asked: Asked, who: str, key_policies: Mapping[str, Json]) -> bool:
    """What is of the stack's own account leaves it to the rights of whoever asks."""
    policy = _policy_on(asked.resource, key_policies)
    if policy is None:
        return True
    named = [said for said in policy.get("Statement", ()) if _names(said.get("Principal"), who)]
    context = {**asked.context, "aws:PrincipalArn": (who,)}
    return allowed_by([{"Statement": named}], Asked(asked.action, asked.resource, context))


def _policy_on(arn: str, key_policies: Mapping[str, Json]) -> Json | None:
    """None: the policy of its owner has no say."""
    service = arn.split(":")[2] if arn.startswith("arn:") else ""
    if service == "kms":
        return key_policies.get(arn, {}) if arn.split(":")[4] != place.ACCOUNT else None
    bucket = arn.rpartition(":::")[2].partition("/")[0] if service == "s3" else ""
    if owner_of(bucket) in {None, place.ACCOUNT}:
        return None
    text = _bucket(bucket).policy
    return read_json(text, "bucket policy") if text else {}


def _names(principal: Any, who: str) -> bool:  # noqa: ANN401 - JSON
    given = principal.get("AWS", ()) if isinstance(principal, dict) else ()
    account = who.split(":")[4]
    listed = given if isinstance(given, list) else [given]
    return any(one in {f"arn:aws:iam::{account}:root", account, who} for one in listed)


def _bucket(name: str) -> Any:  # noqa: ANN401 - moto's, or None
    from moto.s3.models import s3_backends

    owner = owner_of(name)
    return s3_backends[owner]["aws"].buckets.get(name) if owner else None
