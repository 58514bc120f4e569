"""What is counted: runs by verdict, time to the first action and to recovery, refusals by guard."""

from chalicelib.models.decision import Outcome, SignalDecision
from chalicelib.models.run import Run, Verdict
from chalicelib.models.summary import Delivery
from chalicelib.observability import NO_VERDICT, Level, Metric, Telemetry


def decided(telemetry: Telemetry, part: SignalDecision) -> None:
    telemetry.count(Metric.DECISIONS_BY_OUTCOME, part.outcome)
    if part.outcome in {Outcome.HOLD, Outcome.REFUSE}:
        for guard in part.guards:
            if not guard.passed:
                telemetry.count(Metric.REFUSALS_BY_GUARD, guard.guard)
    telemetry.note(
        "decided",
        outcome=part.outcome.value,
        runbook=part.runbook,
        stack=part.signal.stack,
        run=part.run_id,
        signal=part.signal.name,
        reasons=list(part.reasons),
    )


def run_ended(telemetry: Telemetry, run: Run) -> None:
    telemetry.count(Metric.RUNS_BY_VERDICT, run.verdict.value if run.verdict else NO_VERDICT)
    if run.first_action_at:
        telemetry.seconds(Metric.TIME_TO_FIRST_ACTION, (run.first_action_at - run.created_at).total_seconds())
    if run.verdict is Verdict.VERIFIED and run.ended_at:
        telemetry.seconds(Metric.TIME_TO_RECOVERY, (run.ended_at - run.created_at).total_seconds())
    telemetry.note("run ended", status=run.status.value, verdict=run.verdict, outcome=run.outcome)


def delivered(telemetry: Telemetry, occasion: str, delivery: Delivery) -> None:
    if not delivery.ok:
        telemetry.count(Metric.DELIVERIES_FAILED, delivery.channel.partition(":")[0])
        telemetry.note(
            "not delivered",
            level=Level.WARNING,
            occasion=occasion,
            channel=delivery.channel,
            attempts=delivery.attempts,
            error=delivery.error,
        )


def heartbeat(telemetry: Telemetry) -> None:
    telemetry.count(Metric.HEARTBEAT)
