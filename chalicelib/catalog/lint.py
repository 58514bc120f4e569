"""The linter: what is well-formed and would still go wrong. `file:line: what; write … instead`.

Each rule is a generator over one Subject and knows nothing of the others; a rule stays silent about
what another one says.
"""

from collections.abc import Callable, Mapping

from chalicelib.catalog import lint_guards, lint_references, lint_steps
from chalicelib.catalog.finding import Findings, LintFinding, Subject
from chalicelib.catalog.load import read_runbook
from chalicelib.documents import Document
from chalicelib.errors import DocumentError, DocumentErrors
from chalicelib.models.runbook import Runbook
from chalicelib.models.step_index import StepIndex

__all__ = ["LintFinding", "lint", "lint_text"]

RULES: tuple[Callable[[Subject], Findings], ...] = (
    lint_steps.unknown_steps,
    lint_steps.ids,
    lint_steps.parameters,
    lint_steps.control_checks,
    lint_steps.includes,
    lint_steps.routes,
    lint_steps.unreachable,
    lint_steps.last_failure,
    lint_references.expressions,
    lint_references.unclosed,
    lint_references.conditions,
    lint_references.unused_inputs,
    lint_guards.verifies,
    lint_guards.verification,
    lint_guards.guards,
    lint_guards.risks,
    lint_guards.triggers,
    lint_guards.inputs,
)


def lint(
    runbook: Runbook, document: Document, index: StepIndex, runbooks: Mapping[str, Runbook]
) -> tuple[LintFinding, ...]:
    """`runbooks` are all there are, by name: what `include` may name."""
    subject = Subject(runbook, document, index, runbooks)
    found = {finding: None for rule in RULES for finding in rule(subject)}
    return tuple(sorted(found, key=lambda finding: (finding.line, finding.what)))


def lint_text(
    text: str | bytes, file: str, index: StepIndex, runbooks: Mapping[str, Runbook]
) -> tuple[LintFinding, ...]:
    """The same for a file that may not even load: then what is wrong with it are the findings."""
    try:
        runbook, document = read_runbook(text, file)
    except DocumentErrors as exc:
        return tuple(_finding(error) for error in exc.errors)
    except DocumentError as exc:
        return (_finding(exc),)
    return lint(runbook, document, index, runbooks)


def _finding(error: DocumentError) -> LintFinding:
    return LintFinding(error.file, error.line or 1, f"{error.field}: {error.what}" if error.field else error.what)
