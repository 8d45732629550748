from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from acd.ids import CallId, ChannelId
from acd.record import CallRecord, TransferRecord
from callrouter.store.reconcile import Difference, Reconciled, compare, read_events
from tests.store.samples import T0, record

SPAN = {"since": T0 - 3600, "until": T0 + 3600}


def call(name: str = "c1", at: float = T0, **changes: Any) -> CallRecord:
    return record(name, at, channel=ChannelId(f"{at:.0f}.{name}"), **changes)


def events(folder: Path, *calls: CallRecord, more: str = "", skip: str = "") -> Path:
    """What Asterisk would have written of these calls: the caller, a seat's leg, a partner's leg."""
    lines = []
    for one in calls:
        own = (one.channel, "from-trunk", one.ingress, one.accepted, one.ended)
        channels: list[tuple[str, str, float, float | None, float]] = [own]
        channels += [
            (f"cr-{one.call}-{leg}", "from-seat", one.ingress + 4, None, one.ended) for leg in (1, 2)
        ]
        for unique, context, *stamps in channels:
            for kind, at in zip(("CHAN_START", "ANSWER", "CHAN_END"), stamps, strict=True):
                if at is not None:
                    lines.append(f'"{kind}","{at + 0.01:.6f}","{unique}","{unique}","PJSIP/x","{context}"\n')
    file = folder / "events.csv"
    file.write_text("".join(line for line in lines if not skip or skip not in line) + more)
    return file


def reconciled(file: Path, *calls: CallRecord) -> Reconciled:
    channels, unreadable = read_events(file)
    found = compare(calls, channels, **SPAN)
    found.unreadable_lines = unreadable
    return found


def differences(found: Reconciled) -> list[tuple[str, str]]:
    return [(one.what, one.call or one.channel) for one in found.differences]


def test_what_agrees(tmp_path: Path) -> None:
    calls = [call(f"c{n}", T0 + n) for n in range(5)]
    found = reconciled(events(tmp_path, *calls), *calls)
    assert found == Reconciled(channels=5, records=5, matched=5)


def test_a_call_without_a_record(tmp_path: Path) -> None:
    kept, lost = call("c1"), call("c2", T0 + 9)
    found = reconciled(events(tmp_path, kept, lost), kept)
    assert differences(found) == [("no_record", lost.channel)]
    assert (found.channels, found.matched) == (2, 1)


def test_a_record_without_a_call(tmp_path: Path) -> None:
    found = reconciled(events(tmp_path), call())
    assert differences(found) == [("no_channel", "c1")]


@pytest.mark.parametrize("stamp", ["ingress", "accepted", "ended"])
def test_stamps_that_differ(tmp_path: Path, stamp: str) -> None:
    truth = call()
    file = events(tmp_path, truth)
    assert differences(reconciled(file, replace(truth, **{stamp: getattr(truth, stamp) + 0.4}))) == []
    wrong = replace(truth, **{stamp: getattr(truth, stamp) + 0.6})
    found = reconciled(file, wrong)
    assert differences(found) == [(stamp, "c1")]
    ours, theirs = found.differences[0].ours, found.differences[0].asterisk
    assert ours is not None
    assert theirs is not None
    assert 0.5 < ours - theirs < 0.6


def stop_and_go(**first: Any) -> tuple[CallRecord, CallRecord, CallRecord]:
    """The caller's whole stay as Asterisk sees it; our two calls, before and after a stop."""
    whole = call("c1", segments=())
    before = replace(whole, ended=whole.ingress + 5, ended_by="system", **first)
    after = replace(whole, call=CallId("c2"), ingress=whole.ingress + 9, accepted=whole.ingress + 9.5)
    return whole, before, after


