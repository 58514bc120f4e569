"""Every error Steward raises on purpose.

    StewardError
    ├── InputError                  somebody gave us something wrong: exit code 2, 4xx, `invalid`
    │   ├── DocumentError           a YAML or JSON document, with file, line, column and field
    │   ├── SignalRejected          an event that cannot be trusted
    │   ├── UnknownName             a stack, runbook, run or step that does not exist
    │   ├── InputsRejected          a runbook's inputs that do not fit
    │   ├── KeyReused               an idempotency key that belongs to another request
    │   └── WrongState              a run or incident that is not in the state for it
    ├── Refused                     a guard or a rule said no; nothing was changed
    │   ├── StepRefused             a step's plan found that acting would do harm
    │   └── PlanModeViolation       something tried to change AWS while only planning
    ├── StoreError
    │   ├── EventInProgress         another worker has the event; retryable
    │   ├── RecordTooLarge          more than an item may hold; again would be no smaller
    │   ├── StaleWrite              somebody wrote first: read again, decide again
    │   ├── SchemaBehind            the table is of an older version; retryable: sweep migrates it
    │   ├── SchemaUnknown           the table is of a version that this one does not know
    │   └── StoreUnavailable        retryable; a guard that meets it refuses
    ├── AwsError                    what a call to AWS answered, translated once in the gateway
    │   ├── AwsDenied · AwsNotFound · AwsInvalid
    │   └── AwsThrottled · AwsUnavailable          retryable
    ├── ManifestBroken              a backup's manifest that was tampered with, or cut
    │   └── ManifestUnrecorded      nothing says that Steward wrote it
    ├── CopyCancelled               a copy in parts was stopped between two of them; nothing of it is left
    ├── ListingOutOfOrder           a server that lists keys twice or not in order: no backup can trust it
    ├── HttpFailure                 no answer over HTTP, and which kind of none
    ├── MlflowRefused               MLflow's API said no to a request
    ├── MlflowUnbelievable          an answer that cannot be true: nothing may be deleted on its word
    ├── StepFailed                  a step did its work and it went wrong
    │   └── StepTimedOut
    ├── IllegalTransition           a bug: two statuses that do not follow each other
    └── DeliveryFailed              a channel did not take the message; retryable

Constructors take facts and compose the sentence. `retryable` says whether trying again can help.
"""

from typing import ClassVar


class StewardError(Exception):
    retryable: ClassVar[bool] = False


class InputError(StewardError):
    pass


class DocumentError(InputError):
    def __init__(
        self, file: str, what: str, *, line: int | None = None, column: int | None = None, field: str | None = None
    ) -> None:
        self.file, self.what, self.line, self.column, self.field = file, what, line, column, field
        where = ":".join(str(part) for part in (file, line, column) if part is not None)
        super().__init__(f"{where}: {f'{field}: ' if field else ''}{what}")


class DocumentErrors(InputError):
    """All mistakes of one document at once, so that nobody mends them one run at a time."""

    def __init__(self, errors: "list[DocumentError]") -> None:
        self.errors = errors
        super().__init__("\n".join(str(error) for error in errors))


class SignalRejected(InputError):
    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"event rejected: {reason}")


class UnknownName(InputError):
    def __init__(self, kind: str, name: str, known: "list[str] | None" = None) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known or [])
        hint = f"; known: {', '.join(self.known)}" if self.known else ""
        super().__init__(f"no {kind} named {name!r}{hint}")


class InputsRejected(InputError):
    def __init__(self, runbook: str, problems: "list[str]") -> None:
        self.runbook, self.problems = runbook, problems
        super().__init__(f"inputs of {runbook}: {'; '.join(problems)}")


class KeyReused(InputError):
    def __init__(self, event_id: str) -> None:
        self.event_id = event_id
        super().__init__(
            f"the key of {event_id} was used for another request; the same key is for the same request only:"
            " ask again with a new one"
        )


class NotACursor(InputError):
    def __init__(self, cursor: str) -> None:
        super().__init__(f"cursor {cursor[:40]!r} is not one that this list gave out")


class WrongState(InputError):
    """What was asked for exists and does not stand as the request supposes."""


class Refused(StewardError):
    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class StepRefused(Refused):
    def __init__(self, reason: str, *, rule: str | None = None) -> None:
        self.rule = rule
        super().__init__(f"{rule}: {reason}" if rule else reason)


class PlanModeViolation(Refused):
    def __init__(self, service: str, operation: str) -> None:
        self.service, self.operation = service, operation
        super().__init__(f"{service}:{operation} is not known to be read-only and was refused in plan mode")


class StoreError(StewardError):
    pass


