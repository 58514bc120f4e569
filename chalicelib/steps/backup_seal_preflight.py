"""Whether manifests can be signed, asked before anything is copied.

Found out only when the head is signed, everything would be copied again every day: without a manifest the next backup
is the first one.
"""

from chalicelib.backup.manifests import Manifests
from chalicelib.errors import AwsError, StepFailed, StepRefused
from chalicelib.steps.step import StepContext


def check_key(ctx: StepContext, manifests: Manifests) -> None:
    """As far as a plan may ask."""
    try:
        manifests.ask_seal()
    except AwsError as exc:
        if exc.retryable:
            raise
        raise StepRefused(_why(ctx, ctx.stack.backup.mac_key, exc)) from exc


def check_seal(ctx: StepContext, manifests: Manifests, key: str | None) -> None:
    """Before the first copy: really signs something."""
    try:
        manifests.try_seal()
    except AwsError as exc:
        if exc.retryable:
            raise
        raise StepFailed(ctx.step_id, f"nothing was copied: {_why(ctx, key, exc)}") from exc


def _why(ctx: StepContext, key: str | None, exc: AwsError) -> str:
    return (
        f"backup.macKey {key} signs no manifest ({exc}): name an enabled key of KMS in {ctx.stack.region}, made with"
        " `aws kms create-key --key-spec HMAC_256 --key-usage GENERATE_VERIFY_MAC`, whose policy lets the stack's roles"
        " ask for kms:GenerateMac and kms:VerifyMac"
    )
