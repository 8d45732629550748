"""Skills and their relaxation, overflow, sticky seats, ways out, announcements."""

from acd.events import (
    CallerLeft,
    ContactEnded,
    Enqueued,
    OfferAnswered,
    OfferRefused,
    SeatNotReadied,
    WrapUpFinished,
)
from acd.floor import Floor
from acd.ids import QueueId, SeatId
from acd.plan import FloorPlan, Membership, OpenIntervals, OverflowRung, QueuePlan, RelaxationStep, SeatPlan
from tests.acd.floors import (
    S1,
    S2,
    Q,
    announcements,
    call,
    enqueue,
    exits,
    offered,
    offers,
    ready,
    run_until,
    small_floor,
    withdrawn,
)


def member(seat: str, *queues: str, tier: int = 1, **skills: int) -> SeatPlan:
    return SeatPlan(
        seat=SeatId(seat),
        skills={name.replace("_", "-"): level for name, level in skills.items()},
        queues=tuple(Membership(queue=QueueId(queue), tier=tier) for queue in queues),
    )


def busy(floor: Floor, number: int, now: float) -> SeatId:
    """A call that takes whoever is free; returns the seat."""
    (offer,) = offers(enqueue(floor, number, now))
    floor.handle(OfferAnswered(offer=offer.offer), now)
    return offer.seat


# --- skills


def test_only_seats_with_the_skill_are_asked() -> None:
    floor = Floor(
        FloorPlan(
            queues=(QueuePlan(queue=Q),), seats=(member("s1", "q", zh=5), member("s2", "q", bo_amdo=3))
        ),
        0.0,
    )
    ready(floor, S1, S2)
    assert offered(enqueue(floor, 1, 1.0, skills="bo-amdo>=3")) == [("c1", "s2")]
    assert offered(enqueue(floor, 2, 2.0, skills="bo-amdo")) == []
    assert offered(enqueue(floor, 3, 3.0, skills="zh")) == [("c3", "s1")]


def test_demand_is_relaxed_step_by_step() -> None:
    floor = Floor(
        FloorPlan(
            queues=(
                QueuePlan(
                    queue=Q,
                    relaxation=(
                        RelaxationStep(after=15.0, lower=2),
                        RelaxationStep(after=30.0, drop=("law",)),
                    ),
                ),
            ),
            seats=(member("s1", "q", law=2), member("s2", "q", zh=1)),
        ),
        0.0,
    )
    ready(floor, S1, S2)
    assert offered(enqueue(floor, 1, 0.0, skills="law>=4")) == []
    assert offered(enqueue(floor, 2, 0.0, skills="law>=5")) == []
    assert floor.next_deadline() == 15.0
    assert offered(floor.tick(14.9)) == []
    (offer,) = offers(floor.tick(15.0))
    assert (offer.call, offer.seat) == ("c1", "s1")
    floor.handle(OfferAnswered(offer=offer.offer), 16.0)
    assert offered(run_until(floor, 29.9)) == []
    assert offered(floor.tick(30.0)) == [("c2", "s2")]


def test_tiers_open_with_time() -> None:
    floor = Floor(
        FloorPlan(
            queues=(QueuePlan(queue=Q, tiers=1, relaxation=(RelaxationStep(after=20.0, tiers=2),)),),
            seats=(member("s1", "q", tier=2),),
        ),
        0.0,
    )
    ready(floor, S1)
    assert offered(enqueue(floor, 1, 0.0)) == []
    assert offered(floor.tick(20.0)) == [("c1", "s1")]


def test_lower_tier_first_and_most_proficient_within() -> None:
    floor = Floor(
        FloorPlan(
            queues=(QueuePlan(queue=Q, strategy="most_proficient"),),
            seats=(
                member("s1", "q", law=3),
                member("s2", "q", law=9, tier=2),
                member("s3", "q", law=5),
            ),
        ),
        0.0,
    )
    ready(floor, S1, S2, SeatId("s3"))
    assert [offered(enqueue(floor, n, 1.0, skills="law"))[0][1] for n in (1, 2, 3)] == ["s3", "s1", "s2"]


def test_round_robin_and_least_occupied() -> None:
    floor = small_floor(3, strategy="round_robin", wrap_up=0.0)
    s3 = SeatId("s3")
    ready(floor, S1, S2, s3)
    seen = []
    for n in range(6):
        seat = busy(floor, n, float(n))
        seen.append(seat)
        floor.handle(ContactEnded(seat=seat, call=call(n)), n + 0.1)
    assert seen[:3] == seen[3:]
    floor = small_floor(2, strategy="least_occupied", wrap_up=0.0)
    ready(floor, S1, S2)
    first, second = busy(floor, 1, 0.0), busy(floor, 2, 0.0)
    floor.handle(ContactEnded(seat=second, call=call(2)), 100.0)
    floor.handle(ContactEnded(seat=first, call=call(1)), 10_000.0)
    # `second` was idle long, but what counts is that `first` was busy for hours.
    assert busy(floor, 3, 10_001.0) == second


