"""steward run, runs, decisions: start a run or a plan, follow it, answer it, read why."""

import sys
from collections.abc import Iterable
from typing import Any

import click

from chalicelib.catalog.inputs import coerce_cli
from chalicelib.errors import UnknownName
from steward.cli.answers import answer, inert, json_option, table
from steward.cli.desk import Desk, let_it_show, on_option, open_desk, principal, runbooks_option
from steward.cli.desk import watch as watch_to_the_end
from steward.cli.drawings import draw_decisions, draw_plan, draw_run, moment_line
from steward.cli.folders import read_runbooks
from steward.cli.progress_bar import ProgressBar

Json = dict[str, Any]
FAILED = 1
reason_option = click.option("--reason", metavar="TEXT", help="Why; people will read it.")
why_option = click.option("--reason", required=True, metavar="TEXT", help="Why; people will read it.")


@click.command()
@click.argument("runbook")
@click.option("--stack", required=True, metavar="STACK")
@click.option("--input", "pairs", multiple=True, metavar="K=V", help="An input of the runbook; may be repeated.")
@click.option("--plan", "only_plan", is_flag=True, help="Show every change it would make, and make none.")
@click.option("--watch", "follow", is_flag=True, help="Follow a run in the sandbox that is up to its end.")
@reason_option
@runbooks_option
@on_option
@json_option
def run(
    *,
    runbook: str,
    stack: str,
    pairs: tuple[str, ...],
    only_plan: bool,
    follow: bool,
    reason: str | None,
    runbooks_dir: str | None,
    where: str,
    as_json: bool,
) -> int:
    """Start RUNBOOK by hand, by the same road and under the same guards as an alarm would.

    In a fresh world it is driven to its end; with `--on sandbox:FAULT` the fault shows first and
    Steward is not told of it, so that only this run acts.
    """
    known = read_runbooks(runbooks_dir)
    if runbook not in known:
        raise UnknownName("runbook", runbook, list(known))
    inputs = coerce_cli(known[runbook], pairs)
    mode = "plan" if only_plan else "live"
    with open_desk(where, runbooks_dir, shown=let_it_show) as desk:
        decision = desk.ask(
            "begin", runbook=runbook, stack=stack, principal=principal(), inputs=inputs, mode=mode, reason=reason
        )
        return show_begun(desk, decision, only_plan=only_plan, follow=follow, as_json=as_json)


def show_begun(desk: Desk, decision: Json, *, only_plan: bool, follow: bool, as_json: bool) -> int:
    if not decision["run"]:
        answer(decision, as_json, _not_started)
        return FAILED
    if only_plan:
        answer(desk.ask("plan", run=decision["run"]), as_json, draw_plan)
        return 0
    if follow or desk.fresh:
        watch_run(desk, decision["run"], quiet=as_json)
    whole = desk.ask("run", run=decision["run"])
    answer(whole, as_json, draw_run)
    return FAILED if whole["verdict"] in {"failed", "inconclusive"} or whole["status"] == "stopped" else 0


def _not_started(decision: Json) -> Iterable[str]:
    yield f"not started ({decision['outcome']}):"
    yield from (f"  {reason}" for reason in decision["reasons"])


def watch_run(desk: Desk, run_id: str, *, quiet: bool) -> None:
    """Prints the timeline as it grows; on a terminal with a bar below it for long work."""
    bar = ProgressBar(sys.stderr.isatty() and not quiet)

    def tell(moment: Json) -> None:
        bar.wipe()
        if not quiet:
            click.echo(inert(moment_line(moment)))

    watch_to_the_end(desk, run_id, tell, bar.show)
    bar.wipe()


@click.group()
def runs() -> None:
    """List, show, watch, approve, reject, cancel and undo runs."""


@runs.command("list")
@click.option("--stack", metavar="STACK", help="Only this stack.")
@on_option
@json_option
def list_runs(stack: str | None, where: str, as_json: bool) -> None:
    """Every run, newest first."""
    with open_desk(where) as desk:
        said = desk.ask("runs", stack=stack)
    columns = ("id", "runbook", "status", "verdict", "created_at", "started_by", "outcome")
    answer(said, as_json, lambda s: table(s["runs"], columns) if s["runs"] else ["no runs"])


