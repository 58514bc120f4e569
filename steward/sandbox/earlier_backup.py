"""A backup that was made before the world began to turn: the product's own mirror and manifests, dated back."""

from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.aws.gateways import Aws
from chalicelib.backup.entry import Place
from chalicelib.backup.job import Job, Limits
from chalicelib.backup.judge import Judged, judge
from chalicelib.backup.manifest import Before, Head, PartWriter, Proof
from chalicelib.backup.manifests import RESERVED, Manifests, Owner, Seal, backup_id, claim, set_of
from chalicelib.backup.mirror import mirror
from chalicelib.backup.pages import listing
from chalicelib.backup.shards import WHOLE
from steward.sandbox import place
from steward.sandbox.sessions import furnishing

if TYPE_CHECKING:
    from steward.sandbox.world import World

SOURCE = Place(place.BUCKET, f"{place.PREFIX}/")
TARGET = Place(place.BACKUP_BUCKET, f"{place.PREFIX}/")
SET = set_of(SOURCE, TARGET)


def _aws(world: "World") -> Aws:
    world.prepare("s3", "kms")
    return Aws(furnishing(), place.REGION)


def newest_head_key(world: "World") -> str:
    names = _aws(world).vault.names(place.BACKUP_BUCKET, f"{RESERVED}{SET}/heads/")
    return max(names)


def back_up_earlier(world: "World", as_of: datetime) -> Head:
    """No run is told of it, and no history: its MAC speaks for it."""
    aws = _aws(world)
    lane = aws.s3_lane()
    manifests = Manifests(aws.vault, place.BACKUP_BUCKET, SET, seal=Seal(aws.kms, place.MAC_KEY))
    before = manifests.latest()
    backup = backup_id(SET, as_of, "earlier", "backup")
    writer = PartWriter()
    limits = Limits(in_flight=0)
    done = mirror(Job(SOURCE, TARGET, as_of, None), lane, lane, manifests.entries(before), writer, limits=limits)
    parts = (manifests.put_part(backup, 0, 0, writer),) if writer.lines else ()
    judged = judge(
        manifests.entries_of(backup, parts),
        listing(lane, TARGET, WHOLE, ahead=False),
        manifests.entries(before),
        seed="earlier",
        so_far=Judged(),
        time_is_up=lambda: False,
    )
    claim(aws.vault, Owner(SET, f"{SOURCE.bucket}/{SOURCE.prefix}", TARGET.prefix, place.NAME), TARGET.bucket)
    return manifests.put_head(
        Head(
            id=backup,
            stack=place.NAME,
            source=f"{SOURCE.bucket}/{SOURCE.prefix}",
            target=f"{TARGET.bucket}/{TARGET.prefix}",
            as_of=as_of,
            run_id="earlier",
            parts=parts,
            totals=judged.totals(0),
            before=Before(id=before.id, sha256=before.sha256) if before else None,
            proof=Proof(at=as_of, checked=judged.checked),
            requests={"copied": done.tally.copied},
        )
    )
