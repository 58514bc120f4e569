"""Where a container's MLflow comes from, and the container as it would be with another version of it. Pure.

The start command pins it, or a variable in it does, or the image holds it (S12). Only the pinned version is
ever rewritten, and what comes out is compared with what went in.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from chalicelib.aws.ecs_revisions import Edit, Revision
from chalicelib.aws.ecs_shapes import ContainerDefinition
from chalicelib.errors import StepRefused
from chalicelib.steps.mlflow_install import install_commands

VERSION = r"^\d+\.\d+\.\d+$"
_PIN = re.compile(r"(?<![\w./-])mlflow(?:\[[\w,. -]*\])?\s*==\s*(?P<version>[^\s'\";,|&)]+)")
_NAMED = re.compile(r"(?<![\w./-])mlflow(?![\w./-])")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_TAG = re.compile(r"[^:@]*mlflow[^:@]*:v?(\d+\.\d+\.\d+)(?:[-@].*)?")


class Where(StrEnum):
    COMMAND = "command"
    ENTRY_POINT = "entry_point"
    VARIABLE = "variable"
    IMAGE = "image"


@dataclass(frozen=True)
class Source:
    """What says which MLflow a container runs."""

    where: Where
    version: str | None
    """None: an image whose tag does not say."""
    variable: str | None = None


def source_of(container: ContainerDefinition) -> Source:
    """Raises StepRefused where nothing pins one version: then every start may bring another."""
    installs = [line for line in install_commands(container) if _NAMED.search(line)]
    if not installs:
        match = _TAG.fullmatch(container.image)
        return Source(Where.IMAGE, match[1] if match else None)
    pins = [match for line in installs for match in _PIN.finditer(line)]
    if len(pins) != 1:
        why = "does not pin" if not pins else "pins more than once"
        raise StepRefused(f"the start command {why} MLflow's version: write mlflow==VERSION there first", rule="S12")
    pinned = pins[0]["version"]
    named = _VARIABLE.fullmatch(pinned)
    if named is None:
        in_command = any(_PIN.search(part) for part in container.command)
        return Source(Where.COMMAND if in_command else Where.ENTRY_POINT, pinned)
    name = named[1] or named[2]
    if name not in container.environment:
        raise StepRefused(f"MLflow's version comes from {name}, which is no plain variable of the task", rule="S12")
    return Source(Where.VARIABLE, container.environment[name], name)


def said_edits(container: ContainerDefinition, version: str, image: str | None) -> list[dict[str, str]]:
    """As a Change carries them: the path, and the version or the image. Never the command itself (S29)."""
    source = source_of(container)
    if source.where is Where.IMAGE:
        if image is None:
            raise StepRefused("the image holds MLflow, so the image to go to must be named", rule="S12")
        match = _TAG.fullmatch(image)
        if match and match[1] != version:
            raise StepRefused(f"{image} says it is MLflow {match[1]}, not {version}")
        return [{"path": f"image:{container.name}", "value": image}]
    if image is not None:
        raise StepRefused("the start command installs MLflow, so its line changes and not the image", rule="S12")
    if source.where is Where.VARIABLE:
        return [{"path": f"variable:{container.name}:{source.variable}", "value": version}]
    return [{"path": f"{source.where.value}:{container.name}", "version": version}]


def version_edit(said: Mapping[str, str], former: Revision) -> Edit:
    """The line with another version in it, from the former revision alone."""
    kind, _, name = said["path"].partition(":")
    containers: list[dict[str, Any]] = former.content["containerDefinitions"]
    container = next(each for each in containers if each["name"] == name)
    before = container["command" if kind == "command" else "entryPoint"]
    return Edit(said["path"], json.dumps(with_version(before, said["version"])))


def with_version(parts: Sequence[str], version: str) -> list[str]:
    """Exactly one pin, rewritten; anything else that would come out different is refused (S11)."""
    found = [(number, match) for number, part in enumerate(parts) for match in _PIN.finditer(part)]
    if len(found) != 1:
        raise StepRefused(f"{len(found)} places pin MLflow's version, and it must be one", rule="S11")
    number, match = found[0]
    start, end = match.span("version")
    made = list(parts)
    made[number] = parts[number][:start] + version + parts[number][end:]
    back = made[number][:start] + match["version"] + made[number][start + len(version) :]
    if back != parts[number]:
        raise StepRefused("more than the version would change in the start command", rule="S11")
    return made


def with_target(container: ContainerDefinition, said: Sequence[Mapping[str, str]]) -> ContainerDefinition:
    """The container as those edits make it."""
    (one,) = said
    kind = one["path"].partition(":")[0]
    if kind == "image":
        return replace(container, image=one["value"])
    if kind == "variable":
        return replace(container, environment={**container.environment, one["path"].rpartition(":")[2]: one["value"]})
    if kind == "command":
        return replace(container, command=tuple(with_version(container.command, one["version"])))
    return replace(container, entry_point=tuple(with_version(container.entry_point, one["version"])))
