"""What callers and seats do, as probability: durations, arrivals, choices.

Everything is drawn from numpy generators that the caller seeds, one stream a
purpose, so that two runs meet the same callers (common random numbers). Times
in seconds, rates in calls per second unless a name says otherwise.
"""

import csv
import math
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Times = NDArray[np.float64]

MAX_CALLS: Final = 2_000_000
"""Arrivals that one process may draw: a bound on memory, not on the system under test."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """An independent generator for one purpose of one seed; the same words give the same draws."""
    words = [zlib.crc32(str(word).encode()) for word in purpose]
    return np.random.default_rng([seed, *words])


# --- durations ----------------------------------------------------------------------


class Duration(Model):
    """How long something takes, in seconds. Exactly one of the shapes is given.

    ``constant: 30`` · ``exponential: 120`` (mean) · ``uniform: [5, 60]`` ·
    ``lognormal: {mean: 180, cv: 0.8}`` (cv: standard deviation ÷ mean; talk times) ·
    ``weibull: {mean: 90, shape: 0.7}`` (patience: shape < 1, those who stay, stay) ·
    ``forever: true``
    """

    constant: NotNegative | None = None
    exponential: Positive | None = None
    uniform: tuple[NotNegative, NotNegative] | None = None
    lognormal: "Lognormal | None" = None
    weibull: "Weibull | None" = None
    forever: Literal[True] | None = None
    at_most: Positive | None = None
    """Cuts the tail."""

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        shapes = self._shapes()
        if len(shapes) != 1:
            raise ValueError(f"a duration needs exactly one of {', '.join(SHAPES)}, not {len(shapes)}")
        if self.uniform is not None and self.uniform[0] > self.uniform[1]:
            raise ValueError(f"uniform: {list(self.uniform)} ends before it begins")
        return self

    def _shapes(self) -> list[str]:
        return [name for name in SHAPES if getattr(self, name) is not None]

    def sample(self, generator: np.random.Generator, count: int) -> Times:
        """`count` independent draws."""
        drawn = self._draw(generator, count)
        return np.minimum(drawn, self.at_most) if self.at_most is not None else drawn

    def _draw(self, generator: np.random.Generator, count: int) -> Times:
        if self.constant is not None:
            return np.full(count, self.constant)
        if self.exponential is not None:
            return generator.exponential(self.exponential, count)
        if self.uniform is not None:
            return generator.uniform(*self.uniform, count)
        if self.lognormal is not None:
            sigma2 = math.log1p(self.lognormal.cv**2)
            return generator.lognormal(math.log(self.lognormal.mean) - sigma2 / 2, math.sqrt(sigma2), count)
        if self.weibull is not None:
            scale = self.weibull.mean / math.gamma(1 + 1 / self.weibull.shape)
            return scale * generator.weibull(self.weibull.shape, count)
        return np.full(count, np.inf)

    @property
    def mean(self) -> float:
        """Expectation, before `at_most`; inf for ``forever``."""
        if self.uniform is not None:
            return sum(self.uniform) / 2
        for shape in (self.lognormal, self.weibull):
            if shape is not None:
                return shape.mean
        for value in (self.constant, self.exponential):
            if value is not None:
                return value
        return math.inf


SHAPES: Final = ("constant", "exponential", "uniform", "lognormal", "weibull", "forever")


class Lognormal(Model):
    mean: Positive
    cv: Positive


class Weibull(Model):
    mean: Positive
    shape: Annotated[float, Field(gt=0.1, le=20)]


Duration.model_rebuild()


# --- arrivals -----------------------------------------------------------------------


class Constant(Model):
    """One call every 1/`rate` seconds."""

    process: Literal["constant"]
    rate: Positive

    def times(self, generator: np.random.Generator, duration: float) -> Times:
        _require_room(duration * self.rate)
        first = generator.uniform(0, 1 / self.rate)
        return np.arange(first, duration, 1 / self.rate)

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"rate": self.rate * factor})


class Poisson(Model):
    """Independent callers: exponential gaps, `rate` calls a second on average."""

    process: Literal["poisson"]
    rate: Positive

    def times(self, generator: np.random.Generator, duration: float) -> Times:
        return _inhomogeneous(generator, np.array([0.0, duration]), np.array([self.rate]))

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"rate": self.rate * factor})


class DayCurve(Model):
    """A Poisson process whose rate follows calls per hour of the day; `hours[0]` is 00:00–01:00.

    `starts_at` is the hour at which the run begins; `speed` plays the day faster
    (24: a day in an hour), with the rate per simulated second raised alike.
    """

    process: Literal["day_curve"]
    hours: Annotated[tuple[NotNegative, ...], Field(min_length=24, max_length=24)]
    starts_at: Annotated[float, Field(ge=0, lt=24)] = 0.0
    speed: Annotated[float, Field(gt=0, le=86_400)] = 1.0

    def times(self, generator: np.random.Generator, duration: float) -> Times:
        hours = duration * self.speed / 3600
        whole = np.arange(math.floor(self.starts_at) + 1, math.ceil(self.starts_at + hours))
        marks = np.concatenate([[self.starts_at], whole, [self.starts_at + hours]])
        rates = np.array([self.hours[int(mark) % 24] for mark in marks[:-1]]) * self.speed / 3600
        return _inhomogeneous(generator, (marks - self.starts_at) * 3600 / self.speed, rates)

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"hours": tuple(hour * factor for hour in self.hours)})


class Surge(Model):
    """Poisson at `rate`, `peak` times that between `begins` and `ends`; linear ramps of `ramp` seconds."""

    process: Literal["surge"]
    rate: Positive
    peak: Annotated[float, Field(gt=1, le=1000)]
    begins: NotNegative
    ends: Positive
    ramp: NotNegative = 0.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ends <= self.begins + 2 * self.ramp:
            raise ValueError("a surge must end after it began and both ramps are over")
        return self

    def times(self, generator: np.random.Generator, duration: float) -> Times:
        # Thinning: the ramps are linear, no step function.
        candidates = _inhomogeneous(generator, np.array([0.0, duration]), np.array([self.rate * self.peak]))
        height = np.interp(
            candidates,
            [self.begins, self.begins + self.ramp, self.ends - self.ramp, self.ends],
            [1.0, self.peak, self.peak, 1.0],
        )
        return candidates[generator.uniform(0, self.peak, len(candidates)) < height]

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"rate": self.rate * factor})


class Replay(Model):
    """Arrivals of a CSV file: a column `time` of ISO instants or seconds; the earliest is the beginning."""

    process: Literal["replay"]
    file: Path
    speed: Positive = 1.0

    def times(self, generator: np.random.Generator, duration: float) -> Times:
        times = np.sort(read_times(self.file)) / self.speed
        return times[times < duration]

    def scaled(self, factor: float) -> Self:
        return self.model_copy(update={"speed": self.speed * factor})


Arrivals = Annotated[Constant | Poisson | DayCurve | Surge | Replay, Field(discriminator="process")]


def _inhomogeneous(generator: np.random.Generator, marks: Times, rates: Times) -> Times:
    """Poisson arrivals with piecewise constant rates: a Poisson count a piece, uniform within it."""
    lengths = np.diff(marks)
    _require_room(float((lengths * rates).sum()))
    counts = generator.poisson(lengths * rates)
    pieces = [
        start + np.sort(generator.uniform(0, length, count))
        for start, length, count in zip(marks[:-1], lengths, counts, strict=True)
    ]
    return np.concatenate(pieces) if pieces else np.empty(0)


def _require_room(expected: float) -> None:
    """Raises ValueError when more calls are expected than may be drawn."""
    if expected > MAX_CALLS:
        raise ValueError(f"{expected:.10g} calls are more than {MAX_CALLS}: lower the rate or the duration")


def read_times(file: Path) -> Times:
    """Seconds since the first row of a CSV file's column `time`. Raises ValueError with the line, OSError."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            times = np.array(list(_instants(file, csv.DictReader(lines))))
    except UnicodeDecodeError:
        raise ValueError(f"{file}: not UTF-8. Save the file as UTF-8") from None
    except csv.Error as error:
        raise ValueError(f"{file}: not readable as CSV: {error}") from None
    if not len(times):
        raise ValueError(f"{file}: no row below the heading: nobody would call")
    return np.asarray(times - times.min())


