"""A deployed stage, or the sandbox's API, over HTTP: each operation is one signed request.

Signed with the caller's own AWS identity (SigV4), so the stage knows who asks, and nothing that a
command says about itself is believed (S27).
"""

import http.client
import json
import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from chalicelib.errors import InputError, StewardError, UnknownName

Json = dict[str, Any]
TIMEOUT_S = 30
PLANNED_WITHIN_S = 120
POLL_S = 1.0
NOT_FOR_A_STAGE = "is for a sandbox; a deployed stage gets its events from AWS"
_BAD = {400, 404, 422}


class ApiDesk:
    def __init__(self, address: str, region: str | None = None) -> None:
        parts = urlsplit(address)
        local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise InputError(f"--on {address}: a stage is asked over https only")
        self.fresh = False
        self._base = parts
        self._region = region or _region_of(parts.hostname or "")
        self._key = uuid.uuid4().hex
        self._operations: Mapping[str, Callable[..., Json]] = {
            "begin": self._begin,
            "undo": self._undo,
            "runs": self._runs,
            "run": self._run,
            "plan": self._plan,
            "watch": self._watch,
            "answer": self._answer,
            "delegate": self._delegate,
            "cancel": self._cancel,
            "decisions": self._decisions,
            "stop": self._stop,
            "resume": self._resume,
            "resume_incident": self._resume_incident,
            "freeze": self._freeze,
            "backups": self._backups,
            "backup": self._backup,
            "clear_suspicion": self._clear_suspicion,
            "document": self._document,
            "now": self._now,
        }

    def ask(self, operation: str, **arguments: Any) -> Json:
        work = self._operations.get(operation)
        if work is None:
            raise InputError(f"`{operation}` {NOT_FOR_A_STAGE}")
        return work(**arguments)

    # -- operations ----------------------------------------------------------------------------

    def _begin(self, *, runbook: str, stack: str, inputs: Json, mode: str, reason: str | None, **_rest: Any) -> Json:
        body = {"stack": stack, "inputs": inputs, "reason": reason or "asked for by hand"}
        where = "plan" if mode == "plan" else "runs"
        started = self._post(f"/v1/runbooks/{quote(runbook, safe='')}/{where}", body, key=True)
        return self._started(started, runbook, stack, is_plan=mode == "plan")

    def _undo(self, *, run: str, reason: str | None, plan: bool, **_rest: Any) -> Json:
        body = {"reason": reason or "asked for by hand", "plan": plan}
        return self._started(self._post(f"/v1/runs/{_part(run)}/undo", body, key=True), "undo", None, is_plan=plan)

    def _started(self, said: Json, runbook: str, stack: str | None, *, is_plan: bool) -> Json:
        if is_plan and said["run"]:
            self._wait_for_plan(said["run"])
        return {**said, "runbook": runbook, "stack": stack}

    def _wait_for_plan(self, run: str) -> None:
        """A plan is made where the stack's rights are; that takes a few seconds."""
        end = time.monotonic() + PLANNED_WITHIN_S
        while not self._watch(run=run, after=10**9)["over"]:
            if time.monotonic() > end:
                raise StewardError(f"the plan is not ready after {PLANNED_WITHIN_S} s; see `steward runs show {run}`")
            time.sleep(POLL_S)

    def _runs(self, *, stack: str | None = None) -> Json:
        return self._get("/v1/runs", stack=stack)

    def _run(self, *, run: str) -> Json:
        return self._get(f"/v1/runs/{_part(run)}")

    def _plan(self, *, run: str) -> Json:
        return self._get(f"/v1/runs/{_part(run)}/plan")

    def _watch(self, *, run: str, after: int = 0) -> Json:
        return self._get(f"/v1/runs/{_part(run)}/news", after=after)

    def _answer(self, *, run: str, approve_it: bool, reason: str, plan_hash: str | None, **_rest: Any) -> Json:
        asked = self._run(run=run)["approval"]
        if asked is None:
            raise InputError(f"run {run} asks nobody")
        body = {"plan_hash": plan_hash or asked["plan_hash"], "reason": reason}
        self._post(f"/v1/runs/{_part(run)}/{'approve' if approve_it else 'reject'}", body)
        answered: Json = self._run(run=run)["approval"]
        return answered

    def _delegate(self, *, run: str, to: str, reason: str, **_rest: Any) -> Json:
        self._post(f"/v1/runs/{_part(run)}/delegate", {"to": to, "reason": reason})
        return self._run(run=run)

    def _cancel(self, *, run: str, reason: str, **_rest: Any) -> Json:
        self._post(f"/v1/runs/{_part(run)}/cancel", {"reason": reason})
        return self._run(run=run)

    def _decisions(self, *, limit: int) -> Json:
        said = self._get("/v1/decisions", limit=min(limit, 200))
        return {"decisions": [_flat(decision) for decision in said["decisions"]]}

    def _stop(self, *, reason: str, stack: str | None = None, principal: str) -> Json:
        said = self._post("/v1/stop", {"stack": stack, "reason": reason})
        return {"stopped": stack or "*", "by": principal, "reason": reason, "runs": said["runs"]}

    def _resume(self, *, reason: str, stack: str | None = None, principal: str) -> Json:
        self._post("/v1/resume", {"stack": stack, "reason": reason or "asked for by hand"})
        return {"resumed": stack or "*", "by": principal, "reason": reason}

    def _resume_incident(self, *, incident: str, reason: str, principal: str) -> Json:
        self._post("/v1/resume", {"incident": incident, "reason": reason or "asked for by hand"})
        return {"resumed": incident, "by": principal, "reason": reason}

    def _freeze(
        self,
        *,
        reason: str,
        principal: str,
        stack: str | None = None,
        lasts: str | None = None,
        until: str | None = None,
    ) -> Json:
        said = self._post("/v1/freeze", {"stack": stack, "lasts": lasts, "until": until, "reason": reason})
        end = str(said["done"]).rpartition(" until ")[2]
        return {"frozen": stack or "*", "by": principal, "reason": reason, "until": end}

    def _backups(self, *, stack: str) -> Json:
        return self._get(f"/v1/stacks/{_part(stack)}/backups")

    def _backup(self, *, stack: str, backup: str) -> Json:
        found: dict[str, Json] = {str(one["id"]): one for one in self._backups(stack=stack)["backups"]}
        if backup not in found:
            raise UnknownName("backup", backup, list(found))
        return found[backup]

    def _clear_suspicion(self, *, stack: str, reason: str, principal: str) -> Json:
        before = self._backups(stack=stack)["suspicion"]
        self._post(f"/v1/stacks/{_part(stack)}/clear-suspicion", {"reason": reason})
        return {"stack": stack, "cleared": before["why"] if before else None, "by": principal, "reason": reason}

    def _document(self) -> Json:
        return self._get("/v1/openapi.json")

    def _now(self) -> Json:
        return self._get("/v1/now")

    # -- the wire ------------------------------------------------------------------------------

    def _get(self, path: str, **query: Any) -> Json:
        given = {name: value for name, value in query.items() if value is not None}
        return self._send("GET", path + (f"?{urlencode(given)}" if given else ""), b"", {})

    def _post(self, path: str, body: Json, *, key: bool = False) -> Json:
        said = {name: value for name, value in body.items() if value is not None}
        return self._send("POST", path, json.dumps(said).encode(), {"Idempotency-Key": self._key} if key else {})

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Json:
        whole = self._base.path.rstrip("/") + path
        line = self._line()
        try:
            line.request(method, whole, body or None, self._signed(method, whole, body, headers))
            response = line.getresponse()
            status, text = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise StewardError(f"{self._base.netloc} does not answer: {error}") from error
        finally:
            line.close()
        return _read(status, text)

    def _line(self) -> http.client.HTTPConnection:
        host = self._base.hostname or ""
        if self._base.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, self._base.port, timeout=TIMEOUT_S, context=context)
        return http.client.HTTPConnection(host, self._base.port, timeout=TIMEOUT_S)

    def _signed(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        import boto3
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        session = boto3.Session()
        credentials = session.get_credentials()
        if credentials is None:
            raise InputError("no AWS credentials found: a stage knows who asks only by a signed request")
        region = self._region or session.region_name or "us-east-1"
        url = f"{self._base.scheme}://{self._base.netloc}{path}"
        given = {"host": self._base.netloc, "content-type": "application/json", **headers}
        request = AWSRequest(method, url, given, body)
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(request)
        return dict(request.headers)


def _read(status: int, text: bytes) -> Json:
    try:
        said: Json = json.loads(text)
    except ValueError as error:
        raise StewardError(f"the stage answered {status} with something that is not JSON") from error
    if status < 300:  # noqa: PLR2004
        return said
    detail = str(said.get("detail") or said.get("message") or f"it answered {status}")
    more = "; ".join(f"{one.get('pointer')}: {one.get('detail')}" for one in said.get("errors", []))
    sentence = f"{detail}{f' ({more})' if more else ''}"
    raise InputError(sentence) if status in _BAD else StewardError(f"{status}: {sentence}")


def _flat(decision: Json) -> Json:
    """As the sandbox tells it: the part that weighed most on top."""
    part = next((one for one in decision["parts"] if one["outcome"] == decision["outcome"]), None)
    names = ("runbook", "reasons", "guards", "reconsider_at")
    top = {name: part.get(name) if part else None for name in names}
    ids = {"run": part["run_id"], "incident": part["incident_id"], "stack": part["signal"]["stack"]} if part else {}
    return {**decision, **top, **ids}


def _region_of(host: str) -> str | None:
    """`abc.execute-api.eu-west-2.amazonaws.com`; of another host the profile's region counts."""
    labels = host.split(".")
    return labels[2] if len(labels) > 3 and labels[1] == "execute-api" else None  # noqa: PLR2004


def _part(name: str) -> str:
    return quote(name, safe="")
