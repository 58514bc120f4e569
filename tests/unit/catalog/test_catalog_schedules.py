"""Schedule expressions as EventBridge Scheduler takes them."""

import pytest

from chalicelib.catalog.schedules import schedule_problem


@pytest.mark.parametrize(
    "expression",
    ["cron(0 2 * * ? *)", "cron(0/15 8-18 ? * MON-FRI *)", "cron(0 10 L * ? 2026)", "cron(0 10 LW * ? *)",
     "cron(0 10 15W * ? *)", "cron(5,35 14 ? JAN,jul 6L 2026-2030)", "cron(0 9 ? * 2#1 *)", "cron(*/5 * * * ? *)",
     "rate(1 day)", "rate(5 minutes)", "rate(1 hour)", "rate(12 hours)"],
)  # fmt: skip
def test_good_expressions_have_no_problem(expression):
    assert schedule_problem(expression) is None


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("cron(0 2 * * ?)", "six fields"),
        ("cron()", "six fields"),
        ("cron(60 2 * * ? *)", "`60` is no minutes"),
        ("cron(0 24 * * ? *)", "`24` is no hours"),
        ("cron(0 2 0 * ? *)", "`0` is no day of month"),
        ("cron(0 2 * 13 ? *)", "`13` is no month"),
        ("cron(0 2 ? * 8 *)", "`8` is no day of week"),
        ("cron(0 2 ? * MON 1969)", "`1969` is no year"),
        ("cron(? 2 ? * MON *)", "`?` is no minutes"),
        ("cron(0/0 2 * * ? *)", "is no minutes"),
        ("cron(a 2 * * ? *)", "is no minutes"),
        ("cron(0, 2 * * ? *)", "is no minutes"),
        ("cron(٣ 2 * * ? *)", "is no minutes"),
        ("cron(0 2 * * * *)", "exactly one"),
        ("cron(0 2 ? * ? *)", "exactly one"),
        ("rate(0 days)", "a whole number"),
        ("rate(1.5 hours)", "a whole number"),
        ("rate(1 days)", "singular"),
        ("rate(2 day)", "plural"),
        ("rate(1 week)", "a whole number"),
    ],
)
def test_bad_expressions_say_what_is_wrong_and_what_to_write(expression, words):
    what, instead = schedule_problem(expression)
    assert words in what
    assert instead
