"""What the images of the laboratory hold: the MLflow that their tag says, and not always all that it needs.

Nothing is pulled: the programs are those of the venv with that MLflow, and what an image was built without
is hidden from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.real.lab.child import LabFailure
from tests.real.lab.mlflow_server import QUIET
from tests.real.lab.tools import clean_env, venv_of

IMAGE = "registry.example/mlflow"
NO_DRIVER, NO_UVICORN = f"{IMAGE}-without-psycopg2", f"{IMAGE}-without-uvicorn"
OTHER_HOSTS = f"{IMAGE}-for-another-host"
HOSTS = "TRACKING_HOSTS"
"""A variable that images set: which hosts their start line names to MLflow."""
_HERE = "127.0.0.1:*"


@dataclass(frozen=True)
class Image:
    lacks: str | None = None
    """A Python module that whoever built it forgot."""
    environment: Mapping[str, str] = field(default_factory=lambda: {HOSTS: _HERE})


IMAGES = {
    IMAGE: Image(),
    NO_DRIVER: Image(lacks="psycopg2"),
    NO_UVICORN: Image(lacks="uvicorn"),
    OTHER_HOSTS: Image(environment={HOSTS: "tracking.internal.example"}),
}


def environment_of(
    container: Mapping[str, Any], secrets: Mapping[str, str], role: Mapping[str, str], home: Path
) -> dict[str, str]:
    """Of a process of this container: its image's, its definition's, its secrets' and its role's."""
    name, _, version = str(container["image"]).rpartition(":")
    if name not in IMAGES:
        raise LabFailure(f"no image {container['image']} can be pulled here")
    image = IMAGES[name]
    given = {each["name"]: each["value"] for each in container["environment"]}
    given |= {each["name"]: secrets[each["name"]] for each in container["secrets"]}
    programs = {"PATH": f"{venv_of(version) / 'bin'}:/usr/local/bin:/usr/bin:/bin"}
    hidden = {"PYTHONPATH": str(_hides(image.lacks, home))} if image.lacks else {}
    return clean_env(**QUIET, HOME=str(home)) | dict(image.environment) | given | dict(role) | hidden | programs


def _hides(module: str, home: Path) -> Path:
    """A folder that goes before the installed packages, in which the module is not to be had."""
    folder = home / f"without-{module}"
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(f'raise ModuleNotFoundError("No module named {module!r}", name={module!r})\n')
    return folder
