"""What a URI that MLflow keeps lays claim to: ids in it, and prefixes of keys in the stack's bucket. Pure.

People register models from any text: `runs:/RUN/my model`, `s3a://…`, `mlflow-artifacts://HOST/…`, paths with
spaces, umlauts or `%20`. A claim errs on the side of the owner: each id in the text is owned, and of a key that is
not plain the longest plain part. What may lie in the stack's part of the bucket and says neither makes every
folder somebody's: the search for what nobody owns stops there and names it (S15).
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from chalicelib.errors import StepRefused
from chalicelib.redact import strip_hidden
from chalicelib.steps.artifact_places import Place
from chalicelib.steps.mlflow_shapes import Experiment, LoggedModel, Run

_OWNED = re.compile(r"(?<![0-9A-Za-z])(?:m-|tr-)?[0-9a-f]{32}(?![0-9A-Za-z])")
_PLAIN = re.compile(r"[A-Za-z0-9_.=@+-]+")
_S3 = re.compile(r"s3[an]?://(?P<host>[^/?#]*)/*(?P<path>.*)", re.DOTALL)
_PROXIED = re.compile(
    r"(?:mlflow-artifacts:(?://[^/?#]+/|/{0,3})|https?://[^?#]*/mlflow-artifacts/artifacts/)(?P<path>.*)", re.DOTALL
)
_ALIAS = "-s3alias"
"""An access point's other name: it may lead to the stack's own bucket."""
_SLASH = re.compile("/")
_UNREAD, _ROOT = "?", "/"
"""No key: it may lead to anything in the stack's part of the bucket; it is that part itself."""
_MOST_SAID = 120


@dataclass
class Claims:
    """Of many URIs together."""

    ids: set[str] = field(default_factory=set)
    """Of runs, logged models (`m-`) and traces (`tr-`)."""
    keys: set[str] = field(default_factory=set)
    """Prefixes of keys, without a slash at the end: nothing in or above them is an orphan."""
    _in_order: list[str] = field(default_factory=list, init=False, repr=False, compare=False)
    """The same, for looking up: there may be as many as runs, and each folder is asked for."""

    def add(self, uri: str, place: Place, what: str, *, is_root: bool = False) -> None:
        """`is_root`: of an experiment, where its runs' folders go. Each of those claims its own, so a root that is
        the stack's own claims nothing. StepRefused where nobody could say what is claimed."""
        found, keys = ids_in(uri), set(_keys_of(uri, place))
        self.ids |= found
        self.keys |= keys - {_UNREAD, _ROOT}
        unread = {_UNREAD} if is_root else {_UNREAD, _ROOT}
        if keys & unread and not found:
            said = strip_hidden(uri)[:_MOST_SAID]
            raise StepRefused(f"{what} points to {said!r}, and nobody can tell what in the bucket that is", rule="S15")

    def covers(self, prefix: str) -> bool:
        """Whether something claimed lies in this folder, or this folder in it."""
        if any(prefix[: slash.start()] in self.keys for slash in _SLASH.finditer(prefix)):
            return True
        if len(self._in_order) != len(self.keys):  # claims are only ever added
            self._in_order = sorted(self.keys)
        first = bisect_left(self._in_order, prefix)
        return first < len(self._in_order) and self._in_order[first].startswith(prefix)


def claim_roots(claims: Claims, experiments: Iterable[Experiment], place: Place) -> None:
    """An experiment that keeps its artifacts in another's folder, or in none of the usual shape."""
    for one in experiments:
        if not place.is_home_of(one.artifact_location, one.id):
            claims.add(one.artifact_location, place, f"experiment {one.id}", is_root=True)


def claim_run(claims: Claims, run: Run, place: Place) -> None:
    """At home it owns its folder by its id alone, which takes a sixth of the memory."""
    if not place.is_at_home(run.artifact_uri, run.experiment, run.id):
        claims.add(run.artifact_uri, place, f"run {run.id}")


def claim_model(claims: Claims, model: LoggedModel, place: Place) -> None:
    if not place.is_home_of(model.artifact_uri, model.experiment, "models", model.id, "artifacts"):
        claims.add(model.artifact_uri, place, f"logged model {model.id}")


def ids_in(uri: str) -> set[str]:
    return {*_OWNED.findall(uri), *_OWNED.findall(unquote(uri))}


def _keys_of(uri: str, place: Place) -> Iterator[str]:
    if uri.startswith("runs:") and not ids_in(uri):
        yield _UNREAD
    for text in {uri, unquote(uri)}:
        proxied, direct = _PROXIED.fullmatch(text), _S3.fullmatch(text)
        if proxied:
            yield from _plain_part(proxied["path"].lstrip("/"), place)
        elif direct and (direct["host"] == place.bucket or direct["host"].endswith(_ALIAS)):
            key = direct["path"]
            if f"{key.rstrip('/')}/".startswith(place.prefix):
                yield from _plain_part(key[len(place.prefix) :], place)
            elif ".." in key.split("/"):
                yield _UNREAD
        elif direct and ":" in direct["host"]:
            yield _UNREAD  # the ARN of an access point


def _plain_part(path: str, place: Place) -> Iterator[str]:
    """As many whole parts as are plain. Where the first is not, and is no number however it is decoded, it lies
    in a folder that no experiment has."""
    parts, taken = path.strip("/").split("/"), list[str]()
    for part in parts:
        if not _PLAIN.fullmatch(part) or part in {".", ".."}:
            break
        taken.append(part)
    if taken:
        yield place.prefix + "/".join(taken)
    elif parts == [""]:
        yield _ROOT
    elif "%" in parts[0] or parts[0] in {".", ".."}:
        yield _UNREAD