@runs.command()
@click.argument("run_id", metavar="RUN")
@on_option
@json_option
def show(run_id: str, where: str, as_json: bool) -> None:
    """One run: its steps, changes, checks and timeline."""
    with open_desk(where) as desk:
        answer(desk.ask("run", run=run_id), as_json, draw_run)


@runs.command()
@click.argument("run_id", metavar="RUN")
@on_option
@json_option
def watch(run_id: str, where: str, as_json: bool) -> None:
    """Follow a run until it is over or waits for people."""
    with open_desk(where) as desk:
        watch_run(desk, run_id, quiet=as_json)
        whole = desk.ask("run", run=run_id)
    answer(whole, as_json, lambda s: [f"{s['id']}: {s['verdict'] or s['status']}: {s['outcome'] or ''}"])


@runs.command()
@click.argument("run_id", metavar="RUN")
@click.option("--hash", "plan_hash", metavar="HASH", help="The plan you mean; refused if it is no longer that one.")
@why_option
@on_option
@json_option
def approve(run_id: str, plan_hash: str | None, reason: str, where: str, as_json: bool) -> None:
    """Say yes to the plan that RUN asks about."""
    _answer(run_id, approve_it=True, reason=reason, plan_hash=plan_hash, where=where, as_json=as_json)


@runs.command()
@click.argument("run_id", metavar="RUN")
@why_option
@on_option
@json_option
def reject(run_id: str, reason: str, where: str, as_json: bool) -> None:
    """Say no: RUN ends, and nothing is changed."""
    _answer(run_id, approve_it=False, reason=reason, plan_hash=None, where=where, as_json=as_json)


@runs.command()
@click.argument("run_id", metavar="RUN")
@click.option("--to", required=True, metavar="ARN", help="A user or, for a team, its role. Must be an approver.")
@why_option
@on_option
@json_option
def delegate(run_id: str, to: str, reason: str, where: str, as_json: bool) -> None:
    """Hand the answer that RUN waits for to another person or team; from then on only they can say yes."""
    with open_desk(where) as desk:
        whole = desk.ask("delegate", run=run_id, to=to, principal=principal(), reason=reason)
    answer(whole, as_json, lambda s: [f"{s['id']}: {to} is asked now"])


def _answer(run_id: str, *, approve_it: bool, reason: str, plan_hash: str | None, where: str, as_json: bool) -> None:
    with open_desk(where) as desk:
        approval = desk.ask(
            "answer", run=run_id, approve_it=approve_it, principal=principal(), reason=reason, plan_hash=plan_hash
        )
        if desk.fresh:
            desk.ask("drive", run=run_id)
        whole = desk.ask("run", run=run_id)
    drawn = [f"{approval['state']} by {approval['answered_by']}: {approval['reason']}"]
    answer({**whole, "answered": approval}, as_json, lambda s: [*drawn, *draw_run(s)])


@runs.command()
@click.argument("run_id", metavar="RUN")
@why_option
@on_option
@json_option
def cancel(run_id: str, reason: str, where: str, as_json: bool) -> None:
    """End RUN: the change in flight is finished, then what `onCancel` says."""
    with open_desk(where) as desk:
        said = desk.ask("cancel", run=run_id, principal=principal(), reason=reason)
        if desk.fresh:
            said = desk.ask("drive", run=run_id)
    answer(said, as_json, lambda s: [f"{s['id']}: {s['status']}"])


@runs.command()
@click.argument("run_id", metavar="RUN")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be put back, and change nothing.")
@reason_option
@on_option
@json_option
def undo(run_id: str, only_plan: bool, reason: str | None, where: str, as_json: bool) -> int:
    """Put back what RUN changed, unless somebody changed it since (S34)."""
    with open_desk(where) as desk:
        decision = desk.ask("undo", run=run_id, principal=principal(), reason=reason, plan=only_plan)
        return show_begun(desk, decision, only_plan=only_plan, follow=False, as_json=as_json)


@click.group()
def decisions() -> None:
    """Why something was done, and why nothing was."""


@decisions.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@on_option
@json_option
def list_decisions(limit: int, where: str, as_json: bool) -> None:
    """Every decision, newest first, with its reasons and guards."""
    with open_desk(where) as desk:
        answer(desk.ask("decisions", limit=limit), as_json, draw_decisions)