def _instants(file: Path, rows: "csv.DictReader[str]") -> Iterator[float]:
    if rows.fieldnames is None or "time" not in rows.fieldnames:
        found = ", ".join(repr(name[:40]) for name in (rows.fieldnames or ())[:8]) or "nothing"
        raise ValueError(f"{file}:1: no column `time` (found: {found}). Separate columns with commas")
    first: str | None = None
    for count, row in enumerate(rows):
        where = f"{file}:{rows.line_num}"
        if count >= MAX_CALLS:
            raise ValueError(f"{where}: more than {MAX_CALLS} rows")
        value, kind = _instant(row["time"], where)
        if first is not None and kind != first:
            raise ValueError(f"{where}: {first} and {kind} in one column. Write all rows alike")
        first = kind
        yield value


def _instant(text: str | None, where: str) -> tuple[float, str]:
    """Seconds, and what they were written as."""
    kind = "seconds"
    try:
        value = float(text or "")
    except ValueError:
        try:
            instant = datetime.fromisoformat((text or "").strip())
            kind = "dates" if instant.tzinfo is None else "dates with a time zone"
            value = instant.timestamp()
        except (ValueError, OverflowError):
            raise ValueError(
                f"{where}: {(text or '')[:40]!r} is neither seconds nor an ISO 8601 instant"
            ) from None
    if not math.isfinite(value):
        raise ValueError(f"{where}: {text!r} is no instant")
    return value, kind
