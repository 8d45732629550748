"""The figures wanted of the floor, and a sweep over sizes that tells whether they are met."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from simulators.bench_floor import Effort, FloorFigures, Spread, measure
from simulators.bench_population import Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One wanted figure and what was measured."""

    name: str
    measured: str
    wanted: str
    met: bool


def verdicts(figures: list[FloorFigures]) -> list[Verdict]:
    """The figures wanted of the largest floor, and how cost grows from the smallest to it."""
    large = figures[-1]
    found = [
        *_decision("caller for a free seat", large.caller_for_seat),
        *_decision("seat for a caller", large.seat_for_caller),
        Verdict(
            name="faster than a linear scan",
            measured=f"{large.worst_ratio:.0f} ×",
            wanted="≥ 30 ×",
            met=large.worst_ratio >= 30,
        ),
        _limit("1 M offer cycles", large.cycle, 30.0, "s"),
        _limit("memory of a waiting caller", large.bytes_per_waiting, 1000.0, "bytes"),
    ]
    if len(figures) > 1:
        for name, warm in (
            ("caller for a free seat", [f.caller_for_seat.warm for f in figures]),
            ("seat for a caller", [f.seat_for_caller.warm for f in figures]),
        ):
            middle = (min(warm) + max(warm)) / 2
            found.append(
                Verdict(
                    name=f"{name}, {figures[0].size.seats} to {large.size.seats} seats",
                    measured=f"± {(max(warm) - middle) / middle:.0%} ({min(warm):.2f} … {max(warm):.2f} µs)",
                    wanted="± 20 % (warm)",
                    met=max(warm) <= 1.2 * middle,
                )
            )
    return found


def _decision(name: str, spread: Spread) -> list[Verdict]:
    return [_limit(f"{name}, p50", spread.p50, 5.0, "µs"), _limit(f"{name}, p99.9", spread.p999, 50.0, "µs")]


def _limit(name: str, value: float, limit: float, unit: str) -> Verdict:
    return Verdict(
        name=name, measured=f"{value:.1f} {unit}", wanted=f"≤ {limit:g} {unit}", met=value <= limit
    )


def average(figures: list[FloorFigures]) -> FloorFigures:
    """Means over several populations of one size: small ones differ much from each other."""

    def mean(values: Iterable[float]) -> float:
        listed = list(values)
        return sum(listed) / len(listed)

    def spread(spreads: list[Spread]) -> Spread:
        return Spread(
            p50=mean(s.p50 for s in spreads),
            p99=mean(s.p99 for s in spreads),
            p999=mean(s.p999 for s in spreads),
            warm=mean(s.warm for s in spreads),
        )

    return FloorFigures(
        size=figures[0].size,
        caller_for_seat=spread([f.caller_for_seat for f in figures]),
        seat_for_caller=spread([f.seat_for_caller for f in figures]),
        scan_for_caller=mean(f.scan_for_caller for f in figures),
        scan_for_seat=mean(f.scan_for_seat for f in figures),
        cycle=mean(f.cycle for f in figures),
        crowded_cycle=mean(f.crowded_cycle for f in figures),
        bytes_per_waiting=mean(f.bytes_per_waiting for f in figures),
    )


def sweep(sizes: Iterable[int], effort: Effort, tell: Callable[[Size], None]) -> list[FloorFigures]:
    """Measure floors of several sizes, small ones in several populations."""
    found = []
    for seats in sizes:
        size = Size.of(seats)
        tell(size)
        several = max(1, min(5, 1000 // seats))
        found.append(
            average([measure(size, replace(effort, seed=effort.seed + number)) for number in range(several)])
        )
    return found
