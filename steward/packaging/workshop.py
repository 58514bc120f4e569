"""The workshop: a copy of the project in a folder of its own, in which `chalice package` is run.

The checkout stays as it is, and only what belongs into the zip is there to be taken. Chalice puts what lies
in `vendor/` at the zip's root.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.errors import InputError, StewardError

Json = dict[str, Any]
ARCHITECTURES = ("x86_64", "arm64")
_ARCHITECTURE = "lambda_architecture"
_NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", "*.yml", "*.yaml", "py.typed")


def stage_of(project: Path, stage: str) -> Json:
    """The stage's part of `.chalice/config.json` over what holds for all stages."""
    config = read_config(project)
    stages = config.get("stages", {})
    if stage not in stages:
        known = ", ".join(sorted(stages)) or "none"
        raise InputError(f"there is no stage {stage!r} in .chalice/config.json; its stages are: {known}")
    found = {**{name: value for name, value in config.items() if name != "stages"}, **stages[stage]}
    _refuse_other_machines(found)
    return found


def _refuse_other_machines(settings: Json) -> None:
    """One zip for all functions: its compiled parts are for one kind of processor."""
    wanted = settings.get(_ARCHITECTURE, ARCHITECTURES[0])
    if wanted not in ARCHITECTURES:
        raise InputError(
            f".chalice/config.json: {_ARCHITECTURE}: {wanted!r} is none; write {' or '.join(ARCHITECTURES)}"
        )
    for name, function in settings.get("lambda_functions", {}).items():
        if _ARCHITECTURE in function:
            where = f".chalice/config.json: lambda_functions.{name}.{_ARCHITECTURE}"
            raise InputError(f"{where}: all functions share one zip; say it once, for the stage or for all stages")


def read_config(project: Path) -> Json:
    path = project / ".chalice" / "config.json"
    try:
        found: Json = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}") from error
    return found


def set_up(project: Path, workshop: Path, vendor: Mapping[str, str | bytes], policies: Mapping[str, Json]) -> None:
    """`policies` by function: each becomes the role of that function alone."""
    shutil.copytree(project / "chalicelib", workshop / "chalicelib", ignore=_NOT_SHIPPED)
    for name in ("app.py", "requirements.txt"):
        shutil.copy(project / name, workshop / name)
    for name, content in vendor.items():
        _write(workshop / "vendor" / name, content)
    for function, policy in policies.items():
        _write(workshop / ".chalice" / f"policy-{function}.json", json.dumps(policy))
    _write(workshop / ".chalice" / "config.json", json.dumps(with_policies(read_config(project), tuple(policies))))


def with_policies(config: Json, functions: tuple[str, ...]) -> Json:
    known: Mapping[str, Json] = config.get("lambda_functions", {})
    of_function = {"api": "api_handler"}
    called = {name: of_function.get(name, name.replace("-", "_")) for name in functions}
    mine = {
        called[name]: {
            **known.get(called[name], {}),
            "autogen_policy": False,
            "iam_policy_file": f"policy-{name}.json",
        }
        for name in functions
    }
    return {**config, "lambda_functions": {**known, **mine}}


def has_function(workshop: Path, name: str) -> bool:
    """Whether the app registers it, asked in a process of its own: this one may have loaded another app."""
    asking = f"import app, sys; sys.exit({name!r} not in app.app.handler_map)"
    done = subprocess.run([sys.executable, "-c", asking], cwd=workshop, capture_output=True, check=False)  # noqa: S603
    return done.returncode == 0


def run_chalice(workshop: Path, stage: str, merge: Json, region: str) -> tuple[Json, Path]:
    """The template and the zip, as `chalice package --merge-template` makes them."""
    _write(workshop / "merge.json", json.dumps(merge))
    made = workshop / "made"
    words = [sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())"]
    words += ["package", "--stage", stage, "--merge-template", "merge.json", "made"]
    env = {**os.environ, "AWS_DEFAULT_REGION": region, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, cwd=workshop, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode or not (made / "sam.json").is_file():
        raise StewardError(f"chalice package failed: {(done.stderr or done.stdout).strip()[-800:]}")
    template: Json = json.loads((made / "sam.json").read_text())
    return template, made / "deployment.zip"


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
