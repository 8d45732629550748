"""The partner lines: their numbers, their tones, and a call as a partner sees it."""

from dataclasses import dataclass, field
from typing import Final

from simulators.partners_front import Received, calling

HOTLINES: Final = (
    *("12315", "12333", "12328", "12348", "12316", "12329", "12350", "12317", "12320"),
    *("12305", "12313", "12366", "12360", "12367"),
)
PREFECTURES: Final = tuple(f"0{area}12345" for area in (*range(970, 978), 979))
EMERGENCY: Final = ("110", "119", "120", "122")
LINES: Final = (*HOTLINES, *PREFECTURES, *EMERGENCY)
_FIRST_HERTZ: Final = 520
_STEP_HERTZ: Final = 70


def tone(number: str) -> int:
    """Frequency in Hz that a line speaks with: 520 Hz for the first of `LINES`, 70 Hz more for each next one.

    None is near the network's 450 Hz. Raises KeyError for a number that is no line.
    """
    return TONES[number]


TONES: Final = {number: _FIRST_HERTZ + _STEP_HERTZ * index for index, number in enumerate(LINES)}


@dataclass
class PartnerCall:
    """A call at a partner's end. Instants are seconds of `time.monotonic()`, None until it happened."""

    call: str
    number: str
    received: Received | None = None
    channel: str = ""
    arrived: float | None = None
    answered: float | None = None
    ended: float | None = None
    cause: int = 0
    digits: str = ""
    """Digits that the partner has heard."""
    states: list[str] = field(default_factory=list)

    @property
    def caller(self) -> str:
        """The caller's number that the INVITE told, ``""`` when it told none (or the partner called)."""
        return calling(self.received.headers) if self.received is not None else ""

    def header(self, name: str) -> str:
        """First value of a header of the INVITE, ``""`` when absent (or when the partner called)."""
        return self.received.header(name) if self.received is not None else ""
