"""The one field in which a new task definition revision differs, as a runbook asks for it and as a Change says it.

Values of variables are secret unless their name is on a list (S29). A secret one is never set from a
runbook: it is corrected by a verb in code, from the value the former revision has, and the Change
carries fingerprints only.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from chalicelib.aws.ecs_revisions import Edit, Revision
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.shape import YamlShape
from chalicelib.redact import mask, strip_hidden
from chalicelib.steps.fargate import next_memory, why_not_a_size
from chalicelib.steps.fingerprint import fingerprint
from chalicelib.steps.mlflow_target import version_edit
from chalicelib.steps.step import Params
from chalicelib.steps.store_uri import Correction, corrected

PLAIN_VARIABLES = frozenset(
    {
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "GUNICORN_CMD_ARGS",
        "MLFLOW_LOGGING_LEVEL",
        "MLFLOW_S3_ENDPOINT_URL",
        "MLFLOW_SERVER_ALLOWED_HOSTS",
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
        "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW",
        "MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE",
        "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE",
        "MLFLOW_WORKERS",
        "UVICORN_WORKERS",
    }
)
"""No secrets by what they are for; every other value is treated as one."""
_LETS_ANYBODY_IN = {"MLFLOW_SERVER_ALLOWED_HOSTS", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"}


class Variable(YamlShape):
    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)
    value: str | None = Field(default=None, max_length=1000)
    """Only for variables that hold no secret."""
    correction: Correction | None = None
    """For database addresses: what to put right in the value that is there."""

    @model_validator(mode="after")
    def _one_way(self) -> "Variable":
        if (self.value is None) == (self.correction is None):
            raise ValueError("a variable takes either a value or a correction")
        return self


class EditParams(Params):
    image: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_./:@-]+$", max_length=512)
    other_version: bool = False
    """Lets `image` be of another version. Take a snapshot first: a newer MLflow may migrate the schema."""
    cpu: int | None = Field(default=None, ge=256)
    memory: int | Literal["next"] | None = None
    """MiB, or `next`: one Fargate size up with the same cpu."""
    variable: Variable | None = None
    container: str | None = None
    """Without it the stack's."""

    @model_validator(mode="after")
    def _one_thing(self) -> "EditParams":
        asked = [self.image is not None, self.cpu is not None or self.memory is not None, self.variable is not None]
        if sum(asked) > 1:
            raise ValueError("one of image, size (cpu and memory) or variable at a time")
        return self


def edits_for(params: EditParams, container: str, former: Revision, key: bytes) -> list[dict[str, str]]:
    """As the Change carries them: `path`, and `value` or `correction` with two fingerprints."""
    if params.image is not None:
        return [_image(params, container, former)]
    if params.variable is not None:
        return [_variable(params.variable, container, former, key)]
    if params.cpu is not None or params.memory is not None:
        return _size(params, container, former)
    raise StepRefused("nothing to change was named: image, cpu, memory or variable")


def edits_of(said: list[dict[str, str]], former: Revision, key: bytes, step: str) -> list[Edit]:
    """Back from the Change to what will be written; a correction must come out as it was planned."""
    edits = []
    for one in said:
        if "value" in one:
            edits.append(Edit(one["path"], one["value"]))
            continue
        if "version" in one:
            edits.append(version_edit(one, former))
            continue
        now = former.value(Edit(one["path"], "")) or ""
        value = corrected(now, Correction(one["correction"]))
        if fingerprint(key, one["path"], value) != one["becomes"]:
            raise StepFailed(step, f"{one['path']} would not come out as it was planned")
        edits.append(Edit(one["path"], value))
    return edits


def in_words(said: list[dict[str, str]], former: Revision) -> str:
    parts = []
    for one in said:
        what = one["path"].replace("variable:", "").replace("container_memory:", "memory limit of ")
        if "correction" in one:
            parts.append(f"{what} {one['was']} to {one['becomes']} ({one['correction']})")
        else:
            parts.append(f"{what} {former.value(Edit(one['path'], '')) or 'unset'} to {one['value']}")
    return mask(strip_hidden(", ".join(parts)))[:500]


