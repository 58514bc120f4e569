"""Whether EventBridge Scheduler would take a schedule expression, and why not. It computes no times."""

import re

_RATE = re.compile(r"rate\((\d{1,6}) (minutes?|hours?|days?)\)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...], str], ...] = (
    ("minutes", 0, 59, (), ""),
    ("hours", 0, 23, (), ""),
    ("day of month", 1, 31, (), r"\?|L|LW|\d{1,2}W"),
    ("month", 1, 12, _MONTHS, ""),
    ("day of week", 1, 7, _DAYS, r"\?|L|[1-7]L|[1-7]#[1-5]"),
    ("year", 1970, 2199, (), ""),
)
_PART = re.compile(r"(?:\*|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>[1-9]\d{0,3}))?", re.ASCII)


def schedule_problem(expression: str) -> tuple[str, str] | None:
    """What is wrong and what to write instead, or None."""
    if expression.startswith("rate("):
        return _rate_problem(expression)
    fields = expression.removeprefix("cron(").removesuffix(")").split()
    if len(fields) != len(_FIELDS):
        what = (
            f"a cron expression has six fields (minutes hours day-of-month month day-of-week year); got {len(fields)}"
        )
        return what, "`cron(0 2 * * ? *)` for every day at 02:00"
    for text, (name, low, high, names, special) in zip(fields, _FIELDS, strict=True):
        if not all(_is_part(part, low, high, names, special) for part in text.split(",")):
            return f"`{text}` is no {name} in a cron expression", f"`*` or numbers from {low} to {high}"
    if (fields[2] == "?") == (fields[4] == "?"):
        what = "exactly one of day-of-month and day-of-week must be `?`"
        return what, "`cron(0 2 * * ? *)` for days of the month, `cron(0 2 ? * MON *)` for weekdays"
    return None


def _rate_problem(expression: str) -> tuple[str, str] | None:
    match = _RATE.fullmatch(expression)
    if match is None or int(match[1]) == 0:
        return "a rate is a whole number and a unit", "`rate(5 minutes)`, `rate(1 hour)` or `rate(1 day)`"
    if (int(match[1]) == 1) == match[2].endswith("s"):
        right = match[2].rstrip("s") + ("" if int(match[1]) == 1 else "s")
        return "a rate of one has a singular unit, any other a plural", f"`rate({match[1]} {right})`"
    return None


def _is_part(text: str, low: int, high: int, names: tuple[str, ...], special: str) -> bool:
    if special and re.fullmatch(special, text):
        return True
    match = _PART.fullmatch(text)
    if match is None:
        return False
    ends = [_number(end, low, names) for end in (match["low"], match["high"]) if end is not None]
    return all(end is not None and low <= end <= high for end in ends)


def _number(text: str, low: int, names: tuple[str, ...]) -> int | None:
    if text.upper() in names:
        return names.index(text.upper()) + low
    return int(text) if re.fullmatch(r"\d{1,4}", text, re.ASCII) else None
