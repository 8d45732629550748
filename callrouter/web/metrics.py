"""`/metrics` for Prometheus. No call ids, no numbers: only figures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from callrouter.ports import Engine, LineView

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Counted:
    """A family of counters since start: its values by its labels, of which there are boundedly many."""

    name: str
    text: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the screens' snapshot does not hold."""

    calls_by_outcome: Mapping[str, int] = field(default_factory=dict)
    """Calls ended since start."""
    loop_delay_buckets: Sequence[tuple[float, int]] = ()
    """Upper bounds in seconds, ascending, with cumulative counts; the last bound is infinity."""
    loop_delay_sum: float = 0.0
    links: Mapping[str, bool] = field(default_factory=dict)
    """Links to Asterisk by name, ``ari/NODE`` and ``ami/NODE``: up or down."""
    answer_rate_24h: tuple[int, int] | None = None
    """Answered and offered of the 24 hours that end now."""
    store_available: bool = True
    store_lag: float = 0.0
    store_queued: int = 0
    store_spilled_bytes: int = 0
    store_lost: int = 0
    outbox: int | None = None
    """Messages waiting for the broker; None without one."""
    counters: Sequence[Counted] = ()


class Metrics(Protocol):
    def figures(self) -> Figures: ...


class _EngineCollector(Collector):
    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self._engine = engine
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._state()
        yield from self._figures(self._metrics.figures())

    def _state(self) -> Iterator[Metric]:
        snapshot = self._engine.snapshot()
        seats = GaugeMetricFamily("callrouter_seats", "Seats by state.", labels=["state"])
        for state, count in sorted(Counter(seat.state for seat in snapshot.seats).items()):
            seats.add_metric([state], count)
        yield seats
        waiting = GaugeMetricFamily("callrouter_queue_waiting", "Callers waiting.", labels=["queue"])
        longest = GaugeMetricFamily(
            "callrouter_queue_longest_wait_seconds", "Wait of the longest waiting caller.", labels=["queue"]
        )
        ready = GaugeMetricFamily("callrouter_queue_ready_seats", "Seats ready for it.", labels=["queue"])
        for queue in snapshot.queues:
            waiting.add_metric([queue.queue], queue.waiting)
            since = queue.longest_since
            longest.add_metric([queue.queue], max(0.0, snapshot.at - since) if since is not None else 0.0)
            ready.add_metric([queue.queue], queue.ready)
        yield from (waiting, longest, ready)
        yield from _lines(snapshot.lines)
        yield GaugeMetricFamily("callrouter_calls_live", "Calls going on.", value=len(snapshot.calls))
        health = self._engine.health()
        yield GaugeMetricFamily("callrouter_ready", "Calls can be taken.", value=float(health.ready))

    def _figures(self, figures: Figures) -> Iterator[Metric]:
        ended = CounterMetricFamily("callrouter_calls_ended", "Calls ended since start.", labels=["outcome"])
        for outcome, count in sorted(figures.calls_by_outcome.items()):
            ended.add_metric([outcome], count)
        yield ended
        if figures.loop_delay_buckets:
            delay = HistogramMetricFamily(
                "callrouter_loop_delay_seconds", "From an event's arrival to its handling."
            )
            bounds = [
                ("+Inf" if bound == float("inf") else repr(bound), count)
                for bound, count in figures.loop_delay_buckets
            ]
            delay.add_metric([], bounds, figures.loop_delay_sum)
            yield delay
        links = GaugeMetricFamily(
            "callrouter_link_up", "Link to Asterisk or the broker stands.", labels=["link"]
        )
        for link, up in sorted(figures.links.items()):
            links.add_metric([link], float(up))
        yield links
        if figures.answer_rate_24h is not None:
            answered, offered = figures.answer_rate_24h
            yield GaugeMetricFamily(
                "callrouter_offered_24h", "Calls offered in the last 24 h.", value=offered
            )
            if offered:
                yield GaugeMetricFamily(
                    "callrouter_answer_rate_24h",
                    "answer_rate: answered by a person / offered, last 24 h.",
                    value=answered / offered,
                )
        for name, text, value in (
            ("available", "The database takes records.", float(figures.store_available)),
            ("lag_seconds", "How long the oldest unwritten record has waited.", figures.store_lag),
            ("queued", "Records waiting in memory.", figures.store_queued),
            ("spilled_bytes", "Records waiting on disk.", figures.store_spilled_bytes),
            ("lost", "Records lost since start.", figures.store_lost),
        ):
            yield GaugeMetricFamily(f"callrouter_store_{name}", text, value=value)
        if figures.outbox is not None:
            yield GaugeMetricFamily(
                "callrouter_feed_outbox", "Messages waiting for the broker.", value=figures.outbox
            )
        for counted in figures.counters:
            family = CounterMetricFamily(counted.name, counted.text, labels=counted.labels)
            for labels, count in sorted(counted.values.items()):
                family.add_metric(labels, count)
            yield family


def _lines(lines: Sequence[LineView]) -> Iterator[Metric]:
    """Lines are services: their numbers name nobody."""
    attempts = CounterMetricFamily(
        "callrouter_line_attempts",
        "Attempts to reach a line since start, by outcome and Q.850 cause.",
        labels=["line", "trunk", "outcome", "cause"],
    )
    usable = GaugeMetricFamily(
        "callrouter_line_way_usable",
        "A line's trunk: its breaker lets calls pass.",
        labels=["line", "trunk"],
    )
    calls = GaugeMetricFamily("callrouter_line_calls", "Our calls at the line now.", labels=["line"])
    for line in lines:
        calls.add_metric([line.number], line.calls)
        for way in line.ways:
            usable.add_metric([line.number, way.trunk], float(way.state == "closed"))
            for outcome, cause, count in way.ended:
                attempts.add_metric([line.number, way.trunk, outcome, str(cause)], count)
    yield from (attempts, usable, calls)


class Exposition:
    """Renders all figures as Prometheus text."""

    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_EngineCollector(engine, metrics))

    def text(self) -> bytes:
        return generate_latest(self._registry)
