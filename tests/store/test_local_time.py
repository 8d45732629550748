"""Days and hours where clocks are set, against the zone's own account of each instant."""

from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from callrouter.store.kpi import SPANS
from callrouter.store.local_time import MICRO, LocalTime
from callrouter.store.packed import Packed
from callrouter.store.summing import Sums, add_by_span

ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]


def instant(zone: ZoneInfo, *when: int) -> int:
    return int(datetime(*when, tzinfo=zone).timestamp()) * MICRO  # type: ignore[misc]


@pytest.mark.parametrize("name", ZONES)
def test_each_instant_of_a_year_is_as_far_ahead_as_the_zone_says(name: str) -> None:
    zone = ZoneInfo(name)
    begin, end = instant(zone, 2026, 1, 1), instant(zone, 2027, 1, 1)
    local = LocalTime.of(zone, begin, end)
    instants = np.arange(begin, end, 1500 * MICRO)
    told = [datetime.fromtimestamp(at / MICRO, zone).utcoffset() for at in instants.tolist()]
    wanted = [one // timedelta(microseconds=1) for one in told if one is not None]
    assert local.at(instants)[0].tolist() == wanted


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("by", ["day", "hour"])
def test_rows_fall_on_the_zones_own_days_and_hours(name: str, by: str) -> None:
    """One call each quarter of an hour, all year: days have 92, 96 or 100 of them where clocks are set."""
    zone = ZoneInfo(name)
    begin, end = instant(zone, 2026, 1, 1), instant(zone, 2027, 1, 1)
    ingress = np.arange(begin, end, 900 * MICRO)
    part = Packed(len(ingress), {"ingress": ingress}, {})
    sums = Sums()
    ones = np.ones(len(ingress), dtype=np.int64)
    add_by_span(part, {"offered": ones}, sums, SPANS[by], LocalTime.of(zone, begin, end))
    shown = [
        (datetime.fromtimestamp(int(key) / MICRO, zone), tally.offered)
        for key, tally in sums.tallies().items()
    ]
    wanted: Counter[tuple[object, ...]] = Counter()
    for at in ingress.tolist():
        now = datetime.fromtimestamp(at / MICRO, zone)
        wanted[(now.date(),) if by == "day" else (now.date(), now.hour, now.utcoffset())] += 1
    found: Counter[tuple[object, ...]] = Counter()
    for now, count in shown:
        found[(now.date(),) if by == "day" else (now.date(), now.hour, now.utcoffset())] += count
    assert found == wanted
    if by == "day":
        assert len(shown) == 365, "each day is one row"
        for now, _ in shown:
            assert datetime.fromtimestamp(now.timestamp() - 1, zone).date() == now.date() - timedelta(days=1)