def test_several_seats_ring_and_the_first_answer_wins() -> None:
    floor = small_floor(3, strategy="ring_several", ring_count=2)
    ready(floor, S1, S2)
    first, second = offers(enqueue(floor, 1, 0.0))
    assert {first.seat, second.seat} == {S1, S2}
    out = floor.handle(OfferAnswered(offer=second.offer), 2.0)
    assert withdrawn(out) == [(first.seat, "answered_elsewhere")]
    assert floor.seat(first.seat).state == "ready"
    assert floor.seat(second.seat).state == "talking"
    late = floor.handle(OfferAnswered(offer=first.offer), 2.0)
    assert withdrawn(late) == [(first.seat, "answered_elsewhere")]


def test_ring_several_is_topped_up() -> None:
    floor = small_floor(3, strategy="ring_several", ring_count=2)
    ready(floor, S1, S2)
    first, second = offers(enqueue(floor, 1, 0.0))
    s3 = SeatId("s3")
    ready(floor, s3, now=1.0)
    assert offered(floor.handle(OfferRefused(offer=first.offer, cause="603"), 2.0)) == [("c1", "s3")]
    assert floor.seat(first.seat).state == "ready"
    floor.handle(CallerLeft(call=call(1)), 3.0)
    assert [floor.seat(s).state for s in (S1, S2, s3)] == ["ready"] * 3
    assert second.seat != first.seat


# --- who is first


def test_priority_ages_and_cannot_starve() -> None:
    floor = small_floor(1, floor={"priority_step": 60.0}, wrap_up=0.0)
    enqueue(floor, 1, 0.0, priority=0)
    for n in range(2, 30):
        enqueue(floor, n, n * 60.0, priority=9)
    ready(floor, S1, now=1800.0)
    served = []
    for step in range(29):
        (current,) = [s.call for s in floor.seats()]
        assert current is not None
        served.append(current)
        floor.handle(
            OfferAnswered(
                offer=next(o for o in floor._state.offers),
            ),
            1800.0 + step,
        )
        floor.handle(ContactEnded(seat=S1, call=current), 1800.5 + step)
    # Nine levels of 60 s: only those who came less than 540 s after may pass.
    assert served.index("c1") == 7


def test_weight_makes_waiting_count_more() -> None:
    heavy, light = QueueId("heavy"), QueueId("light")
    floor = Floor(
        FloorPlan(
            queues=(QueuePlan(queue=heavy, weight=3.0), QueuePlan(queue=light)),
            seats=(member("s1", "heavy", "light"),),
            priority_step=1.0,
        ),
        0.0,
    )
    enqueue(floor, 1, 0.0, queue=light, priority=0)
    enqueue(floor, 2, 70.0, queue=heavy, priority=0)
    assert offered(ready(floor, S1, now=100.0)) == [("c1", "s1")]
    floor = Floor(floor._state.plan, 0.0)
    enqueue(floor, 1, 0.0, queue=light, priority=0)
    enqueue(floor, 2, 60.0, queue=heavy, priority=0)
    assert offered(ready(floor, S1, now=100.0)) == [("c2", "s1")]


def test_a_caller_handed_back_is_first_in_line_and_never_refused() -> None:
    floor = small_floor(1, max_waiting=2, hours=OpenIntervals(((0.0, 10.0),)))
    enqueue(floor, 1, 0.0, priority=9)
    enqueue(floor, 2, 1.0, priority=9)
    assert exits(enqueue(floor, 3, 50.0)) == [("c3", "closed")]
    assert exits(enqueue(floor, 4, 50.0, priority=0, first_in_line=True)) == []
    enqueue(floor, 5, 51.0, priority=0, first_in_line=True)
    assert [floor.position(call(n)) for n in (4, 5, 1, 2)] == [1, 2, 3, 4]


def test_place_is_kept_for_who_drops_and_redials() -> None:
    floor = small_floor(1)
    for n in (1, 2, 3):
        enqueue(floor, n, float(n), identity=f"person{n}")
    floor.handle(CallerLeft(call=call(1)), 10.0)
    floor.handle(CallerLeft(call=call(2)), 11.0)
    assert [m.call for m in floor.missed()] == ["c1", "c2"]
    enqueue(floor, 4, 130.0, identity="person1")
    enqueue(floor, 5, 131.5, identity="person2")
    assert [floor.position(call(n)) for n in (4, 3, 5)] == [1, 2, 3]


