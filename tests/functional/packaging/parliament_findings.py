"""parliament, which asks setuptools' former `pkg_resources` for the path of its own files and for nothing else."""

import importlib.util
import json
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any


def findings(policy: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What is wrong, with which action (or parliament's own words), and the form of resource that it misses."""
    _stand_in()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its own files open when it is imported
        from parliament import analyze_policy_string

    found = []
    for one in analyze_policy_string(json.dumps(policy)).findings:
        for detail in one.detail if isinstance(one.detail, list) else [one.detail]:
            if isinstance(detail, dict):
                found.append(
                    (str(one.issue), str(detail.get("action", detail)), str(detail.get("required_format", "")))
                )
            else:
                found.append((str(one.issue), str(detail), ""))
    return found


def _stand_in() -> None:
    """setuptools 82 took it out; parliament 1.6.4 is the newest there is."""
    if importlib.util.find_spec("pkg_resources") is not None:
        return
    module = ModuleType("pkg_resources")
    module.__spec__ = importlib.util.spec_from_loader("pkg_resources", None)

    def resource_filename(package: str, name: str) -> str:
        found = importlib.util.find_spec(package)
        assert found is not None
        assert found.origin is not None
        return str(Path(found.origin).parent / name)

    vars(module)["resource_filename"] = resource_filename
    sys.modules["pkg_resources"] = module
