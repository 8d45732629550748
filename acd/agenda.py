"""What is due when, for many subjects that often change their minds.

A subject has one appointment: its `deadline`, and the `ticket` of the item that
stands for it; any other item is void and dropped when met. A few items lie in one heap. When there are many,
new ones lie on pages of one second each, unsorted until their second comes:
making an appointment costs O(1) at any number of them, which a heap of a hundred
thousand does not. Void items are swept out whenever they may be more than half.
"""

from heapq import heapify, heappop, heappush
from typing import Final, Generic, Protocol, TypeVar

from acd.ids import Instant

MIN_SWEEP: Final = 4096
FEW: Final = 512
"""Up to so many items one heap is the faster way."""


class Timed(Protocol):
    deadline: Instant | None
    ticket: int


def _valid(item: "tuple[Instant, int, Timed]") -> bool:
    subject = item[2]
    return subject.ticket == item[1] and subject.deadline is not None


T = TypeVar("T", bound=Timed)


class Agenda(Generic[T]):
    """Appointments in order of time; those of one instant in the order they were made."""

    __slots__ = ("_count", "_far", "_items", "_near", "_page", "_pages", "_sweep_at")

    def __init__(self) -> None:
        self._near: list[tuple[Instant, int, T]] = []
        """Heap of all items up to the second `_page`, and of later ones made while there were few."""
        self._page: float = float("-inf")
        self._far: dict[int, list[tuple[Instant, int, T]]] = {}
        self._pages: list[int] = []
        """Heap of the seconds that have a far page."""
        self._count = 0
        self._items = 0
        self._sweep_at = MIN_SWEEP

    def __len__(self) -> int:
        """Items kept, void ones included."""
        return self._items

    def put(self, subject: T, when: Instant) -> None:
        """Make an appointment; the subject's earlier one is void."""
        subject.deadline = when
        self._count = subject.ticket = self._count + 1
        self._items += 1
        if self._items <= FEW or (page := int(when)) <= self._page:
            heappush(self._near, (when, self._count, subject))
        else:
            items = self._far.get(page)
            if items is None:
                self._far[page] = [(when, self._count, subject)]
                heappush(self._pages, page)
            else:
                items.append((when, self._count, subject))
        if self._items > self._sweep_at:
            self._sweep()

    def next(self) -> Instant | None:
        """The earliest appointment."""
        near, pages = self._near, self._pages
        while near or pages:
            if pages and (not near or near[0][0] >= pages[0]):
                self._turn()
                near = self._near
                continue
            when, ticket, subject = near[0]
            if subject.ticket == ticket and subject.deadline is not None:
                return when
            heappop(near)
            self._items -= 1
        return None

    def due(self, now: Instant) -> T | None:
        """Take the next subject whose time has come; its deadline is cleared."""
        near, pages = self._near, self._pages
        while True:
            if pages and pages[0] <= now and (not near or near[0][0] >= pages[0]):
                self._turn()
                near = self._near
            elif not near or near[0][0] > now:
                return None
            else:
                _, ticket, subject = heappop(near)
                self._items -= 1
                if subject.ticket == ticket and subject.deadline is not None:
                    subject.deadline = None
                    return subject

    def _turn(self) -> None:
        """Open the next page."""
        page = heappop(self._pages)
        items = self._far.pop(page)
        valid = [item for item in items if item[2].ticket == item[1] and item[2].deadline is not None]
        self._items -= len(items) - len(valid)
        self._page = float(page)
        if len(self._near) > 8 * len(valid):
            for item in valid:
                heappush(self._near, item)
        else:
            self._near += valid
            heapify(self._near)

    def _sweep(self) -> None:
        """Drop what is void."""
        self._near = [item for item in self._near if _valid(item)]
        heapify(self._near)
        for page in tuple(self._far):
            self._far[page] = [item for item in self._far[page] if _valid(item)]
            if not self._far[page]:
                del self._far[page]
        self._pages = sorted(self._far)
        self._items = len(self._near) + sum(len(items) for items in self._far.values())
        self._sweep_at = 2 * self._items + MIN_SWEEP