# --- the circle of seats


def overflow_floor(**rung: object) -> Floor:
    prefecture, province = QueueId("prefecture"), QueueId("province")
    return Floor(
        FloorPlan(
            queues=(
                QueuePlan(
                    queue=prefecture,
                    overflow=(OverflowRung(queue=province, **rung),),  # type: ignore[arg-type]
                    wrap_up=0.0,
                ),
                QueuePlan(queue=province),
            ),
            seats=(
                member("s1", "prefecture", bo=1),
                member("s2", "province", bo=1),
                member("s3", "province"),
            ),
        ),
        0.0,
    )


P = QueueId("prefecture")


def test_overflow_by_time_keeps_the_place() -> None:
    floor = overflow_floor(after=30.0)
    ready(floor, S2)
    assert offered(enqueue(floor, 1, 0.0, queue=P)) == []
    assert offered(run_until(floor, 29.0)) == []
    assert offered(floor.tick(30.0)) == [("c1", "s2")]


def test_overflow_by_length_opens_to_all_who_wait() -> None:
    floor = overflow_floor(length=2)
    ready(floor, S2)
    assert offered(enqueue(floor, 1, 0.0, queue=P)) == []
    assert offered(enqueue(floor, 2, 1.0, queue=P)) == []
    assert offered(enqueue(floor, 3, 2.0, queue=P)) == [("c1", "s2")]


def test_overflow_when_nobody_with_the_skill_is_at_work() -> None:
    floor = overflow_floor(unstaffed=True)
    ready(floor, S1, SeatId("s3"))
    floor.handle(SeatNotReadied(seat=SeatId("s3"), reason="tea"), 0.0)
    assert offered(enqueue(floor, 1, 0.0, queue=P, skills="bo")) == [("c1", "s1")]
    assert offered(enqueue(floor, 2, 0.0, queue=P, skills="bo")) == []
    assert offered(ready(floor, S2)) == []
    # The prefecture's only Tibetan seat goes: the waiting caller reaches the province at once.
    (offer,) = floor._state.offers
    floor.handle(OfferAnswered(offer=offer), 1.0)
    floor.handle(SeatNotReadied(seat=S1, reason="tea"), 2.0)
    assert offered(floor.handle(ContactEnded(seat=S1, call=call(1)), 3.0)) == [("c2", "s2")]
    assert offered(enqueue(floor, 3, 4.0, queue=P, skills="bo")) == []
    assert floor.position(call(3)) == 1


def test_overflow_by_expected_wait() -> None:
    floor = overflow_floor(expected_wait=100.0)
    ready(floor, S1)
    now = 0.0
    for n in range(8):
        (offer,) = offers(enqueue(floor, n, now, queue=P))
        floor.handle(OfferAnswered(offer=offer.offer), now)
        now += 60.0
        floor.handle(ContactEnded(seat=S1, call=call(n)), now)
    enqueue(floor, 10, now, queue=P)
    ready(floor, S2, now=now)
    assert offered(enqueue(floor, 11, now, queue=P)) == []
    assert offered(enqueue(floor, 12, now, queue=P)) == [("c11", "s2")]


def test_nearer_seats_are_asked_before_farther_ones() -> None:
    floor = overflow_floor(after=0.0)
    ready(floor, S2, now=0.0)
    ready(floor, S1, now=5.0)
    assert offered(enqueue(floor, 1, 10.0, queue=P)) == [("c1", "s1")]
    assert offered(enqueue(floor, 2, 10.0, queue=P)) == [("c2", "s2")]


def test_unstaffed_exit() -> None:
    floor = small_floor(1, unstaffed_exit=10.0)
    enqueue(floor, 1, 0.0)
    assert exits(floor.tick(9.9)) == []
    assert exits(floor.tick(10.0)) == [("c1", "unstaffed")]
    ready(floor, S1, now=11.0)
    busy(floor, 2, 12.0)
    enqueue(floor, 3, 13.0)
    assert exits(run_until(floor, 100.0)) == []
    floor.handle(SeatNotReadied(seat=S1, reason="home"), 100.0)
    floor.handle(ContactEnded(seat=S1, call=call(2)), 100.0)
    assert exits(run_until(floor, 139.9)) == []
    assert exits(run_until(floor, 140.0)) == [("c3", "unstaffed")]


# --- sticky


