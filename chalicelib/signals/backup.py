"""AWS Backup: jobs say `state` or `status`, depending on what they are. Failed, expired and partial fire."""

from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.fields import REASON_LIMIT, text
from chalicelib.signals.keys import arn_keys, parse_arn
from chalicelib.signals.origin import Event, make

_FIRING = frozenset({"FAILED", "EXPIRED", "PARTIAL"})
_ABOUT = ("createdResourceArn", "resourceArn", "sourceResourceArn")
_JOB_IDS = ("backupJobId", "restoreJobId", "copyJobId", "reportJobId")


def read_backup(event: Event) -> Signal:
    detail = event.detail
    status = (text(detail.get("state")) or text(detail.get("status")) or "").upper()
    arns = [arn for field in _ABOUT if (arn := parse_arn(detail.get(field)))]
    # The message is a quoted string inside of a string.
    message = (text(detail.get("statusMessage"), REASON_LIMIT) or "").strip('"')
    vault = text(detail.get("backupVaultArn"))
    # A vault that the failure itself names is what is wrong; the resource could not help it.
    about_vault = status in _FIRING and vault is not None and vault in message
    return make(
        event.origin,
        SignalKind.BACKUP,
        SignalState.FIRING if status in _FIRING else SignalState.INFO,
        name=event.detail_type.removesuffix(" State Change"),
        resource=arns[0].name if arns and not about_vault else detail.get("backupVaultName"),
        reason=message or None,
        keys=tuple(one for field in _ABOUT for one in arn_keys(detail.get(field))),
        facts={
            "status": status or None,
            "job_id": next((found for field in _JOB_IDS if (found := text(detail.get(field)))), None),
            "resource_type": text(detail.get("resourceType")),
            "resource_arn": text(detail.get("resourceArn"), REASON_LIMIT),
            "vault": text(detail.get("backupVaultName")),
        },
    )
