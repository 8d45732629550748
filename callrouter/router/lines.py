"""What is known of the lines right now: open, busy, reachable. Fed by every attempt and by OPTIONS.

An attempt is a leg to a partner from its INVITE until it is gone. Its outcome
goes to the line's breaker (`callrouter.directory.health`): who answers, is busy
or lets it ring is there; silence without a single ring is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from acd.events import Refused
from acd.ids import ChannelId, Instant
from acd.leg import Leg, LegState
from callrouter.directory import Line
from callrouter.directory.health import HealthBoard, Outcome, WayHealth, outcome_of
from callrouter.directory.model import Trunk
from callrouter.flow.calendar import LOCAL
from callrouter.site import Site

NO_RESPONSE: Final = 18
"""Q.850: no user responding."""


@dataclass(slots=True)
class _Attempt:
    line: str
    """``""``: a number that is no line."""
    trunk: str
    rang: bool = False
    judged: bool = False


class Lines:
    """Attempts under way, and the board of breakers that they feed."""

    def __init__(self) -> None:
        self.board = HealthBoard()
        self._attempts: dict[ChannelId, _Attempt] = {}
        self._at_line: Counter[str] = Counter()
        self._on_trunk: Counter[str] = Counter()

    # --- attempts ---------------------------------------------------------------------

    def dialled(self, leg: Leg, endpoint: str, now: Instant, *, line: bool) -> None:
        """A partner's leg is being originated through the trunk that `endpoint` names.

        `line`: to a line of the directory. Of any other number, of which there are without end,
        nothing is remembered but the place it takes on the trunk while it lasts.
        """
        trunk = endpoint.rpartition("@")[2]
        self._attempts[leg.channel] = _Attempt(leg.party if line else "", trunk, judged=not line)
        self._on_trunk[trunk] += 1
        if line:
            self._at_line[leg.party] += 1
            self.board.started(leg.party, trunk, now)

    def trunk(self, channel: ChannelId) -> str:
        """By which trunk a partner's leg was dialled; ``""``: it is none."""
        attempt = self._attempts.get(channel)
        return attempt.trunk if attempt is not None else ""

    def resumed(self, leg: Leg, trunk: str) -> None:
        """A leg that has answered before this process began takes its place at the line."""
        self._attempts[leg.channel] = _Attempt(leg.party, trunk, rang=True, judged=True)
        self._at_line[leg.party] += 1
        self._on_trunk[trunk] += 1

    def ringing(self, channel: ChannelId) -> None:
        if attempt := self._attempts.get(channel):
            attempt.rang = True

    def answered(self, channel: ChannelId, now: Instant) -> None:
        if attempt := self._attempts.get(channel):
            self._judge(attempt, Outcome.ANSWERED, 0, now)

    def ended(self, leg: Leg, cause: int, now: Instant) -> None:
        """To be told before the call's own machine: `leg` still is what it was."""
        attempt = self._attempts.pop(leg.channel, None)
        if attempt is None:
            return
        if attempt.line:
            self._at_line[attempt.line] -= 1
        self._on_trunk[attempt.trunk] -= 1
        if leg.detail == "no_answer" or cause == 19:
            blamed = (Outcome.NO_ANSWER, 19) if attempt.rang else (Outcome.UNREACHABLE, NO_RESPONSE)
            self._judge(attempt, *blamed, now)
        elif leg.state is LegState.ENDING:
            self._judge(attempt, Outcome.ABANDONED, cause, now)
        else:
            self._judge(attempt, outcome_of(cause, answered=False), cause, now)

    def _judge(self, attempt: _Attempt, outcome: Outcome, cause: int, now: Instant) -> None:
        if not attempt.judged:
            attempt.judged = True
            self.board.ended(attempt.line, attempt.trunk, outcome, cause, now)

    def keep_only(self, lines: Iterable[Line]) -> None:
        """The directory has changed: forget what is known of ways that are no more."""
        self.board.forget([(line.number, trunk.name) for line in lines for trunk in line.trunks])

    # --- whether a line can be reached --------------------------------------------------

    def calls(self, line: str) -> int:
        """Calls of ours that ring or talk there now."""
        return self._at_line[line]

    def ways(self, line: Line, now: Instant) -> tuple[Trunk, ...]:
        """Trunks by which the line may be tried now, in order. An emergency line may by each, always."""
        by_name = {trunk.name: trunk for trunk in line.trunks}
        order = [by_name[name] for name in self.board.choose(line.number, list(by_name), now)]
        if line.emergency:
            return tuple(order)
        return tuple(trunk for trunk in self._alive(line, order, now) if not self.full(trunk))

    def _alive(self, line: Line, trunks: Iterable[Trunk], now: Instant) -> list[Trunk]:
        return [trunk for trunk in trunks if self.board.usable(line.number, trunk.name, now)]

    def full(self, trunk: Trunk) -> bool:
        """Whether it carries all the calls that it may."""
        return bool(trunk.capacity) and self._on_trunk[trunk.name] >= trunk.capacity

    def refusal(self, site: Site, line: Line, now: Instant) -> Refused | None:
        """Why nobody can be handed to this line now; None: it may be tried. Never for an emergency line."""
        if line.emergency:
            return None
        if not open_at(site, line, now):
            return Refused("closed", f"{line.number} is closed{_opening(site, line, now)}: offer a callback.")
        if line.capacity and self.calls(line.number) >= line.capacity:
            return Refused(
                "line_full",
                f"All {line.capacity} places of {line.number} are taken by our calls: try again in a moment.",
            )
        if line.trunks and not self.ways(line, now):
            if busy := self._alive(line, line.trunks, now):
                names = ", ".join(f"{trunk.name} ({trunk.capacity})" for trunk in busy)
                return Refused(
                    "line_full",
                    f"The trunks to {line.number} carry all the calls that they may: {names}. Try again in a "
                    "moment; if it happens often, ask the telecom engineer for more `capacity`.",
                )
            return Refused(
                "line_down", f"{line.number} can't be reached now: note the appeal or offer a callback."
            )
        return None

    def health(self, line: Line, now: Instant) -> tuple[WayHealth, ...]:
        return tuple(self.board.view(line.number, trunk.name, now) for trunk in line.trunks)


def open_at(site: Site, line: Line, now: Instant) -> bool:
    """Within its hours; a calendar that is not there never closes a line."""
    calendar = site.flows.calendars.get(line.hours)
    return calendar is None or calendar.at(now).open


def _opening(site: Site, line: Line, now: Instant) -> str:
    opens = site.flows.calendars[line.hours].opens_after(now)
    return f" until {datetime.fromtimestamp(opens, LOCAL):%m-%d %H:%M}" if opens is not None else ""
