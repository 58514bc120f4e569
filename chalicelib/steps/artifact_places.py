"""Where in the stack's bucket a run, a logged model or a trace lies, and what owns a key. Pure.

    PREFIX/EXPERIMENT/RUN/artifacts/…                what a run logged
    PREFIX/EXPERIMENT/models/m-ID/artifacts/…        a logged model
    PREFIX/EXPERIMENT/traces/tr-ID/artifacts/…       a trace
    PREFIX/workspaces/NAME/EXPERIMENT/…              the same where MLflow has workspaces

A URI that leads anywhere else is foreign: what lies there is not Steward's to judge, and `mlflow gc`
would follow it. A folder of another shape is nobody's orphan.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.backup.selection import WORKSPACE, WORKSPACES
from chalicelib.models.stack import ArtifactsPart, Stack

STEWARDS = ".steward/"
"""Steward's own corner of the bucket."""
_ID = r"[0-9a-f]{32}"
_HOME = rf"(?:{WORKSPACES}{WORKSPACE.pattern}/)?"
_FOLDER = re.compile(
    rf"{_HOME}(?P<experiment>\d{{1,19}})/(?:(?P<run>{_ID})|models/(?P<model>m-{_ID})|traces/(?P<trace>(?:tr-)?{_ID}))/"
)
_PROXIED = re.compile(r"mlflow-artifacts:/{1,3}(?P<path>[^/?#].*)")
_SCHEME = re.compile(r"(?P<scheme>s3|mlflow-artifacts)://(?P<host>[^/?#]+)/(?P<path>.+)")
_TAME = re.compile(r"[A-Za-z0-9_.=@+-]+(/[A-Za-z0-9_.=@+-]+)*")
RUN_ID = re.compile(_ID)
EXPERIMENT_ID = re.compile(r"\d{1,19}")


class Owner(StrEnum):
    RUN = "run"
    MODEL = "model"
    TRACE = "trace"


@dataclass(frozen=True, order=True)
class Folder:
    """What one owner has in the bucket, as a prefix of keys that ends with a slash."""

    prefix: str
    experiment: str
    kind: Owner
    id: str


@dataclass(frozen=True, order=True)
class Place:
    """One stack's part of one bucket."""

    bucket: str
    prefix: str
    """Ends with a slash, or is empty."""

    @classmethod
    def of(cls, artifacts: ArtifactsPart) -> "Place":
        prefix = artifacts.prefix.strip("/")
        return cls(artifacts.bucket, f"{prefix}/" if prefix else "")

    def folder_of(self, key: str) -> Folder | None:
        """None: of no shape that MLflow writes."""
        if not key.startswith(self.prefix):
            return None
        match = _FOLDER.match(key, len(self.prefix))
        if match is None:
            return None
        kind = Owner.RUN if match["run"] else Owner.MODEL if match["model"] else Owner.TRACE
        found = match["run"] or match["model"] or match["trace"]
        return Folder(key[: match.end()], match["experiment"], kind, found)

    def is_home_of(self, uri: str, *path: str) -> bool:
        """Whether it leads to that path, from an experiment's id on, where MLflow would put it."""
        key = self.key_of(uri)
        return key is not None and bool(re.fullmatch(_HOME + re.escape("/".join(path)), key[len(self.prefix) :]))

    def key_of(self, uri: str) -> str | None:
        """The key prefix, without a slash at its end; None: it leads elsewhere, or is not plain."""
        proxied = _PROXIED.fullmatch(uri)
        if proxied and "://" not in uri.replace(":///", ":/"):
            return self._plain(self.prefix + proxied["path"].strip("/"))
        match = _SCHEME.fullmatch(uri)
        if match is None or match["scheme"] != "s3" or match["host"] != self.bucket:
            return None
        return self._plain(match["path"].rstrip("/"))

    def _plain(self, key: str) -> str | None:
        parts = key.split("/")
        if not key.startswith(self.prefix) or not _TAME.fullmatch(key) or {".", ".."} & set(parts):
            return None
        return key

    def is_at_home(self, uri: str, experiment: str, run: str) -> bool:
        """Whether a run's artifacts lie where MLflow puts those of exactly this run."""
        return self.is_home_of(uri, experiment, run, "artifacts")

    def home_of(self, uri: str) -> str | None:
        """The folder of a run that is at home, as a prefix of keys."""
        key = self.key_of(uri)
        return key.removesuffix("artifacts") if key is not None else None

    def experiments_of(self, uris: Iterable[str]) -> list[str]:
        """Of runs that are at home: the prefixes of keys under which their experiments lie, in order."""
        return sorted({f"{key.rsplit('/', 2)[0]}/" for key in map(self.key_of, uris) if key is not None})


def why_shared(own: Stack, others: Iterable[Stack]) -> str | None:
    """Two stacks whose parts of a bucket overlap cannot tell each other's folders from orphans."""
    if own.artifacts is None:
        return None
    mine = Place.of(own.artifacts)
    for other in others:
        if other.artifacts is None or other.artifacts.bucket != mine.bucket:
            continue
        if other.artifacts.endpoint != own.artifacts.endpoint:
            continue
        theirs = Place.of(other.artifacts)
        if theirs.prefix.startswith(mine.prefix) or mine.prefix.startswith(theirs.prefix):
            where = f"{mine.bucket}/{theirs.prefix}"
            return f"stack {other.stack} keeps its artifacts in {where}, which overlaps with {own.stack}'s own"
    return None
