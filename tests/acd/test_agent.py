from acd.agent import LATER, STATES, STAY, TRANSITIONS, Refusal

WISHES = {
    "sign_in",
    "sign_out",
    "force_out",
    "make_ready",
    "make_not_ready",
    "finish_wrap_up",
    "extend_wrap_up",
}


def test_table_is_total() -> None:
    for trigger, row in TRANSITIONS.items():
        assert tuple(row) == STATES, trigger
        for verdict in row.values():
            assert isinstance(verdict, Refusal) or verdict in (*STATES, LATER, STAY)


def test_wishes_are_answered_and_facts_never_refused() -> None:
    for trigger, row in TRANSITIONS.items():
        for verdict in row.values():
            if trigger in WISHES:
                assert verdict != STAY
            elif trigger != "reserve":
                assert not isinstance(verdict, Refusal)
            if isinstance(verdict, Refusal):
                assert verdict.reason.isidentifier()
                assert verdict.text.endswith(".")


def test_no_way_into_a_contact_but_by_an_offer() -> None:
    entering = {
        (trigger, state)
        for trigger, row in TRANSITIONS.items()
        for state, verdict in row.items()
        if verdict in ("reserved", "ringing", "talking")
        and state not in ("reserved", "ringing", "consulting")
    }
    assert entering == {("reserve", "ready")}


def test_nothing_is_delivered_into_wrap_up() -> None:
    assert isinstance(TRANSITIONS["reserve"]["wrap_up"], Refusal)


def test_every_state_can_be_left() -> None:
    for state in STATES:
        assert any(
            verdict not in (state, STAY, LATER) and not isinstance(verdict, Refusal)
            for row in TRANSITIONS.values()
            for verdict in (row[state],)
        ), state