class EventInProgress(StoreError):
    retryable = True

    def __init__(self, event_id: str) -> None:
        self.event_id = event_id
        super().__init__(f"event {event_id} is being decided by another worker; deliver it again in a minute")


class StaleWrite(StoreError):
    retryable = True

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"{key} was written by somebody else since it was read")


class RecordTooLarge(StoreError):
    def __init__(self, what: str, size: int, most: int) -> None:
        self.what, self.size, self.most = what, size, most
        super().__init__(f"{what} is {size} bytes, more than the {most} it may have")


class SchemaBehind(StoreError):
    retryable = True

    def __init__(self, found: int, wanted: int) -> None:
        self.found, self.wanted = found, wanted
        super().__init__(
            f"the table has schema {found} and this version works with {wanted}: the next sweep migrates it, within a"
            " minute; until then nothing is read or written"
        )


class SchemaUnknown(StoreError):
    def __init__(self, found: int, wanted: int) -> None:
        self.found, self.wanted = found, wanted
        what = f"schema {found}" if found > 0 else "a schema that is no number"
        remedy = "deploy the newer version again" if found > wanted else "deploy a version that knows it first"
        super().__init__(f"the table has {what} and this version works with {wanted}: {remedy}; nothing was changed")


class StoreUnavailable(StoreError):
    retryable = True

    def __init__(self, doing: str, why: str) -> None:
        self.doing, self.why = doing, why
        super().__init__(f"the store did not answer while {doing}: {why}")


class AwsError(StewardError):
    def __init__(self, operation: str, code: str, message: str) -> None:
        self.operation, self.code, self.message = operation, code, message
        super().__init__(f"{operation}: {code}: {message}")


class AwsDenied(AwsError):
    pass


class AwsNotFound(AwsError):
    pass


class AwsInvalid(AwsError):
    pass


class AwsThrottled(AwsError):
    retryable = True


class AwsUnavailable(AwsError):
    retryable = True


class ManifestBroken(StewardError):
    def __init__(self, manifest: str, what: str) -> None:
        self.manifest, self.what = manifest, what
        super().__init__(f"manifest {manifest} was tampered with or cut: {what}")


class ManifestUnrecorded(ManifestBroken):
    def __init__(self, manifest: str, where: str) -> None:
        self.where = where
        unknown = "it is newer than any that Steward has a record of, and no MAC says that Steward wrote it"
        super().__init__(manifest, unknown)

    def __str__(self) -> str:
        return (
            f"manifest {self.manifest} may not be Steward's: {self.what}. If Steward's table was restored to an earlier"
            f" time, or its evidence is gone, delete {self.where} and any head after it: the copies stay, and the next"
            " backup goes on from the last that is recorded; else find out who wrote it. With backup.macKey in the"
            " stack's file each manifest speaks for itself"
        )


class CopyCancelled(StewardError):
    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"the copy of {key!r} was stopped before its last part")


class ListingOutOfOrder(StewardError):
    def __init__(self, name: str, before: str, after: str) -> None:
        self.name, self.before, self.after = name, before, after
        super().__init__(f"the {name} lists {after!r} after {before!r}: not in order of UTF-8 bytes, or twice")


class HttpFailure(StewardError):
    """No usable answer. `kind` is one of dns, refused, timeout, tls, forbidden_address, too_large, protocol,
    out_of_reach."""

    def __init__(self, kind: str, detail: str) -> None:
        self.kind, self.detail = kind, detail
        super().__init__(f"{kind}: {detail}")


class MlflowRefused(StewardError):
    def __init__(self, what: str, status: int, code: str) -> None:
        self.what, self.status, self.code = what, status, code
        super().__init__(f"MLflow answers {status} {code} to {what}".replace("  ", " "))


class MlflowUnbelievable(StewardError):
    def __init__(self, what: str, why: str) -> None:
        self.what, self.why = what, why
        super().__init__(f"MLflow's answer to {what} cannot be true: {why}")


class StepFailed(StewardError):
    def __init__(self, step: str, why: str) -> None:
        self.step, self.why = step, why
        super().__init__(f"step {step}: {why}")


class StepTimedOut(StepFailed):
    def __init__(self, step: str, after_s: int, last: str | None = None) -> None:
        self.after_s = after_s
        super().__init__(step, f"not done after {after_s} s{f' ({last})' if last else ''}")


class IllegalTransition(StewardError):
    def __init__(self, what: str, before: str, after: str) -> None:
        self.what, self.before, self.after = what, before, after
        super().__init__(f"{what} cannot go from {before} to {after}")


class DeliveryFailed(StewardError):
    retryable = True

    def __init__(self, channel: str, why: str) -> None:
        self.channel, self.why = channel, why
        super().__init__(f"channel {channel}: {why}")