@pytest.mark.parametrize("outcome", ["interrupted", "answered"])
def test_who_is_asked_in_again_has_two_calls_on_one_channel(tmp_path: Path, outcome: str) -> None:
    whole, before, after = stop_and_go(outcome=outcome)
    file = events(tmp_path, whole, skip='"cr-')
    assert reconciled(file, before, after) == Reconciled(channels=1, records=2, matched=2)
    late = replace(after, ended=after.ended + 2)
    assert differences(reconciled(file, before, late)) == [("ended", "c2")]


def test_who_hung_up_while_no_controller_was_there_has_no_second_call(tmp_path: Path) -> None:
    whole, before, _ = stop_and_go(outcome="interrupted")
    file = events(tmp_path, whole, skip='"cr-')
    assert reconciled(file, before).differences == []
    _, answered, _ = stop_and_go(outcome="answered")
    assert differences(reconciled(file, answered)) == [("ended", "c1")]
    early = replace(before, ended=whole.ended + 3)
    assert differences(reconciled(file, early)) == [("ended", "c1")], "it cannot have gone on for longer"


def test_an_answer_only_one_of_us_knows(tmp_path: Path) -> None:
    truth = call()
    assert differences(reconciled(events(tmp_path, truth), replace(truth, accepted=None))) == [
        ("accepted", "c1")
    ]


def test_legs_that_are_missing_or_stayed(tmp_path: Path) -> None:
    truth = call()
    missing = reconciled(events(tmp_path, truth, skip="cr-c1-2"), truth)
    assert missing.differences == [
        Difference(call="c1", channel=truth.channel, what="legs", ours=2, asterisk=1)
    ]
    stayed = reconciled(events(tmp_path, truth, skip='"CHAN_END","1795000090.760000","cr-c1-1"'), truth)
    assert differences(stayed) == [("never_ended", "c1")]


def test_calls_going_on_and_outside_the_span(tmp_path: Path) -> None:
    live, old = call("live"), call("old", T0 - 7200)
    found = reconciled(events(tmp_path, live, old, skip=f'CHAN_END","{live.ended + 0.01:.6f}"'))
    assert (found.still_up, found.channels, found.differences) == (1, 0, [])


def test_damaged_lines_are_counted(tmp_path: Path) -> None:
    rubbish = (
        'x\n"CHAN_START","soon","1.1","1.1","","from-trunk"\n"LINKEDID_END","1.0","1.2","","",""\n\0\xff\n'
    )
    found = reconciled(events(tmp_path, call(), more=rubbish), call())
    assert (found.matched, found.unreadable_lines) == (1, 4)


def test_a_callback_counts_its_seat_only(tmp_path: Path) -> None:
    truth = record("cb", channel=ChannelId("cr-cb-a1"))
    assert differences(reconciled(events(tmp_path, truth), truth)) == []


def test_a_partner_has_joined_two_calls(tmp_path: Path) -> None:
    """The first caller's channel goes on in the second call; the partner's own ends there."""
    handed = TransferRecord(
        call=CallId("c1"),
        number=1,
        kind="refer",
        by=None,
        target="12345",
        asked=T0 + 30,
        answered=T0 + 30,
        ended=T0 + 30,
        outcome="completed",
        cause="joined c2",
    )
    first = call("c1", T0, ended=T0 + 30, transfers=(handed,))
    second = call("c2", T0 + 10, ended=T0 + 90)
    file = events(tmp_path, first, second)
    swapped = {f"{T0 + 90.01:.6f}": f"{T0 + 30.01:.6f}", f"{T0 + 30.01:.6f}": f"{T0 + 90.01:.6f}"}
    told = []
    for line in file.read_text().splitlines():
        _, stamp, unique, *_ = (part.strip('"') for part in line.split(","))
        moves = line.startswith('"CHAN_END"') and not unique.startswith("cr-")
        told.append(line.replace(stamp, swapped[stamp]) if moves else line)
    file.write_text("\n".join(told) + "\n")
    assert differences(reconciled(file, first, second)) == []
    alone = replace(second, ended=T0 + 60)
    assert differences(reconciled(file, first, alone)) == [("ended", "c2")]
