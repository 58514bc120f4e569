"""The requests of the users: how many come, where the load balancer sends them, what that costs.

Adds up over a minute what each tick contributed, and then publishes that minute's datapoints.
"""

from dataclasses import dataclass, field
from datetime import datetime

from steward.sandbox import place
from steward.sandbox.ecs_service import EcsService
from steward.sandbox.exporter import Exporter
from steward.sandbox.memory import Memory
from steward.sandbox.metrics import MINUTE, Metrics, Point, metric_key, of_samples, of_value
from steward.sandbox.serving import Serving
from steward.sandbox.targets import State, Target, Targets

TICK_S = 5
USUAL_PER_MINUTE = 120.0
CAPACITY_PER_MINUTE = 300.0
"""What one task can take."""
_ALB = "AWS/ApplicationELB"
_ECS = "AWS/ECS"
_RDS = "AWS/RDS"


@dataclass
class _Minute:
    requests: float = 0.0
    errors: float = 0.0
    refused: float = 0.0
    elb_503: float = 0.0
    elb_504: float = 0.0
    answered: float = 0.0
    spent_s: float = 0.0
    slowest_s: float = 0.0
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    unhealthy: list[int] = field(default_factory=list)
    healthy: list[int] = field(default_factory=list)


def latency_s(utilization: float) -> float:
    """Flat while there is room, steep beyond 90%."""
    if utilization < 0.9:  # noqa: PLR2004 - where queues start to grow
        return round(0.12 / (1 - 0.9 * utilization), 3)
    return round(0.8 + (utilization - 0.9) * 8, 3)


class Load:
    def __init__(
        self, service: EcsService, targets: Targets, serving: Serving, memory: Memory, metrics: Metrics
    ) -> None:
        self._service, self._targets, self._serving = service, targets, serving
        self._memory, self._metrics = memory, metrics
        self.per_minute = USUAL_PER_MINUTE
        self.exporter = Exporter()
        self._minute = _Minute()

    def utilization(self, now: datetime) -> float:
        routed = self._targets.routed()
        if not any(target.task.answers(now) for target in routed):
            return 0.0
        return self.per_minute / len(routed) / CAPACITY_PER_MINUTE

    def latency_s(self, now: datetime) -> float:
        return latency_s(self.utilization(now))

    def tick(self, now: datetime) -> None:
        minute, routed = self._minute, self._targets.routed()
        minute.unhealthy.append(self._targets.count(State.UNHEALTHY))
        minute.healthy.append(self._targets.count(State.HEALTHY))
        come = self.per_minute * TICK_S / 60
        minute.requests += come
        if not routed:
            minute.elb_503 += come
        busiest = self.utilization(now)  # the same for all that answer, and it costs: a month has half a million ticks
        took = latency_s(busiest)
        for target in routed:
            self._serve(target, come / len(routed), took, now)
        for task in self._service.live():
            busy = busiest if task.answers(now) else 0.0
            minute.cpu.append(min(99.5, 3.0 + 95.0 * busy))
            minute.memory.append(self._memory.percent(task, now, minute.cpu[-1]))
        if now.second == 0:
            self._publish(now - MINUTE)

    def _serve(self, target: Target, requests: float, took: float, now: datetime) -> None:
        minute = self._minute
        if not target.task.answers(now):
            minute.elb_504 += requests
            return
        failed, refused = (requests * share for share in self._serving.errors(target.task))
        minute.answered += requests
        minute.spent_s += requests * took
        minute.slowest_s = max(minute.slowest_s, took)
        minute.errors += failed
        minute.refused += refused
        for count, status in ((failed, 500), (refused, 403), (requests - failed - refused, 200)):
            if count:
                self.exporter.count(count, status, took)

    def remember(self, now: datetime, minutes: int) -> None:
        """The datapoints of quiet minutes before now, so that there is something to compare with."""
        tasks, took = self._service.desired, self.latency_s(now)
        for ago in range(minutes, 0, -1):
            busy = 3.0 + 95.0 * self.utilization(now)
            self.exporter.remember(self.per_minute)
            self._minute = _Minute(
                requests=self.per_minute,
                answered=self.per_minute,
                spent_s=self.per_minute * took,
                slowest_s=took,
                cpu=[busy] * tasks,
                memory=[round(46.0 + busy / 10, 2)] * tasks,
                unhealthy=[0],
                healthy=[tasks],
            )
            self._publish(now - MINUTE * ago)

    def _publish(self, at: datetime) -> None:
        minute, self._minute = self._minute, _Minute()
        self._alb("UnHealthyHostCount", at, _counts(minute.unhealthy))
        self._alb("HealthyHostCount", at, _counts(minute.healthy))
        self._alb("RequestCount", at, _sum(minute.answered + minute.elb_504))
        # Counters of errors have no datapoint in a minute without one, as in CloudWatch.
        elb = minute.elb_503 + minute.elb_504
        counted = {
            "HTTPCode_Target_4XX_Count": minute.refused,
            "HTTPCode_Target_5XX_Count": minute.errors,
            "HTTPCode_ELB_5XX_Count": elb,
        }
        for name, value in counted.items():
            if round(value):
                self._alb(name, at, _sum(value))
        if minute.answered:
            mean = minute.spent_s / minute.answered
            point = Point(mean * minute.answered, minute.answered, mean / 3, minute.slowest_s * 1.4, minute.slowest_s)
            self._alb("TargetResponseTime", at, point)
        if minute.cpu:
            self._ecs("CPUUtilization", at, of_samples(minute.cpu))
            self._ecs("MemoryUtilization", at, of_samples(minute.memory))
        self._publish_database(at, minute.answered)

    def _publish_database(self, at: datetime, requests: float) -> None:
        database = self._serving.database
        if not database.answers:  # RDS has no datapoints of an instance that does not run
            return
        gauges = {
            "CPUUtilization": min(99.0, 3.0 + requests / 40),
            "FreeStorageSpace": database.free_bytes,
            "DatabaseConnections": database.connections,
        }
        for name, value in gauges.items():
            self._metrics.put(metric_key(_RDS, name, place.DATABASE_DIMENSIONS), at, of_value(float(value)))

    def _alb(self, name: str, at: datetime, point: Point) -> None:
        self._metrics.put(metric_key(_ALB, name, place.ALB_DIMENSIONS), at, point)

    def _ecs(self, name: str, at: datetime, point: Point) -> None:
        self._metrics.put(metric_key(_ECS, name, place.ECS_DIMENSIONS), at, point)


def _sum(value: float) -> Point:
    whole = float(round(value))
    return Point(whole, whole, 1.0, 1.0, 1.0)


def _counts(samples: list[int]) -> Point:
    low, high = float(min(samples)), float(max(samples))
    return Point(float(sum(samples)), len(samples), low, high, high)