def _image(params: EditParams, container: str, former: Revision) -> dict[str, str]:
    path, wanted = f"image:{container}", params.image or ""
    now = former.value(Edit(path, ""))
    if now is None:
        raise StepRefused(f"{former.short} has no container {container}")
    if _version(now) != _version(wanted) and not params.other_version:
        why = f"{wanted} is another version than {now} and may migrate the schema"
        raise StepRefused(f"{why}; otherVersion allows it, after a snapshot", rule="S10")
    return {"path": path, "value": wanted}


def _version(image: str) -> str:
    """Name and tag without the registry: a mirror's image is the same under another address."""
    return image.rsplit("/", 1)[-1]


def _variable(asked: Variable, container: str, former: Revision, key: bytes) -> dict[str, str]:
    path = f"variable:{container}:{asked.name}"
    now = former.value(Edit(path, ""))
    if asked.value is not None:
        if asked.name not in PLAIN_VARIABLES:
            raise StepRefused(f"the value of {asked.name} may be a secret, so no runbook sets it", rule="S29")
        if asked.name in _LETS_ANYBODY_IN and "*" in asked.value:
            raise StepRefused(f"{asked.name} with * lets anybody in", rule="S20")
        return {"path": path, "value": asked.value}
    if now is None:
        raise StepRefused(f"{former.short} has no plain variable {asked.name} in {container} to correct")
    correction = asked.correction or Correction.SINGLE_PORT
    was, becomes = fingerprint(key, path, now), fingerprint(key, path, corrected(now, correction))
    if was is None or becomes is None:
        raise StepRefused("without a key for fingerprints a secret value cannot be planned", rule="S29")
    return {"path": path, "correction": correction.value, "was": was, "becomes": becomes}


def _size(params: EditParams, container: str, former: Revision) -> list[dict[str, str]]:
    now_cpu, now_memory = former.content.get("cpu"), former.content.get("memory")
    if not now_cpu or not now_memory:
        raise StepRefused(f"{former.short} has no size of the whole task to change")
    cpu = params.cpu or int(now_cpu)
    memory = _memory(params, former, cpu, int(now_memory))
    if former.is_fargate and (why := why_not_a_size(cpu, memory)):
        raise StepRefused(why)
    said = [{"path": "cpu", "value": str(cpu)}, {"path": "memory", "value": str(memory)}]
    limit = former.value(Edit(f"container_memory:{container}", ""))
    if limit is not None:  # its own limit would keep the container as small as before
        grown = int(limit) + memory - int(now_memory)
        said.append({"path": f"container_memory:{container}", "value": str(grown)})
    return [one for one in said if former.value(Edit(one["path"], "")) != one["value"]]


def _memory(params: EditParams, former: Revision, cpu: int, now: int) -> int:
    if params.memory != "next":
        return params.memory or now
    bigger = next_memory(cpu, now) if former.is_fargate else None
    if bigger is None:
        raise StepRefused(f"there is no next memory size after {now} MiB with {cpu} cpu units: name cpu and memory")
    return bigger


def paths(said: list[dict[str, str]]) -> frozenset[str]:
    """The declared differences, as `difference` names them."""
    return frozenset(Edit(one["path"], "").touches for one in said)


def new_names(said: list[dict[str, str]], former: Revision) -> frozenset[str]:
    """Of variables that the former revision does not have: then the name itself is a difference too."""
    added = [Edit(one["path"], "") for one in said if one["path"].startswith("variable:")]
    return frozenset(edit.touches.removesuffix("value") + "name" for edit in added if former.value(edit) is None)


def as_said(parameters: dict[str, Any]) -> list[dict[str, str]]:
    return [dict(one) for one in parameters["edits"]]
