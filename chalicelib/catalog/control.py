"""The control steps, carried out by the conductor: what may stand under their `with`, and what they give.

`include` is the third one; it is a field of a step, not a `do`, and is gone once a run is pinned.
"""

from pydantic import BaseModel, Field

from chalicelib.models.shape import Shape, YamlShape
from chalicelib.models.step_index import StepEntry
from chalicelib.models.words import Duration


class AskApproval(YamlShape):
    """Wait until somebody says yes to the plan; a no ends the run with nothing changed."""

    message: str = Field(min_length=3, max_length=500)
    """What is asked, above the plan."""


class WaitUntil(YamlShape):
    """Wait until all these checks are true; not true in time is a failure of the step."""

    checks: tuple[str, ...] = Field(min_length=1)
    within: Duration = 600
    hold: Duration = 0
    """How long all of them must stay true; one sample is enough where it is not given."""
    every: Duration = 30


class NoOutput(Shape):
    """Control steps give nothing that could be referenced: that they are done is all there is to know."""


def _entry(name: str, params: type[BaseModel]) -> StepEntry:
    return StepEntry(
        name=name,
        kind="control",
        summary=(params.__doc__ or "").strip(),
        params=params.model_json_schema(by_alias=True),
        output=NoOutput.model_json_schema(),
    )


def control_entries() -> dict[str, StepEntry]:
    """A function, not a constant: the schemas are built when somebody asks, never at import."""
    return {"ask_approval": _entry("ask_approval", AskApproval), "wait_until": _entry("wait_until", WaitUntil)}
