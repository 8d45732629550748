import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from acd.ids import SeatId
from acd.record import Activity, CallRecord
from acd.service_level import (
    FIGURE,
    FIGURES,
    MICRO,
    TALLY_FIELDS,
    Tally,
    call_tally,
    seat_tallies,
    summed,
    transfer_tally,
)
from tests.store.samples import T0, record, segment

OUTCOMES = (
    "answered",
    "abandoned_flow",
    "abandoned_queue",
    "abandoned_ringing",
    "rejected",
    "interrupted",
    "flow_ended",
    "failed",
)
COUNTS = st.integers(0, 10**6)
TALLIES = st.builds(Tally, **dict.fromkeys(TALLY_FIELDS, COUNTS))


@st.composite
def calls(draw: st.DrawFn) -> CallRecord:
    """A call whose stamps follow each other, down to the microsecond."""
    outcome = draw(st.sampled_from(OUTCOMES))
    gaps = draw(st.lists(st.integers(0, 40 * MICRO), min_size=3, max_size=3))
    enqueued = T0 + gaps[0] / MICRO if outcome not in ("rejected", "abandoned_flow") else None
    answered = (enqueued or T0) + gaps[1] / MICRO if outcome == "answered" else None
    ended = (answered or enqueued or T0) + gaps[2] / MICRO
    return replace(record(), outcome=outcome, enqueued=enqueued, answered=answered, ended=ended)


@given(calls())
def test_each_call_is_counted_once_and_its_parts_fit(call: CallRecord) -> None:
    tally = call_tally(call)
    abandoned = tally.abandoned_flow + tally.abandoned_queue + tally.abandoned_ringing
    assert tally.offered == int(call.outcome not in ("rejected", "interrupted"))
    assert tally.answered + abandoned <= tally.offered
    assert tally.answered_in_target + tally.abandoned_in_target <= 1
    assert tally.human_in_target <= tally.answered_in_target <= tally.answered
    assert 0 <= tally.wait <= tally.to_human


@given(st.lists(TALLIES, max_size=8), st.integers(0, 8))
def test_any_partition_has_the_same_sum(tallies: list[Tally], cut: int) -> None:
    parts = [summed(tallies[:cut]), summed(tallies[cut:])]
    assert summed(parts) == summed(tallies)


@given(TALLIES)
def test_figures_are_ratios_of_sums_or_nothing(tally: Tally) -> None:
    for figure in FIGURES:
        value = figure.of(tally)
        base = tally.total(figure.denominator) - tally.total(figure.without)
        assert (value is None) == (base <= 0)


def test_every_formula_written_out() -> None:
    """Each count has a value of its own, so that no figure can take one for another."""
    t = Tally(**{name: 9000 - 37 * place for place, name in enumerate(TALLY_FIELDS)})
    left = t.abandoned_queue + t.abandoned_ringing
    assert {figure.name: figure.of(t) for figure in FIGURES} == pytest.approx(
        {
            "answer_rate": t.answered / t.offered,
            "answer_rate_without_short": t.answered / (t.offered - t.short),
            "service_level_offered": t.answered_in_target / t.offered,
            "service_level_answered": t.answered_in_target / t.answered,
            "service_level_abandon_ok": (t.answered_in_target + t.abandoned_in_target) / (t.answered + left),
            "time_to_human": t.to_human / t.answered / MICRO,
            "asa": t.wait / t.answered / MICRO,
            "abandonment": t.abandoned_queue / t.enqueued,
            "abandonment_flow": t.abandoned_flow / t.offered,
            "abandonment_ringing": t.abandoned_ringing / t.enqueued,
            "transfer_success": t.transfers_answered / t.transfers,
            "callback_completion": t.called_back / t.missed,
            "aht": (t.talk + t.hold + t.wrap_up) / t.handled / MICRO,
            "occupancy": t.on_contact / (t.on_contact + t.idle),
            "satisfaction": t.satisfied / t.rated,
            "survey_response": t.rated / t.surveyed,
        }
    )


