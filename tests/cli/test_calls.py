import json
from pathlib import Path

import pytest

from acd.ids import CallId
from acd.record import CallRecord, FlowStep
from callrouter.cli.state import READY_FILE
from tests.cli.stage import ask, command, fill, run, serving
from tests.store.samples import T0, record
from tests.web import fakes
from tests.web.conftest import World

NUMBER = "13812345678"
MASKED = "138****5678"
APP = command("calls")


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    fill(tmp_path, record("c1"), record("c2", T0 + 100, outcome="abandoned_queue", transfers=()))
    return tmp_path


def test_list_is_newest_first_and_masked(state_dir: Path) -> None:
    result = run(APP, "calls", "list", "--state-dir", state_dir)
    assert result.exit_code == 0
    assert NUMBER not in result.output
    assert result.output.index("c2") < result.output.index("c1")
    assert result.output.count(MASKED) == 2
    assert "6.0 s" in result.output


LONG = "".join(str(n % 10) for n in range(200))
IDS = ("20261123T065717914-0-main", "20261123T065817914-1-main")


@pytest.mark.parametrize("columns", [80, 130])
@pytest.mark.parametrize("unmask", [(), ("--unmask",)])
def test_endless_numbers_leave_room_for_the_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int, unmask: tuple[str, ...]
) -> None:
    monkeypatch.setattr("callrouter.cli.story._PIPED_WIDTH", columns)
    fill(tmp_path, record(IDS[0]), record(IDS[1], T0 + 100, caller=LONG, dialled=LONG, outcome="rejected"))
    found = run(APP, "calls", "list", "--state-dir", tmp_path, *unmask).output
    assert all(one in found.split() for one in IDS)
    assert unmask or max(map(len, found.splitlines())) <= columns
    assert (sum(sign.isdigit() for sign in found) > len(2 * LONG)) is bool(unmask)


def test_list_as_json_with_bounds(state_dir: Path) -> None:
    result = run(APP, "calls", "list", "--state-dir", state_dir, "--json", "--outcome", "answered")
    found = json.loads(result.output)
    assert [(call["call"], call["caller"]) for call in found] == [("c1", MASKED)]
    later = run(APP, "calls", "list", "--state-dir", state_dir, "--json", "--since", "2999-01-01")
    assert json.loads(later.output) == []


def test_show_tells_the_whole_story(state_dir: Path) -> None:
    result = run(APP, "calls", "show", "c1", "--state-dir", state_dir)
    assert result.exit_code == 0
    assert NUMBER not in result.output
    for part in (
        f"{MASKED} → 12345",
        "answered, ended by caller (Q.850 cause 16)",
        "flow province@v1",
        "+6.000 s",
        "+90.500 s",
        "partner 12315",
        "consult",
        "48.500 s",
        "completed",
        "province:20",
        "timeout",
    ):
        assert part in result.output, part


def test_bars_are_to_scale(state_dir: Path) -> None:
    result = run(APP, "calls", "show", "c1", "--state-dir", state_dir)
    lines = result.output.splitlines()
    at = lines.index("Timeline") + 1
    caller, seat, partner = (line[16:] for line in lines[at : at + 3])
    room = len(caller)
    assert caller.index("talk") == round(6 / 90.5 * room)
    assert seat.index("rin" if "rin" in seat else "r") == round(4 / 90.5 * room)
    assert seat.index("wrap_up") == caller.rindex("talk") == partner.rindex("talk") == round(42 / 90.5 * room)


def test_show_last_as_json(state_dir: Path) -> None:
    result = run(APP, "calls", "show", "last", "--state-dir", state_dir, "--json")
    found = json.loads(result.output)
    assert (found["call"], found["caller"], found["outcome"]) == ("c2", MASKED, "abandoned_queue")
    assert len(found["segments"]) == 12


def test_unmasking_leaves_an_audit_line(state_dir: Path) -> None:
    assert NUMBER in run(APP, "calls", "show", "c1", "--state-dir", state_dir, "--unmask").output
    assert NUMBER in run(APP, "calls", "list", "--state-dir", state_dir, "--unmask").output
    audit = ask(state_dir, "SELECT action, subject FROM audit ORDER BY at")
    assert audit == [("see_numbers", "c1"), ("see_numbers", "calls")]
    assert str(ask(state_dir, "SELECT who FROM audit")[0][0]).startswith("shell:")


