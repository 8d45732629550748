from pathlib import Path

import pytest

from simulators.sipp import write_rows
from simulators.sipp_log import Tail, parse_instant, parse_message
from simulators.sipp_scripts import REFUSALS, answer_strata, caller_scenario, register_scenario, seat_scenario


def test_a_message_line_is_read() -> None:
    sent = parse_message(
        "2026-11-23T06:13:56.434815Z\tS\t1.000000///12.callers0\tCSeq:1 INVITE\t"
        "INVITE sip:echo@127.0.0.1:5162 SIP/2.0"
    )
    assert sent is not None
    assert (sent.sent, sent.call, sent.cseq, sent.method, sent.status) == (
        True,
        "12.callers0",
        1,
        "INVITE",
        0,
    )
    assert sent.uri == "sip:echo@127.0.0.1:5162"
    answer = parse_message("2026-11-23T06:13:57.5Z\tR\tx@y\tCSeq:1 INVITE\tSIP/2.0 486 Busy Here")
    assert answer is not None
    assert (answer.sent, answer.status, answer.method, answer.uri) == (False, 486, "INVITE", "")
    assert answer.at - sent.at == pytest.approx(1.065185, abs=1e-5)


@pytest.mark.parametrize("line", ["", "hello", "a\tb\tc", "2026-11-23T06:13:57.5Z\tR\tx\tCSeq:? X\tY"])
def test_what_is_no_message_line_is_left_out(line: str) -> None:
    assert parse_message(line) is None


def test_instants_are_unix_time() -> None:
    assert parse_instant("1970-01-01T00:01:00.500000Z") == 60.5
    assert parse_instant("2026-11-23T06:13:56.434815Z") == pytest.approx(1795414436.434815)


def test_a_growing_file_gives_each_whole_line_once(tmp_path: Path) -> None:
    file = tmp_path / "log"
    tail = Tail(file)
    assert list(tail.lines()) == []
    file.write_bytes(b"one\ntw")
    assert list(tail.lines()) == ["one"]
    with file.open("ab") as out:
        out.write(b"o\nthr\xff")
    assert list(tail.lines()) == ["two"]
    with file.open("ab") as out:
        out.write(b"ee\n")
    assert list(tail.lines()) == ["thr\ufffdee"]
    tail.close()


def test_scenarios_have_no_word_left_open() -> None:
    texts = [caller_scenario(), seat_scenario([0.0, 1.0, 2.5], never=0.1), register_scenario(120)]
    assert not any("@{" in text for text in texts)
    assert texts[0].count('next="refused"') == 2 * len(REFUSALS)
    assert 'timeout="2500" ontimeout="answer"' in texts[1]
    assert 'chance="0.100000"' in texts[1]
    assert 'timeout="84000"' in texts[2]


def test_answer_delays_become_equally_likely_branches() -> None:
    strata = answer_strata(range(1601))
    assert len(strata) == 16
    assert strata[0] == pytest.approx(50)
    assert strata[-1] == pytest.approx(1550)


def test_a_field_that_would_break_the_callers_file_is_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "good.csv", [("1", "X-A: b")])
    assert (tmp_path / "good.csv").read_text() == "SEQUENTIAL\n1;X-A: b\n"
    with pytest.raises(ValueError, match="field"):
        write_rows(tmp_path / "bad.csv", [("1", "X-A: b;c")])
