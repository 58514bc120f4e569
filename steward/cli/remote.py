"""Talks to the sandbox that is up: finds it by its note in `.steward/`, asks it over its control port."""

import http.client
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalicelib.errors import InputError, StewardError

Json = dict[str, Any]
NOTE = Path(".steward") / "sandbox.json"
TIMEOUT_S = 120
BAD_INPUT, OK = 400, 200


class RemoteDesk:
    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.fresh = False
        self._token = token

    def ask(self, operation: str, **arguments: object) -> Json:
        body = json.dumps({"operation": operation, "arguments": arguments}).encode()
        status, said = self._post(body)
        if status == OK:
            return said
        sentence = str(said.get("error", f"the sandbox answered {status}"))
        raise InputError(sentence) if status == BAD_INPUT else StewardError(sentence)

    def _post(self, body: bytes) -> tuple[int, Json]:
        parts = urlsplit(self.address)
        line = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=TIMEOUT_S)
        try:
            line.request("POST", "/", body, {"Authorization": f"Bearer {self._token}"})
            response = line.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise StewardError(f"the sandbox at {self.address} does not answer: {error}") from error
        finally:
            line.close()


def read_note() -> Json | None:
    """Of a sandbox that lives. What a killed one left behind is taken away."""
    try:
        note: Json = json.loads(NOTE.read_text())
        pid = int(note["pid"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{NOTE} is not what `steward sandbox up` writes; delete it") from error
    if _lives(pid):
        return note
    NOTE.unlink(missing_ok=True)
    return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process
        return True
    return True


def find_remote() -> RemoteDesk | None:
    note = read_note()
    return RemoteDesk(str(note["address"]), str(note["token"])) if note else None


def the_remote() -> RemoteDesk:
    found = find_remote()
    if found is None:
        raise InputError("no sandbox is up here; start one with `steward sandbox up --detach`")
    return found