def test_an_unknown_call_is_a_fault(state_dir: Path) -> None:
    result = run(APP, "calls", "show", "c9", "--state-dir", state_dir)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no finished call 'c9'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "noon"), "--since 'noon' is no time"),
        (("--config", "x.yaml"), "give --state-dir or --config"),
    ],
)
def test_wrong_usage(state_dir: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(APP, "calls", "list", "--state-dir", state_dir, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_no_call_yet(tmp_path: Path) -> None:
    fill(tmp_path)
    result = run(APP, "calls", "show", "last", "--state-dir", tmp_path)
    assert (result.exit_code, "no call has finished yet" in result.stderr) == (1, True)


def test_no_database_says_what_to_do(tmp_path: Path) -> None:
    result = run(APP, "calls", "list", "--state-dir", tmp_path)
    assert result.exit_code == 2
    assert "start `callrouter demo` first" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "callrouter.sqlite").write_text("not a database at all, but long enough to look at" * 50)
    result = run(APP, "calls", "list", "--state-dir", tmp_path)
    assert result.exit_code == 2
    assert "the database cannot be used" in result.stderr


def test_what_a_caller_sends_is_no_markup(tmp_path: Path) -> None:
    hostile = "[red]\x1b[31m[/]"
    found: CallRecord = record("c1", caller=hostile, dialled=hostile)
    fill(tmp_path, found)
    for arguments in (("list",), ("show", "c1")):
        result = run(APP, "calls", *arguments, "--state-dir", tmp_path, "--unmask")
        assert result.exit_code == 0, result.output
        assert "\x1b" not in result.output


def test_a_call_without_anything(tmp_path: Path) -> None:
    fill(
        tmp_path,
        record("c1", segments=(), transfers=(), trace=(), caller="", queue=None, answered=None, rang=None),
    )
    result = run(APP, "calls", "show", "c1", "--state-dir", tmp_path)
    assert result.exit_code == 0
    assert "withheld → 12345" in result.output
    assert "never" in result.output


@pytest.fixture
def busy() -> World:
    """Two calls go on; live2 is the newer one."""
    world = World()
    for call, since in (("live1", 0.0), ("live2", 5.0)):
        world.engine.calls[CallId(call)] = fakes.call_view(call, ingress=fakes.T0 + since)
    world.engine.ways[CallId("live2")] = (
        FlowStep(
            at=fakes.T0 + 6,
            flow="province",
            node="order",
            line=20,
            branch="next",
            variables={"typed": NUMBER},
        ),
        FlowStep(at=fakes.T0 + 9.5, flow="province", node="menu", line=30),
    )
    return world


def test_show_tells_where_a_live_call_is(busy: World) -> None:
    with serving(busy) as url:
        for call in ("live2", "live"):
            result = run(APP, "calls", "show", call, "--url", url, "--token", "token-boss")
            assert result.exit_code == 0, result.output
            for part in (
                MASKED,
                "goes on",
                "province:20",
                "+1.000 s",
                "+4.500 s",
                "(is here)",
                f"typed={MASKED}",
            ):
                assert part in result.output, part
            assert NUMBER not in result.output
        as_json = run(APP, "calls", "show", "live1", "--url", url, "--token", "token-boss", "--json")
        assert json.loads(as_json.output)["trace"] == []


def test_show_asks_the_demo_for_what_is_not_in_its_database_yet(busy: World, state_dir: Path) -> None:
    with serving(busy) as url:
        login = {"user": "boss", "password": "secret-boss"}
        (state_dir / READY_FILE).write_text(json.dumps({"http": url, "logins": {"supervisor": login}}))
        live = run(APP, "calls", "show", "live2", "--state-dir", state_dir)
        assert (live.exit_code, "goes on" in live.output) == (0, True), live.output
        ended = run(APP, "calls", "show", "c1", "--state-dir", state_dir)
        assert "ended by caller" in ended.output
        unknown = run(APP, "calls", "show", "c9", "--state-dir", state_dir)
        assert (unknown.exit_code, "no finished call 'c9'" in unknown.stderr) == (1, True)
    # The demo has gone without taking its ready line along.
    gone = run(APP, "calls", "show", "live2", "--state-dir", state_dir)
    assert (gone.exit_code, "no finished call 'live2'" in gone.stderr) == (1, True)


def test_what_cannot_be_shown_live_is_told(busy: World) -> None:
    busy.records.found = [record("p1")]
    with serving(busy) as url:
        over = run(APP, "calls", "show", "p1", "--url", url, "--token", "token-boss")
        assert (over.exit_code, "is over" in over.stderr) == (1, True)
        busy.engine.calls.clear()
        nobody = run(APP, "calls", "show", "live", "--url", url, "--token", "token-boss")
        assert (nobody.exit_code, "no call is going on" in nobody.stderr) == (1, True)


def test_show_names_the_node_that_the_caller_left_in(tmp_path: Path) -> None:
    step = FlowStep(at=T0 + 2, flow="province", node="greeting", line=11)
    fill(tmp_path, record("c1", trace=(step,)))
    result = run(APP, "calls", "show", "c1", "--state-dir", tmp_path)
    assert "(left here)" in result.output
