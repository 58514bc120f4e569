"""Every rule has a runbook that breaks it, with the line; the good runbook breaks none."""

import pytest

from chalicelib.catalog.lint import lint_text

LOOK = "  - id: look\n    do: ecs.describe_service\n"
RESTART = "  - id: restart\n    do: ecs.restart_tasks\n"


def test_the_good_runbook_has_no_findings(found):
    assert found() == []


CASES = {
    "an unknown step": ([("do: ecs.restart_tasks", "do: ecs.restart_task")], 17, "`do: ecs.restart_tasks`"),
    "a step nobody ever heard of": ([("do: ecs.describe_service", "do: zzz")], 15, "one of ask_approval, ecs.describe"),
    "the same id twice": ([("id: restart", "id: look")], 16, "a second step `look`, the first is in line 14"),
    "the separator of includes in an id": ([("id: restart", "id: re__start")], 16, "`re_start`"),
    "an unknown parameter": ([("max:", "maxx:")], 19, "no parameter 'maxx'; write `max`"),
    "a missing parameter": ([(', max: "${inputs.maxTasks}"', "")], 19, "`max` is missing; write `max: …`"),
    "a parameter of a wrong type": ([('"${inputs.maxTasks}"', '"2"')], 19, "`max` must be a whole number; got '2'"),
    "a parameter out of bounds": ([('"${inputs.maxTasks}"', "11")], 19, "must be at most 10; got 11"),
    "a parameter of a wrong pattern": ([("which: unhealthy", "which: all")], 19, "must match ^(unhealthy|oldest)$"),
    "a parameter that is a list": ([('"${inputs.maxTasks}"', "[1]")], 19, "must be a whole number; got [1]"),
    "a reference of a wrong type": ([('"${inputs.maxTasks}"', '"${steps.look.cluster}"')], 19, "is text"),
    "a text where a number belongs": ([('"${inputs.maxTasks}"', '"n${inputs.maxTasks}"')], 19, "is text"),
    "a wrong duration": (
        [(LOOK, LOOK + "  - id: old\n    do: ecs.stopped_tasks\n    with: {window: 15}\n")],
        18,
        "must be text; got 15",
    ),
    "a later step": ([(LOOK, LOOK + '    when: "steps.restart.x"\n')], 16, "not done before `look`"),
    "itself": ([("steps.look.unhealthy", "steps.restart.unhealthy")], 18, "not done before `restart`"),
    "an unknown step in a condition": ([("steps.look.unhealthy", "steps.lok.unhealthy")], 18, "write `steps.look`"),
    "a field that is not in the output": (
        [("steps.look.unhealthy", "steps.look.unhealty")],
        18,
        "`steps.look` has no field `unhealty`; write `steps.look.unhealthy`",
    ),
    "a field of a field that has none": (
        [("look.unhealthy", "look.cluster.name")],
        18,
        "`steps.look.cluster` has no field `name`",
    ),
    "a field of an entry": (
        [("steps.look.unhealthy >", "length(steps.look.tasks[?helth=='x'].id) >")],
        18,
        "has no field `helth`",
    ),
    "an unknown input": (
        [("${inputs.maxTasks}", "${inputs.maxTask}")],
        19,
        "no input `maxTask`; write `inputs.maxTasks`",
    ),
    "all inputs": ([("${inputs.maxTasks}", "${inputs}")], 19, "names no input"),
    "an unknown root": (
        [("steps.look.unhealthy", "step.look.unhealthy")],
        18,
        "nothing is called `step.look.unhealthy`",
    ),
    "no step at all": ([("steps.look.unhealthy > `0`", "length(keys(steps)) > `0`")], 18, "`steps` names no step"),
    "an unknown field of the stack": ([("steps.look.unhealthy > `0`", "stack.nam == 'x'")], 18, "write `stack.name`"),
    "bad JMESPath": ([("unhealthy > `0`", "unhealthy >")], 18, "not valid JMESPath"),
    "bad JMESPath in a parameter": ([("${inputs.maxTasks}", "${inputs.}")], 19, "not valid JMESPath"),
    "a literal that is not JSON": ([("> `0`", "== `zero`")], 18, "must be JSON"),
    "a reference that is not closed": ([("${inputs.maxTasks}", "${inputs.maxTasks")], 19, "is not closed"),
    "a number as condition": ([("unhealthy > `0`", "unhealthy")], 18, "write `steps.look.unhealthy > `0``"),
    "a negation that ends too early": (
        [("steps.look.unhealthy > `0`", "!steps.look.cluster")],
        18,
        "write `!(steps.look.cluster)`",
    ),
    "a condition that is never true": ([("steps.look.unhealthy > `0`", "`false`")], 18, "`restart` is never reached"),
    "a jump to nowhere": (
        [("onFailure: escalate", "onFailure: step:lok")],
        20,
        "no step `lok` to go to; write `step:look`",
    ),
    "a jump backwards": ([("onFailure: escalate", "onFailure: step:look")], 20, "a run only goes forward"),
    "a jump to itself": ([("onFailure: escalate", "onCancel: step:restart")], 20, "a run only goes forward"),
    "acting without verifying": (
        [("verify:\n  within: 10m\n  hold: 2m\n  that: [alarm_ok, service_steady]\n", "")],
        16,
        "does not verify",
    ),
    "an unknown check": (
        [("that: [alarm_ok,", "that: [alarm_okay,")],
        24,
        "no check named `alarm_okay`; write `alarm_ok`",
    ),
    "within before the alarm settles": ([("within: 10m", "within: 4m")], 22, "write `within: 5m` or longer"),
    "hold longer than within": ([("hold: 2m", "hold: 11m")], 23, "longer than `within: 10m`"),
    "hold without a second sample": ([("hold: 2m", "hold: 20s")], 23, "no second sample"),
    "an unknown check to stand aside for": (
        [("[deployment_in_progress,", "[deploying_now,")],
        12,
        "no check named `deploying_now`",
    ),
    "a cooldown shorter than within": ([("cooldown: 15m", "cooldown: 9m")], 10, "write `cooldown: 10m` or longer"),
    "no blast radius": ([('  blastRadius: {tasks: "50%"}\n', "")], 15, "nothing limits how much it may touch"),
    "high risk without asking": (
        [("do: ecs.restart_tasks", "do: ecs.roll_back"), (', max: "${inputs.maxTasks}"', "")],
        16,
        "`autonomy: approve`, or an `ask_approval` step",
    ),
    "every task that stops": ([("manual: {}", "ecs.task: {}")], 5, "every task that stops"),
    "a cron of five fields": ([("manual: {}", 'schedule: {expression: "cron(0 2 * * ?)"}')], 5, "six fields"),
    "an unknown time zone": (
        [("manual: {}", 'schedule: {expression: "rate(1 day)", timezone: Europe/Londn}')],
        5,
        "no time zone named",
    ),
    "a default out of bounds": (
        [("default: 1", "default: 5")],
        7,
        "the default of `maxTasks` must be at most 4; got 5",
    ),
    "a default of a wrong type": ([("default: 1", "default: one")], 7, "must be a whole number"),
    "bounds the wrong way": ([("minimum: 1", "minimum: 9")], 7, "above its maximum"),
    "a pattern on a number": ([("minimum: 1", "pattern: x")], 7, "has no pattern"),
    "a bound on a text": ([("type: integer, default: 1", "type: string")], 7, "is no number"),
    "a pattern that is none": (
        [("type: integer, default: 1, minimum: 1, maximum: 4", "type: string, pattern: '['")],
        7,
        "no regular expression",
    ),
    "an input nobody gives": ([("default: 1", "required: true")], 7, "nobody can give `maxTasks`"),
    "an unknown runbook": ([(RESTART, "  - id: more\n    include: other\n" + RESTART)], 17, "no runbook named 'other'"),
    "itself as include": ([(RESTART, "  - id: more\n    include: service-down\n" + RESTART)], 17, "includes itself"),
    "a file that does not load": ([("autonomy: auto", "autonomi: auto")], 8, "did you mean `autonomy`?"),
    "a file that is no YAML": ([("title: Bring it back", "title: a: b")], 2, "needs quotes"),
    "a name that is not the file's": (
        [("runbook: service-down", "runbook: service-up")],
        1,
        "the file is service-down.yml",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_linter_finds(found, case):
    changes, line, words = CASES[case]
    findings = found(*changes)
    errors = [text for at, level, text in findings if level == "error" and at == line]
    assert any(words in text and text.startswith(f"service-down.yml:{line}: ") for text in errors), findings


WARNINGS = {
    "a condition that is always true": ([("steps.look.unhealthy > `0`", "`true`")], 18, "always true"),
    "an input nobody reads": ([("${inputs.maxTasks}", "${steps.look.unhealthy}")], 7, "no step reads"),
    "continue with nothing behind it": ([("onFailure: escalate", "onFailure: continue")], 20, "would only hide"),
    "the same trigger twice": ([("  - manual: {}", "  - manual: {}\n  - manual: {}")], 6, "second time"),
    "the same check twice": ([("[alarm_ok, service_steady]", "[alarm_ok, alarm_ok]")], 24, "already said"),
    "verifying nothing": (
        [
            ("do: ecs.restart_tasks", "do: ecs.describe_service"),
            ('{which: unhealthy, max: "${inputs.maxTasks}"}', "{}"),
        ],
        21,
        "nothing to verify",
    ),
    "the output of a fallback": (
        [
            (RESTART, "  - id: other\n    do: ecs.describe_service\n" + RESTART),
            (LOOK, LOOK + "    onFailure: step:other\n"),
            ("steps.look.unhealthy", "steps.other.unhealthy"),
        ],
        21,
        "may never be known",
    ),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_the_linter_warns_of(found, case):
    changes, line, words = WARNINGS[case]
    findings = found(*changes)
    assert any(words in text for at, level, text in findings if level == "warning" and at == line), findings


def test_s4_what_a_signal_says_is_no_argument_of_an_action(found):
    findings = found(("which: unhealthy", 'which: unhealthy, label: "${signal.reason}"'))
    assert [(line, "(S4)" in text) for line, _, text in findings] == [(19, True)]


def test_a_signal_may_be_looked_at_in_a_condition(found):
    assert found(("steps.look.unhealthy > `0`", "signal.name == 'x'")) == []


def test_high_risk_may_be_auto_behind_an_approval(found):
    ask = "  - id: ask\n    do: ask_approval\n    with: {message: Roll it back?}\n"
    changes = [(RESTART, ask + RESTART), ("do: ecs.restart_tasks", "do: ecs.roll_back")]
    assert not [text for *_, text in found(*changes) if "high risk" in text]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{checks: [alarm_ok], within: 5m}", None),
        ("{checks: [alarm_oc]}", "no check named `alarm_oc`; write `alarm_ok`"),
        ("{checks: []}", "needs at least 1"),
        ("{within: 5m}", "`checks` is missing"),
        ("{checks: alarm_ok}", "must be a list"),
        ("{checks: [3]}", "must be text; got 3"),
    ],
)
def test_control_steps_are_checked_like_any_other(found, given, words):
    step = f"  - id: quiet\n    do: wait_until\n    with: {given}\n"
    findings = [text for *_, text in found((RESTART, step + RESTART))]
    assert any(words in text for text in findings) if words else findings == []


OTHER = """\
runbook: other
title: Some more
on: [{manual: {}}]
inputs: {count: {type: integer, required: true, maximum: 3}}
guards: {blastRadius: {tasks: "50%"}}
steps:
  - id: see
    do: ecs.describe_service
  - id: act
    do: ecs.restart_tasks
    with: {max: "${inputs.count}"}
verify: {that: [alarm_ok]}
"""


def included(given):
    return (RESTART, f"  - id: more\n    include: other\n    with: {given}\n" + RESTART)


def test_steps_of_an_included_runbook_can_be_referenced_by_their_long_ids(found):
    good = [included("{count: 2}"), ("steps.look.unhealthy", "steps.more__see.unhealthy")]
    assert found(*good, others=[OTHER]) == []
    bad = [included("{count: 2}"), ("steps.look.unhealthy", "steps.more__see.unhelthy")]
    assert "write `steps.more__see.unhealthy`" in found(*bad, others=[OTHER])[0][2]
    none = [included("{count: 2}"), ("steps.look.unhealthy", "steps.more.unhealthy")]
    assert "has no output of its own" in found(*none, others=[OTHER])[0][2]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{}", "needs its input 'count'"),
        ("{count: 4}", "must be at most 3; got 4"),
        ("{cnt: 1}", "has no input 'cnt'; did you mean `count`?"),
    ],
)
def test_the_inputs_of_an_include_are_checked(found, given, words):
    findings = found(included(given), others=[OTHER])
    assert (findings[0][0], words in findings[0][2]) == (17, True)


def test_an_included_action_without_any_verification_is_found(found):
    other = OTHER.replace("verify: {that: [alarm_ok]}\n", "")
    mine = [(RESTART, "  - id: more\n    include: other\n    with: {count: 1}\n" + RESTART)]
    bare = [("verify:\n  within: 10m\n  hold: 2m\n  that: [alarm_ok, service_steady]\n", "")]
    assert any("does not verify" in text for *_, text in found(*mine, *bare, others=[other]))
    assert not any("does not verify" in text for *_, text in found(*mine, *bare, others=[OTHER]))


def test_a_finding_reads_file_line_what_and_what_to_write_instead(found):
    (finding,) = found(("within: 10m", "within: 4m"))
    assert finding[2] == (
        "service-down.yml:22: `within: 4m` is over before the alarm has settled; write `within: 5m` or longer"
    )


def test_lint_of_hostile_text_is_a_finding(index):
    for text in ("[" * 5000, b"\xff", "a: &a [*a]", "%" * 100, ""):
        findings = lint_text(text, "f.yml", index, {})
        assert findings
        assert all(str(one).startswith("f.yml:") for one in findings)
