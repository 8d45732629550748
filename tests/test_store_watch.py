from dataclasses import replace

from callrouter.operator_notices import Notice
from callrouter.store.writer import StoreHealth
from callrouter.store_watch import StoreWatch

WELL = StoreHealth(
    available=True,
    behind=0.0,
    queued=0,
    spilled_bytes=0,
    written=9,
    lost=0,
    rejected=0,
    damaged=0,
    reason="",
)
AWAY = replace(WELL, available=False, reason="OperationalError: locked", spilled_bytes=800)


class Told:
    def __init__(self) -> None:
        self.health = WELL
        self.now = 1000.0
        self.times = 0
        self.watch = StoreWatch(lambda: self.health, lambda: self.now)
        self.end = self.watch.subscribe(self.count)

    def count(self) -> None:
        self.times += 1

    def look(self, health: StoreHealth, after: float = 1.0) -> int:
        self.now += after
        self.health = health
        self.watch.look()
        return self.times


def test_a_notice_begins_with_the_loss_and_ends_by_itself() -> None:
    told = Told()
    assert told.look(WELL) == 0
    assert told.look(AWAY) == 1
    assert told.watch.current() == (
        Notice(kind="store_away", since=1002.0, reason="OperationalError: locked", waiting=800),
    )
    assert told.look(AWAY, 60) == 1
    assert told.watch.current()[0].since == 1002.0
    assert told.look(WELL) == 2
    assert told.watch.current() == ()
    assert told.look(AWAY) == 3
    assert told.watch.current()[0].since == told.now


def test_more_that_waits_is_told_now_and_then_and_a_loss_at_once() -> None:
    told = Told()
    told.look(AWAY)
    for second in range(1, 5):
        assert told.look(replace(AWAY, spilled_bytes=800 + second)) == 1
    assert told.look(replace(AWAY, spilled_bytes=900)) == 2
    assert told.look(replace(AWAY, spilled_bytes=950)) == 2
    assert told.watch.current()[0].waiting == 950
    assert told.look(replace(AWAY, spilled_bytes=950, lost=3)) == 3
    assert told.look(replace(AWAY, spilled_bytes=951, lost=3), -3600) == 4
    told.end()
    assert told.look(WELL) == 4
