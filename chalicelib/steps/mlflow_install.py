"""What a container installs when it starts (the usual image is plain Python). Pure.

Two revisions with the same image and the same install lines run the same MLflow; any others may not.
"""

import re

from chalicelib.aws.ecs_shapes import ContainerDefinition

_INSTALL = re.compile(
    r"\b(?:pip3?|uv\s+pip|python3?\s+-m\s+pip|uv\s+sync|conda|poetry)\s+(?:install|sync|add)\b[^;&|\n]*"
)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")


def install_lines(container: ContainerDefinition) -> tuple[str, ...]:
    """With the container's own variables filled in, in the order they run."""
    command = " ".join((*container.entry_point, *container.command))

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        return container.environment.get(name, match[2] or match[0])

    lines = (" ".join(_VARIABLE.sub(value, found).split()) for found in _INSTALL.findall(command))
    return tuple(line.strip("'\" ") for line in lines)


def install_commands(container: ContainerDefinition) -> tuple[str, ...]:
    """As they stand, `$NAMES` and all: for the container's own shell, which fills them in (S12)."""
    command = " ".join((*container.entry_point, *container.command))
    return tuple(found.strip() for found in _INSTALL.findall(command))


def fetched_into(container: ContainerDefinition) -> tuple[str, ...]:
    """Variables that pip, uv and MLflow read and that choose a version without a word in the command."""
    prefixes = ("PIP_", "UV_", "MLFLOW_VERSION")
    return tuple(sorted(f"{k}={v}" for k, v in container.environment.items() if k.startswith(prefixes)))
