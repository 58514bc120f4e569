"""The `signals` of a recorded case as Symptoms: `logs`, `ecs_stopped_reason`, `exit_code`, `http`, and nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.diagnosis.symptoms import HttpAnswer, Symptoms, log_blocks
from chalicelib.errors import InputError

KEYS = frozenset({"logs", "ecs_stopped_reason", "exit_code", "http"})


def read_signals(signals: object, where: str) -> Symptoms:
    """`where` names the case in what is said about a mistake."""
    if not isinstance(signals, Mapping):
        raise InputError(f"{where}: signals must be an object with {', '.join(sorted(KEYS))}")
    return Symptoms(
        log=log_blocks(list(_log(signals.get("logs"), where))),
        stop_reasons=tuple(str(each) for each in _listed(signals.get("ecs_stopped_reason")) if str(each).strip()),
        exit_codes=tuple(_exit_code(each, where) for each in _listed(signals.get("exit_code"))),
        http=tuple(_answer(each, where) for each in _listed(signals.get("http"))),
    )


def _listed(value: Any) -> list[Any]:  # noqa: ANN401  # JSON
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _log(value: object, where: str) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.splitlines()
        return
    if value is not None and not isinstance(value, list):
        raise InputError(f"{where}: signals.logs must be a list of lines")
    for line in value or ():
        if isinstance(line, Mapping):  # as CloudWatch gives them
            yield str(line.get("message", ""))
        elif line is not None:
            yield str(line)


def _exit_code(value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InputError(f"{where}: signals.exit_code must be a whole number")


def _answer(value: object, where: str) -> HttpAnswer:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: signals.http must be an object with status, headers and body")
    status, headers, body = value.get("status"), value.get("headers"), value.get("body")
    if status is not None and (isinstance(status, bool) or not isinstance(status, int)):
        raise InputError(f"{where}: signals.http.status must be a whole number")
    named = {str(name): str(each) for name, each in headers.items()} if isinstance(headers, Mapping) else {}
    return HttpAnswer(status, named, "" if body is None else str(body))
