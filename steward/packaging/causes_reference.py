"""The reference of causes as Markdown, from the knowledge that a diagnosis uses. Pure: knowledge in, text out."""

from collections.abc import Iterable
from itertools import groupby

from chalicelib.diagnosis.knowledge import Cause, Kind, Knowledge
from steward.packaging.reference import NOTICE

_KINDS = {
    Kind.ROOT: "",
    Kind.SYMPTOM: " A symptom: something else is usually behind it.",
    Kind.REMNANT: " A remnant: it says that something ended, not why.",
}
_ABOUT = (
    "What `steward diagnose` can name: {many} in `chalicelib/diagnosis/signatures/`. With no cause it answers "
    "`healthy` or, where the evidence does not say, `unknown`."
)
_TRUST = "A cause that only log text supports gets no more than 0.8, starts nothing by itself and vetoes nothing (S4)."


def causes_reference(knowledge: Knowledge) -> str:
    many = f"{len(knowledge.causes)} causes, told apart by {len(knowledge.signatures)} signatures"
    lines = ["# Causes", "", NOTICE, "", _ABOUT.format(many=many), "", _TRUST]
    families = groupby(sorted(knowledge.causes, key=_family), key=_family)
    for family, causes in families:
        lines += ["", f"## {family}"]
        for cause in causes:
            lines += ["", *_cause(cause, knowledge)]
    return "\n".join(lines) + "\n"


def _family(cause: Cause) -> str:
    return cause.cause.partition(".")[0]


def _cause(cause: Cause, knowledge: Knowledge) -> Iterable[str]:
    yield f"### `{cause.cause}`"
    yield ""
    yield f"{cause.means}{_KINDS[cause.kind]}"
    yield ""
    yield f"- **Helps:** {cause.remedy}"
    yield f"- **Does not help:** {cause.does_not_help}"
    for name in cause.harms:
        rule = knowledge.veto[name]
        yield f"- **Harms:** {', '.join(f'`{step}`' for step in rule.steps)}. {rule.why}"
    if cause.link:
        yield f"- **Read:** <{cause.link}>"
