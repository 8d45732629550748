"""A synthetic China: thirty-one provinces by population, one hotline each.

Nothing here is a measured figure of a real hotline; only the populations are
those of the census of 2020 (millions). It serves to see how the floor behaves at
ten thousand seats and what a national reserve is worth.
"""

from typing import Final

import numpy as np

from callrouter.site.floor import FloorFile, Overflow, Queue, Seat, Served
from simulators.queue_sim.scenario import Callers, Mix, Nation

PROVINCES: Final = {
    "guangdong": 126.0, "shandong": 101.5, "henan": 99.4, "jiangsu": 84.7, "sichuan": 83.7,
    "hebei": 74.6, "hunan": 66.4, "zhejiang": 64.6, "anhui": 61.0, "hubei": 57.8, "guangxi": 50.1,
    "yunnan": 47.2, "jiangxi": 45.2, "liaoning": 42.6, "fujian": 41.5, "shaanxi": 39.5,
    "guizhou": 38.6, "shanxi": 34.9, "chongqing": 32.1, "heilongjiang": 31.9, "xinjiang": 25.9,
    "gansu": 25.0, "shanghai": 24.9, "jilin": 24.1, "neimenggu": 24.0, "beijing": 21.9,
    "tianjin": 13.9, "hainan": 10.1, "ningxia": 7.2, "qinghai": 5.9, "xizang": 3.6,
}  # fmt: skip
LANGUAGES: Final = {
    "xizang": ("bo", 0.6), "qinghai": ("bo", 0.15), "sichuan": ("bo", 0.01), "xinjiang": ("ug", 0.3),
    "neimenggu": ("mn", 0.05), "guangxi": ("za", 0.02), "jilin": ("ko", 0.02),
}  # fmt: skip
"""Language asked for besides Mandarin, and by which share of the callers (assumed)."""

DAY_CURVE: Final = (
    *(0.10, 0.07, 0.05, 0.04, 0.05, 0.08, 0.18, 0.42, 0.86, 1.00, 0.97, 0.83),
    *(0.62, 0.66, 0.88, 0.92, 0.88, 0.76, 0.58, 0.47, 0.40, 0.33, 0.24, 0.16),
)
"""Calls by hour of the day, of the busiest hour: the usual two humps of office hours."""
RESERVE: Final = "reserve"


def seats_by_province(seats: int) -> dict[str, int]:
    """Seats in proportion to population by largest remainders, at least one each."""
    people = np.array(list(PROVINCES.values()))
    exact = people / people.sum() * seats
    whole = np.maximum(1, np.floor(exact)).astype(int)
    order = np.argsort(whole - exact)
    for index in order[: max(0, seats - int(whole.sum()))]:
        whole[index] += 1
    return dict(zip(PROVINCES, whole.tolist(), strict=True))


def national_floor(nation: Nation) -> FloorFile:
    """Queues and seats. Seat names begin with the province's."""
    counts = seats_by_province(nation.seats)
    helps = [Overflow(queue=RESERVE, after=nation.help_after)] if nation.reserve > 0 else []
    queues = {name: Queue(name=name, overflow=helps, max_waiting=20_000, wrap_up=15) for name in PROVINCES}
    if nation.reserve > 0:
        queues[RESERVE] = Queue(name="national reserve")
    seats: dict[str, Seat] = {}
    for province, count in counts.items():
        language, share = LANGUAGES.get(province, ("", 0.0))
        speakers = min(count, max(1, round(1.5 * share * count))) if language else 0
        for number in range(count):
            seats[f"{province}-{number + 1:04}"] = Seat(
                skills={"zh": 8} | ({language: 8} if number < speakers else {}),
                queues=_served(province, number, count, nation.reserve),
                organisation=province,
            )
    skills = {name: name for name in ("zh", *(language for language, _ in LANGUAGES.values()))}
    return FloorFile(skills=skills, queues=queues, seats=seats)


def _served(province: str, number: int, count: int, reserve: float) -> list[str | Served]:
    # The last seats of a province, which speak Mandarin alone, form the reserve.
    helps = reserve > 0 and number >= count - max(1, round(reserve * count))
    return [province, Served(queue=RESERVE, tier=2)] if helps else [province]


def national_callers(nation: Nation) -> tuple[Callers, ...]:
    """One population a province."""
    populations = []
    for province, count in seats_by_province(nation.seats).items():
        language, share = LANGUAGES.get(province, ("", 0.0))
        mix = (Mix(name=f"{province} {language}", share=share, skills=language, language=language),)
        populations.append(
            Callers(
                name=province,
                queue=province,
                skills="zh",
                calls_per_hour=tuple(h * count * nation.calls_per_seat_hour for h in DAY_CURVE),
                weekdays=(1.08, 1.04, 1.0, 1.0, 1.0, 0.72, 0.66),
                talk=nation.talk,
                patience=nation.patience,
                flow=nation.flow,
                mix=mix if language else (),
            )
        )
    return tuple(populations)
