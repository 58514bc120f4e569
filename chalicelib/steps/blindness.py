"""What a probe says when it could not look (S3): a fact about Steward, which supports no cause.

Every probe that needs rights or a network of its own has `skipped` in its Output, and only there.
"""

from chalicelib.errors import AwsError
from chalicelib.net.database_login import NOT_FROM_HERE

_MOST = 300


def unseen(why: str) -> str:
    return f"{NOT_FROM_HERE}: {why}"[:_MOST]


def denied(error: AwsError) -> str:
    """By operation and code: AWS's message names accounts and sessions that a reader has no use for."""
    return unseen(f"{error.operation} answers {error.code}")
