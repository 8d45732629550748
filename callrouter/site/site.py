"""One folder with all that engineers edit: flows, prompts, directory, floor."""

from dataclasses import dataclass
from pathlib import Path

from acd.ids import SeatId
from acd.plan import FloorPlan
from callrouter.config.document import ConfigError, Fault, read_document
from callrouter.directory import Directory, load_directory
from callrouter.flow.loader import load_flows
from callrouter.flow.program import FlowSet
from callrouter.site.floor import SeatAccountPlan, read_floor

FALLBACK_LANGUAGE = "zh"


@dataclass(frozen=True, slots=True)
class Site:
    """Checked, immutable: a running controller swaps one for the next."""

    folder: Path
    flows: FlowSet
    directory: Directory
    floor: FloorPlan
    seats: dict[SeatId, SeatAccountPlan]
    timezone: str

    def seat(self, seat: SeatId) -> SeatAccountPlan | None:
        return self.seats.get(seat)

    def media(self, *prompts: str, language: str = FALLBACK_LANGUAGE) -> tuple[str, ...]:
        """Prompts one after another; in Mandarin where the language has no recording of one."""
        out: tuple[str, ...] = ()
        for prompt in prompts:
            voice = self.flows.voice
            out += voice.media(prompt, language) or voice.media(prompt, FALLBACK_LANGUAGE)
        return out

    def moving_on(self, number: str, language: str) -> tuple[str, ...]:
        """What the caller is told before being handed to a line."""
        return self.media(f"transfer_{number}", language=language) or self.media(
            "please_hold", language=language
        )

    def waiting(self, position: int | None, wait: float | None, language: str) -> tuple[str, ...]:
        """An honest word for somebody in the queue: no number where none is known."""
        if position is None:
            return self.media("still_waiting", language=language)
        if position <= 1:
            return self.media("queue_next", language=language)
        ahead = self._counted("queue_ahead_before", position - 1, "queue_ahead_after", language)
        return ahead + self._expected(wait, language)

    def _expected(self, wait: float | None, language: str) -> tuple[str, ...]:
        if wait is None:
            return ()
        if wait < 60:
            return self.media("expected_wait_short", language=language)
        minutes = -int(-wait // 60)
        if minutes > 30:
            return self.media("expected_wait_long", language=language)
        return self._counted("expected_wait_before", minutes, "duration_minute", language)

    def _counted(self, before: str, number: int, after: str, language: str) -> tuple[str, ...]:
        voice = self.flows.voice
        for spoken_in in (language, FALLBACK_LANGUAGE):
            parts = (
                voice.media(before, spoken_in),
                voice.spoken("number", number, spoken_in),
                voice.media(after, spoken_in),
            )
            if all(parts):
                return parts[0] + parts[1] + parts[2]
        return ()


def load_site(folder: Path) -> Site:
    """Read and check everything. Raises ConfigError with all faults of all files at once."""
    faults: list[Fault] = []
    flows, directory, floor = None, None, None
    try:
        flows = load_flows(folder)
    except ConfigError as error:
        faults += error.faults
    try:
        directory = load_directory(folder / "site" / "directory.yaml")
    except ConfigError as error:
        faults += error.faults
    try:
        floor = read_floor(read_document(folder / "site" / "floor.yaml"))
    except ConfigError as error:
        faults += error.faults
    if flows is None or directory is None or floor is None or faults:
        raise ConfigError(faults)
    return Site(
        folder=folder,
        flows=flows,
        directory=directory,
        floor=floor.plan,
        seats=floor.seats,
        timezone=floor.timezone,
    )
