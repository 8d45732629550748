"""Blocks as a measurement would have made them."""

from simulators.bench_calls.block import Block
from simulators.bench_calls.plan import Way


def block(
    way: Way,
    asterisk: float,
    controller: float | None = None,
    *,
    calls: int = 100,
    met: int | None = None,
    rate: float = 40.0,
    wait: float = 0.01,
    repeats: dict[str, int] | None = None,
    gaps: tuple[float, ...] = (),
) -> Block:
    """CPU in milliseconds per call."""
    cpu = {"asterisk": asterisk * calls / 1e3}
    if controller is not None:
        cpu["controller"] = controller * calls / 1e3
    return Block(
        way=way,
        calls=calls,
        met=calls if met is None else met,
        failed=0,
        rate=rate,
        wait_p50=wait,
        wait_p99=wait,
        repeats=repeats or {},
        offers_again=0,
        cpu=cpu,
        quiet=True,
        gaps=gaps,
    )
