"""http.deep_health: asks MLflow itself, often enough that every task behind the load balancer answers.

Reads only: a search through the API and an artifact listing. `/health` would say 200 with the
database down.
"""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import Field

from chalicelib.models.words import Duration
from chalicelib.net.http import HttpAnswer, HttpFailure, HttpPort, HttpRequest
from chalicelib.steps.deep_answers import State, body_of, of_failure, of_listing, of_search
from chalicelib.steps.mlflow_access import ASK_MLFLOW, allowed_hosts, login_headers
from chalicelib.steps.permissions import DESCRIBE_SERVICE
from chalicelib.steps.step import Output, Params, Probe, StepContext

_ENOUGH_BAD = 3
"""After so many bad answers more of them say nothing new, and each may cost a whole time-out."""
_API = "/api/2.0/mlflow"


class DeepParams(Params):
    attempts: int | None = Field(default=None, ge=1, le=200)
    """Without it twice the running tasks, at least 2."""
    timeout: Duration = 10
    """Of each single request."""


class DeepOutput(Output):
    state: State
    asked: int = 0
    good: int = 0
    bad: int = 0
    running: int = 0
    """Tasks that ran while it asked: `asked` must be at least twice as many to speak for all."""
    detail: str


class DeepHealth(Probe[DeepParams, DeepOutput]):
    """Whether MLflow works: its API searches the database and lists artifacts, from every running task.

    ```yaml
    - id: deep
      do: http.deep_health
      with: {timeout: 5s}
    ```
    """

    name = "http.deep_health"
    Params = DeepParams
    Output = DeepOutput
    permissions = (DESCRIBE_SERVICE, *ASK_MLFLOW)

    def read(self, ctx: StepContext, params: DeepParams) -> DeepOutput:
        if ctx.stack.url is None:
            return DeepOutput(state=State.NO_URL, detail="the stack has no url")
        running = ctx.aws.ecs.service(ctx.stack.ecs.cluster, ctx.stack.ecs.service).running
        conversation = _Conversation(ctx.http, ctx.stack.url, login_headers(ctx), allowed_hosts(ctx), params.timeout)
        answers: list[tuple[State, str]] = []
        for _ in range(params.attempts or max(2, 2 * running)):
            answers.append(conversation.attempt())
            bad = sum(state.is_ill for state, _ in answers)
            cannot_see = answers[-1][0] is not State.OK and not answers[-1][0].is_ill
            if cannot_see or bad >= _ENOUGH_BAD:
                break
        return _summed_up(answers, running)


def _summed_up(answers: list[tuple[State, str]], running: int) -> DeepOutput:
    states = Counter(state for state, _ in answers)
    ill = [state for state, _ in states.most_common() if state.is_ill]
    blind = [state for state in states if state is not State.OK and not state.is_ill]
    state = (ill or blind or [State.OK])[0]
    return DeepOutput(
        state=state,
        asked=len(answers),
        good=states[State.OK],
        bad=sum(states[each] for each in ill),
        running=running,
        detail=next(detail for each, detail in answers if each is state)[:300],
    )


@dataclass
class _Conversation:
    http: HttpPort
    url: str
    headers: dict[str, str]
    allow_hosts: tuple[str, ...]
    timeout_s: float

    def attempt(self) -> tuple[State, str]:
        """One search and one listing, as one task or two may answer them."""
        try:
            found = self._ask("GET", f"{_API}/experiments/search?max_results=1")
            state = of_search(found)
            if state is not State.OK:
                return state, self._said("search", found, state)
            listing = self._list_artifacts(found)
            if listing is None:
                return State.OK, "searches; there is no run to list artifacts of"
            state = of_listing(listing)
            return state, "searches and lists artifacts" if state is State.OK else self._said("listing", listing, state)
        except HttpFailure as failure:
            return of_failure(failure), str(failure)

    def _list_artifacts(self, found: HttpAnswer) -> HttpAnswer | None:
        """None: there is nothing yet whose artifacts could be listed."""
        experiments = body_of(found).get("experiments") or []
        if not experiments or not isinstance(experiments[0], dict):
            return None
        location = urlsplit(str(experiments[0].get("artifact_location", "")))
        if location.scheme == "mlflow-artifacts":
            path = quote(location.path.strip("/"), safe="")
            return self._ask("GET", f"/api/2.0/mlflow-artifacts/artifacts?path={path}")
        wanted = {"experiment_ids": [str(experiments[0].get("experiment_id", ""))], "max_results": 1}
        newest = self._ask("POST", f"{_API}/runs/search", wanted)
        if of_search(newest) not in {State.OK, State.UNCLEAR}:
            return newest
        run_id = _first_run(body_of(newest))
        return self._ask("GET", f"{_API}/artifacts/list?run_id={quote(run_id, safe='')}") if run_id else None

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> HttpAnswer:
        headers = {**self.headers, "Content-Type": "application/json"} if body is not None else self.headers
        return self.http.ask(
            HttpRequest(
                method=method,
                url=self.url.rstrip("/") + path,
                headers=headers,
                body=json.dumps(body).encode() if body is not None else None,
                timeout_s=self.timeout_s,
                max_bytes=256 * 1024,
                allow_hosts=self.allow_hosts,
            )
        )

    def _said(self, what: str, answer: HttpAnswer, state: State) -> str:
        """Status and MLflow's own code, never its text: whoever reaches the server can write that (S30)."""
        if state is State.AUTH and not self.headers:
            return f"the {what} answers {answer.status}: it wants a login, and none may be sent to this url"
        code = body_of(answer).get("error_code")
        named = f" {code}" if isinstance(code, str) and code.isupper() and len(code) < 50 else ""  # noqa: PLR2004
        return f"the {what} answers {answer.status}{named}"


def _first_run(body: dict[str, Any]) -> str | None:
    match body:
        case {"runs": [{"info": {"run_id": str(run_id)}}, *_]}:
            return run_id
    return None
