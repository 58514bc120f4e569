"""FilterLogEvents over the log lines of the world; moto's handles one term. Other log calls stay moto's.

Patterns as https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html has
them for unstructured lines: terms and "phrases", `-` before what must be absent, `?` before
alternatives, `%regular expression%`. JSON and column patterns are refused, not faked.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from steward.sandbox import place
from steward.sandbox.answers import Answers, Declined, Params
from steward.sandbox.tasklogs import Line, TaskLogs

_MOST = 10_000
_TERM = re.compile(r'(?P<sign>[-?]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>[^\s"]+))')
_Matches = Callable[[str], bool]


class LogsAnswers:
    def __init__(self, logs: TaskLogs) -> None:
        self._logs = logs

    def table(self) -> Answers:
        return {"FilterLogEvents": self._filter}

    def _filter(self, params: Params, _now: datetime) -> dict[str, Any]:
        group = params.get("logGroupName") or params.get("logGroupIdentifier", "").rsplit(":log-group:", 1)[-1]
        if group.removesuffix(":*") != place.LOG_GROUP:
            raise Declined("ResourceNotFoundException", "The specified log group does not exist.")
        matches = pattern(params.get("filterPattern", ""))
        start, end = params.get("startTime", 0), params.get("endTime")
        streams, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix", "")
        found = [
            line
            for line in self._logs.lines()
            if line.at >= start
            and (end is None or line.at <= end)
            and (streams is None or line.stream in streams)
            and line.stream.startswith(prefix)
            and matches(line.text)
        ]
        begins, most = int(params.get("nextToken") or 0), params.get("limit", _MOST)
        more = {"nextToken": str(begins + most)} if begins + most < len(found) else {}
        return {"events": [_event(line) for line in found[begins : begins + most]], "searchedLogStreams": [], **more}


def _event(line: Line) -> dict[str, Any]:
    return {
        "logStreamName": line.stream,
        "timestamp": line.at,
        "message": line.text,
        "ingestionTime": line.at + 1000,
        "eventId": f"{line.number:056d}",
    }


def pattern(text: str) -> _Matches:
    text = text.strip()
    if text[:1] in {"{", "["}:
        raise Declined("InvalidParameterException", "The sandbox does not evaluate JSON or column patterns.")
    if len(text) > 2 and text.startswith("%") and text.endswith("%"):  # noqa: PLR2004 - something between
        return _regular(text[1:-1])
    wanted: dict[str, list[str]] = {"": [], "-": [], "?": []}
    for term in _TERM.finditer(text):
        phrase = term["phrase"]
        wanted[term["sign"]].append(re.sub(r"\\(.)", r"\1", phrase) if phrase is not None else term["word"])

    def matches(line: str) -> bool:
        if any(each in line for each in wanted["-"]) or not all(each in line for each in wanted[""]):
            return False
        # Beside a term that must be there, AWS ignores the alternatives.
        return not wanted["?"] or bool(wanted[""]) or any(each in line for each in wanted["?"])

    return matches


def _regular(text: str) -> _Matches:
    try:
        found = re.compile(text)
    except re.error as exc:
        raise Declined("InvalidParameterException", f"Invalid filter pattern: {exc}") from exc
    return lambda line: found.search(line) is not None