def test_five_seconds_are_no_longer_short() -> None:
    short, not_short = (
        call_tally(
            replace(record(), outcome="abandoned_flow", enqueued=None, answered=None, ended=T0 + after)
        )
        for after in (4.999999, 5.0)
    )
    assert (short.short, not_short.short) == (1, 0)


def test_nothing_gives_no_figure() -> None:
    assert all(figure.of(Tally()) is None for figure in FIGURES)
    assert FIGURE["answer_rate"].met(None) is None


def test_worked_example() -> None:
    """By hand: answered after 2 s and 20 s in queue, left the queue after 3 s, hung up in the flow."""
    found = summed(
        call_tally(call)
        for call in (
            record(),
            replace(record(), enqueued=T0 + 4, answered=T0 + 24),
            replace(record(), outcome="abandoned_queue", answered=None, ended=T0 + 7),
            replace(record(), outcome="abandoned_flow", enqueued=None, answered=None, ended=T0 + 2),
            replace(record(), outcome="rejected", answered=None),
        )
    )
    expected = {
        "answer_rate": 2 / 4,
        "answer_rate_without_short": 2 / 3,
        "service_level_offered": 1 / 4,
        "service_level_answered": 1 / 2,
        "service_level_abandon_ok": 2 / 3,
        "time_to_human": (6 + 24) / 2,
        "asa": (2 + 20) / 2,
        "abandonment": 1 / 3,
        "abandonment_flow": 1 / 4,
    }
    assert {name: FIGURE[name].of(found) for name in expected} == pytest.approx(expected)
    assert FIGURE["answer_rate"].met(0.5) is False
    assert FIGURE["asa"].met(11.0) is True


def test_whoever_a_queue_gave_back_did_not_abandon_it() -> None:
    """Hung up in the flow 3 s after the queue's end: a service level is at most 1."""
    gave_up = replace(record(), outcome="abandoned_queue", answered=None, ended=T0 + 7)
    given_back = replace(record(), outcome="abandoned_flow", answered=None, ended=T0 + 7)
    found = summed((call_tally(gave_up), call_tally(given_back)))
    assert FIGURE["service_level_abandon_ok"].of(found) == 1.0
    assert (FIGURE["abandonment"].of(found), FIGURE["abandonment_flow"].of(found)) == (0.5, 0.5)


def test_exactly_the_target_counts_as_in_time() -> None:
    on_time = replace(record(), enqueued=T0, answered=T0 + 15)
    late = replace(record(), enqueued=T0, answered=T0 + 15.000001)
    assert [call_tally(call).answered_in_target for call in (on_time, late)] == [1, 0]


def test_an_answer_without_a_queue_waits_from_the_invite() -> None:
    tally = call_tally(replace(record(), enqueued=None, answered=T0 + 6))
    assert (tally.enqueued, tally.wait, tally.answered_in_target) == (0, 6 * MICRO, 1)


def test_contacts_by_seat() -> None:
    second = (
        segment("c1", "3", Activity.RING, T0 + 40, T0 + 44, party="s2"),
        segment("c1", "4", Activity.RING, T0 + 44, T0 + 46, party="s1"),
        segment("c1", "4", Activity.TALK, T0 + 46, T0 + 50, party="s1"),
    )
    found = seat_tallies((*record().segments, *second))
    s1, s2 = SeatId("s1"), SeatId("s2")
    assert set(found) == {s1, s2}
    assert found[s2] == Tally()
    assert found[s1] == Tally(handled=2, talk=(24 + 12 + 4) * MICRO, wrap_up=30 * MICRO)
    assert FIGURE["aht"].of(found[s1]) == (40 + 30) / 2


def test_transfers() -> None:
    done = record().transfers[0]
    found = summed([transfer_tally(done), transfer_tally(replace(done, answered=None, outcome="returned"))])
    assert FIGURE["transfer_success"].of(found) == 0.5


def test_every_figure_says_its_formula_and_fields() -> None:
    for figure in FIGURES:
        assert figure.formula
        assert set(figure.numerator + figure.denominator + figure.without) <= set(TALLY_FIELDS)
    assert len(FIGURE) == len(FIGURES)
