"""The requests of the users: how many come, where the load balancer sends them, what that costs.

Adds up over a minute what each tick contributed, and then publishes that minute's datapoints.
"""

from dataclasses import dataclass, field
from datetime import datetime

from steward.sandbox import place
from steward.sandbox.database import Database
from steward.sandbox.ecs_service import EcsService
from steward.sandbox.metrics import MINUTE, Metrics, Point, metric_key, of_value
from steward.sandbox.targets import State, Targets

TICK_S = 5
USUAL_PER_MINUTE = 120.0
CAPACITY_PER_MINUTE = 300.0
"""What one task can take."""
_ALB = "AWS/ApplicationELB"
_ECS = "AWS/ECS"


@dataclass
class _Minute:
    requests: float = 0.0
    errors: float = 0.0
    elb_503: float = 0.0
    elb_504: float = 0.0
    answered: float = 0.0
    spent_s: float = 0.0
    slowest_s: float = 0.0
    cpu: list[float] = field(default_factory=list)
    unhealthy: list[int] = field(default_factory=list)
    healthy: list[int] = field(default_factory=list)


def latency_s(utilization: float) -> float:
    """Flat while there is room, steep beyond 90%."""
    if utilization < 0.9:  # noqa: PLR2004 - where queues start to grow
        return round(0.12 / (1 - 0.9 * utilization), 3)
    return round(0.8 + (utilization - 0.9) * 8, 3)


class Load:
    def __init__(self, service: EcsService, targets: Targets, database: Database, metrics: Metrics) -> None:
        self._service, self._targets, self._database, self._metrics = service, targets, database, metrics
        self.per_minute = USUAL_PER_MINUTE
        self._minute = _Minute()

    def utilization(self, now: datetime) -> float:
        serving = [target for target in self._targets.routed() if target.task.answers(now)]
        routed = len(self._targets.routed())
        if not serving:
            return 0.0
        return self.per_minute * len(serving) / routed / (CAPACITY_PER_MINUTE * len(serving))

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
        for target in routed:
            share = come / len(routed)
            if target.task.answers(now):
                took = self.latency_s(now)
                minute.answered += share
                minute.spent_s += share * took
                minute.slowest_s = max(minute.slowest_s, took)
                minute.errors += share * (1.0 if not self._database.answers else target.task.behaviour.error_share)
            else:
                minute.elb_504 += share
        for task in self._service.live():
            busy = self.utilization(now) if task.answers(now) else 0.0
            minute.cpu.append(min(99.5, 3.0 + 95.0 * busy))
        if now.second == 0:
            self._publish(now - MINUTE)

    def remember(self, now: datetime, minutes: int) -> None:
        """The datapoints of quiet minutes before now, so that there is something to compare with."""
        tasks, took = self._service.desired, self.latency_s(now)
        for ago in range(minutes, 0, -1):
            busy = 3.0 + 95.0 * self.utilization(now)
            self._minute = _Minute(
                requests=self.per_minute,
                answered=self.per_minute,
                spent_s=self.per_minute * took,
                slowest_s=took,
                cpu=[busy] * tasks,
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
        for name, value in (("HTTPCode_Target_5XX_Count", minute.errors), ("HTTPCode_ELB_5XX_Count", elb)):
            if round(value):
                self._alb(name, at, _sum(value))
        if minute.answered:
            mean = minute.spent_s / minute.answered
            point = Point(mean * minute.answered, minute.answered, mean / 3, minute.slowest_s * 1.4, minute.slowest_s)
            self._alb("TargetResponseTime", at, point)
        if minute.cpu:
            mean_cpu = sum(minute.cpu) / len(minute.cpu)
            self._ecs("CPUUtilization", at, Point(mean_cpu, 1, min(minute.cpu), max(minute.cpu), max(minute.cpu)))
            self._ecs("MemoryUtilization", at, of_value(round(46.0 + mean_cpu / 10, 2)))

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
