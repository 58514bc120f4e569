"""The running API is asked everything that its own document allows, and much that it does not.

No server error, no answer that the document does not know, nothing accepted that it forbids.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from steward.cli.api_desk import ApiDesk
from steward.sandbox.gateway import key_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOOLS = ROOT / ".venv-api" / "bin"
FUZZ_S = int(os.environ.get("STEWARD_FUZZ_S", "300"))

pytestmark = pytest.mark.real


@pytest.fixture
def admin(monkeypatch):
    key, secret = key_of("admin")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    return {**os.environ, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}


@pytest.fixture
def address(tmp_path):
    """Of a sandbox that is up; its note lies in a folder of its own."""

    def steward(*words: str) -> dict[str, object]:
        command = [str(Path(sys.executable).parent / "steward"), *words, "--json"]
        said = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True, timeout=60)  # noqa: S603 - our own command
        return json.loads(said.stdout)

    up = steward("sandbox", "up", "--detach", "--runbooks", str(ROOT / "runbooks"))
    yield str(up["address"])
    steward("sandbox", "down")


def test_schemathesis_finds_nothing_with_all_its_checks_on(address, admin, tmp_path):
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(ApiDesk(address, "eu-west-2").ask("document")))
    command = [
        str(TOOLS / "schemathesis"), "run", str(document), "--url", address, "--checks", "all", "--no-color",
        "--max-time", str(FUZZ_S),
    ]  # fmt: skip
    env = {**admin, "SCHEMATHESIS_HOOKS": "signing_hooks", "PYTHONPATH": str(HERE)}
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=FUZZ_S + 120, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Server error" not in done.stdout
    assert " passed" in done.stdout