def test_sticky_seat_is_asked_first_or_awaited_a_moment() -> None:
    floor = small_floor(2, wrap_up=0.0)
    ready(floor, S1, now=0.0)
    ready(floor, S2, now=1.0)
    assert offered(enqueue(floor, 1, 2.0, sticky=S2)) == [("c1", "s2")]
    (offer,) = floor._state.offers
    floor.handle(OfferAnswered(offer=offer), 2.0)
    assert offered(enqueue(floor, 2, 3.0, sticky=S2)) == []
    assert offered(floor.tick(22.9)) == []
    assert offered(run_until(floor, 23.0)) == [("c2", "s1")]
    enqueue(floor, 3, 24.0, sticky=S2)
    out = floor.handle(ContactEnded(seat=S2, call=call(1)), 30.0)
    assert offered(out) == [("c3", "s2")]


def test_sticky_seat_that_leaves_is_not_awaited() -> None:
    floor = small_floor(2, wrap_up=0.0)
    ready(floor, S2)
    busy(floor, 1, 0.0)
    ready(floor, S1)
    enqueue(floor, 2, 1.0, sticky=S2)
    floor.handle(SeatNotReadied(seat=S2, reason="tea"), 2.0)
    assert offered(floor.handle(ContactEnded(seat=S2, call=call(1)), 3.0)) == [("c2", "s1")]
    assert offered(enqueue(floor, 3, 4.0, sticky=SeatId("nobody"))) == []


# --- announcements


def test_announcements_come_at_20_then_every_60_seconds() -> None:
    floor = small_floor(1)
    enqueue(floor, 1, 0.0)
    out = announcements(run_until(floor, 200.0))
    assert len(out) == 4
    assert [a.position for a in out] == [1] * 4
    assert {a.wait for a in out} == {None}
    assert [a.callback for a in out] == [False, True, True, True]


def test_expected_wait_is_told_once_it_is_known() -> None:
    floor = small_floor(1, wrap_up=0.0)
    ready(floor, S1)
    now = 0.0
    for n in range(20):
        busy(floor, n, now)
        now += 90.0
        floor.handle(ContactEnded(seat=S1, call=call(n)), now)
    busy(floor, 100, now)
    enqueue(floor, 101, now)
    enqueue(floor, 102, now)
    assert floor.estimate(call(102)) == 180.0
    told = announcements(run_until(floor, now + 20.0))
    assert [(a.call, a.position, a.wait, a.callback) for a in told] == [
        ("c101", 1, 90.0, True),
        ("c102", 2, 180.0, True),
    ]
    floor.handle(SeatNotReadied(seat=S1, reason="tea"), now + 20)
    floor.handle(ContactEnded(seat=S1, call=call(100)), now + 21)
    assert floor.estimate(call(101)) is None


def test_position_ignores_callers_for_other_seats() -> None:
    floor = Floor(
        FloorPlan(queues=(QueuePlan(queue=Q),), seats=(member("s1", "q", zh=1), member("s2", "q", bo=1))), 0.0
    )
    for n in range(1, 6):
        enqueue(floor, n, float(n), skills="zh")
    enqueue(floor, 6, 6.0, skills="bo")
    enqueue(floor, 7, 7.0)
    assert floor.position(call(6)) == 1
    assert floor.position(call(7)) == 7
    assert floor.position(call(99)) is None


def test_no_announcement_while_a_seat_rings() -> None:
    floor = small_floor(1, ring_for=60.0)
    ready(floor, S1)
    enqueue(floor, 1, 0.0)
    assert floor.next_deadline() == 60.0
    assert announcements(floor.tick(30.0)) == []


def test_moving_to_another_queue_leaves_one_place() -> None:
    other = QueueId("other")
    floor = Floor(
        FloorPlan(queues=(QueuePlan(queue=Q), QueuePlan(queue=other)), seats=(member("s1", "q"),)), 0.0
    )
    ready(floor, S1)
    (offer,) = offers(enqueue(floor, 1, 0.0))
    out = floor.handle(Enqueued(call=call(1), queue=other), 1.0)
    assert withdrawn(out) == [(offer.seat, "moved")]
    assert (floor.queue(Q).waiting, floor.queue(other).waiting) == (0, 1)


def test_wrap_up_finished_early_takes_the_next_caller() -> None:
    floor = small_floor(1)
    ready(floor, S1)
    busy(floor, 1, 0.0)
    enqueue(floor, 2, 1.0)
    floor.handle(ContactEnded(seat=S1, call=call(1)), 2.0)
    assert offered(floor.handle(WrapUpFinished(seat=S1), 3.0)) == [("c2", "s1")]
