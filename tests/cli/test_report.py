import csv
import io
import json
import sqlite3
from pathlib import Path

import pyarrow.parquet
import pytest
from msgspec.structs import replace

from acd.ids import AgentId, CallId, SeatId
from acd.shift import SeatInterval
from tests.cli.stage import ask, command, fill, run
from tests.store.samples import record

APP = command("report")
MIDNIGHT = 1_795_017_600.0  # 2026-11-19 00:00 in Shanghai
DAY = ("--since", "2026-11-19", "--until", "2026-11-20")
NUMBER = "13812345678"


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    calls = [record(f"c{n}", MIDNIGHT + 3600 * n) for n in range(3)]
    lost = record(
        "c9",
        MIDNIGHT + 40,
        organisation="xining",
        outcome="abandoned_queue",
        answered=None,
        segments=(),
        transfers=(),
        caller="=HYPERLINK(1)",
        ended=MIDNIGHT + 52,
    )
    shift = [
        SeatInterval(
            seat=SeatId("s1"),
            agent=AgentId("a"),
            state=state,
            reason="",
            started=MIDNIGHT + begin,
            ended=MIDNIGHT + begin + 100,
            call=None,
        )
        for begin, state in ((0, "ready"), (100, "talking"), (200, "not_ready"))
    ]
    fill(tmp_path, *calls, lost, *shift)
    return tmp_path


def test_kpi_by_organisation(state_dir: Path) -> None:
    result = run(APP, "report", "kpi", *DAY, "--state-dir", state_dir)
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line.split() for line in result.output.splitlines() if line.strip()}
    assert lines["qinghai"][1:4] == ["3", "3", "100.00%"]
    assert lines["xining"][1:4] == ["1", "0", "0.00%"]
    assert lines["total"][1:4] == ["4", "3", "75.00%"]
    assert "75.00% (3 of 4, from 2026-11-19 00:00), 95 % MISSED" in result.output


def test_all_formats_tell_the_same(state_dir: Path, tmp_path: Path) -> None:
    common = ("report", "kpi", *DAY, "--by", "hour", "--state-dir", state_dir)
    document = json.loads(run(APP, *common, "-f", "json").output)
    rows = list(csv.DictReader(io.StringIO(run(APP, *common, "-f", "csv").output.lstrip("\ufeff"))))
    assert [row["hour"] for row in rows] == [f"2026-11-19T0{hour}:00:00+08:00" for hour in range(3)]
    assert [int(row["offered"]) for row in rows] == [row["offered"] for row in document["rows"]] == [2, 1, 1]
    assert document["rows"][0]["answer_rate"] == 0.5 == float(rows[0]["answer_rate"])
    assert document["total"]["time_to_human"] == 6.0
    parquet = pytest.importorskip("pyarrow.parquet")
    target = tmp_path / "kpi.parquet"
    assert run(APP, *common, "-f", "parquet", "-o", target).exit_code == 0
    table = parquet.read_table(target).to_pylist()
    assert [row["offered"] for row in table] == [2, 1, 1]
    assert table[0]["hour"].isoformat() == "2026-11-19T00:00:00+08:00"


def test_transfers_and_seats(state_dir: Path) -> None:
    place = (*DAY, "--state-dir", state_dir, "-f", "json")
    found = json.loads(run(APP, "report", "transfers", *place).output)["rows"]
    assert found == [
        {
            "target": "12315",
            "attempts": 3,
            "answered": 3,
            "completed": 3,
            "returned": 0,
            "requeued": 0,
            "abandoned": 0,
            "transfer_success": 1.0,
            "mean_seconds_to_answer": 4.0,
            "causes": "",
        }
    ]
    (seat,) = json.loads(run(APP, "report", "seats", *place).output)["rows"]
    assert (seat["seat"], seat["handled"], seat["talk"], seat["wrap_up"]) == ("s1", 3, 108.0, 90.0)
    assert (seat["signed_in"], seat["on_contact"], seat["idle"], seat["not_ready"]) == (300, 100, 100, 100)
    assert (seat["aht"], seat["occupancy"]) == (66.0, 0.5)


def test_calls_are_masked_and_no_formula_reaches_a_spreadsheet(state_dir: Path) -> None:
    place = ("report", "calls", *DAY, "--state-dir", state_dir, "-f", "csv")
    masked = run(APP, *place).output
    assert NUMBER not in masked
    assert "138****5678" in masked
    unmasked = run(APP, *place, "--unmask").output
    assert NUMBER in unmasked
    assert "'=HYPERLINK(1)" in unmasked
    assert [row[0] for row in ask(state_dir, "SELECT action FROM audit")] == ["see_numbers"]


def test_one_page_that_needs_nothing_else(state_dir: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    result = run(APP, "report", "kpi", *DAY, "--state-dir", state_dir, "-f", "html", "-o", target)
    assert result.exit_code == 0, result.output
    page = target.read_text(encoding="utf-8")
    for part in ("接通率", "75.00% ✗", "<svg", "answered by a person ÷ offered", "12315", "MISSED"):
        assert part in page, part
    assert "http" not in page
    assert "<script" not in page


def test_what_comes_from_outside_is_escaped(tmp_path: Path) -> None:
    fill(tmp_path, record("c1", MIDNIGHT, organisation="<script>alert(1)</script>"))
    page = run(APP, "report", "kpi", *DAY, "--state-dir", tmp_path, "-f", "html").output
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_nothing_happened(tmp_path: Path) -> None:
    fill(tmp_path)
    for form in ("table", "csv", "json", "html"):
        for what in ("kpi", "transfers", "seats", "calls"):
            result = run(APP, "report", what, *DAY, "--state-dir", tmp_path, "-f", form)
            assert result.exit_code == 0, (what, form, result.output)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--by", "mood"), "--by 'mood' is not possible"),
        (("--since", "soon"), "--since 'soon' is no time"),
        (("--since", "2026-11-20", "--until", "2026-11-19"), "the span is empty"),
        (("--zone", "Mars/Olympus"), "is no time zone"),
        (("-f", "pdf"), "--format 'pdf' is unknown"),
        (("-f", "parquet"), "needs --output"),
        (("-f", "csv", "-o", "/nonexistent/x.csv"), "cannot write"),
    ],
)
def test_wrong_usage(state_dir: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(APP, "report", "kpi", *arguments, "--state-dir", state_dir)
    assert result.exit_code == 2, result.output
    assert words in result.stderr


def test_reconcile_names_differences(state_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    row = '"{}","{}","9.1","9.1","PJSIP/x","from-trunk"\n'
    file.write_text(row.format("CHAN_START", 1795017700.0) + row.format("CHAN_END", 1795017701.0))
    common = ("report", "reconcile", *DAY, "--state-dir", state_dir, "--events", file)
    result = run(APP, *common)
    assert result.exit_code == 1
    assert "1 callers' channels, 4 records, 0 agree, 5 differences" in result.output
    assert "no_record: call –, channel 9.1" in result.output
    assert json.loads(run(APP, *common, "--json").output)["channels"] == 1
    missing = run(APP, *common[:-1], tmp_path / "nothing.csv")
    assert (missing.exit_code, "switch Asterisk's channel events on" in missing.stderr) == (2, True)


def test_reconcile_recounts_what_reports_say(state_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.touch()
    common = ("report", "reconcile", *DAY, "--state-dir", state_dir, "--events", file)
    honest = run(APP, *common)
    assert "the reports' counts are those of the records" in honest.output
    # Past the writer, hence past the columns that reports read.
    with sqlite3.connect(state_dir / "callrouter.sqlite") as behind:
        behind.execute("DELETE FROM transfers WHERE call = 'c1'")
        behind.execute("UPDATE calls SET outcome = 'abandoned_flow' WHERE call = 'c9'")
    result = run(APP, *common)
    assert result.exit_code == 1
    assert "transfers: reports say 3, the records add up to 2" in result.output
    found = json.loads(run(APP, *common, "--json").output)["miscounts"]
    assert {"name": "abandoned_queue", "reported": 1, "recounted": 0} in found
    assert {one["name"] for one in found} == {
        "abandoned_flow",
        "abandoned_in_target",
        "abandoned_queue",
        "transfers",
        "transfers_answered",
    }


def test_transfers_name_why_they_failed_the_most_frequent_first(tmp_path: Path) -> None:
    answered = record("c0", MIDNIGHT).transfers[0]
    calls = []
    for number, cause in enumerate(["cause_17", "no_answer", "no_answer", ""]):
        attempt = replace(answered, call=CallId(f"c{number}"), answered=None, outcome="returned", cause=cause)
        calls.append(record(f"c{number}", MIDNIGHT + number, transfers=(attempt,)))
    fill(tmp_path, *calls)
    (row,) = json.loads(run(APP, "report", "transfers", *DAY, "--state-dir", tmp_path, "-f", "json").output)[
        "rows"
    ]
    assert (row["attempts"], row["causes"]) == (4, "no_answer 2, cause_17 1")


def test_long_lists_of_calls_are_written_page_by_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, *(record(f"c{n}", MIDNIGHT + n) for n in range(5)))
    calls = ("report", "calls", *DAY, "--state-dir", tmp_path)
    written = {}
    for page in (100, 2):
        monkeypatch.setattr("callrouter.cli.report_build.PAGE", page)
        for form in ("csv", "json", "parquet"):
            target = tmp_path / f"calls-{page}.{form}"
            assert run(APP, *calls, "-f", form, "-o", target).exit_code == 0
            written[page, form] = target
    for form in ("csv", "json"):
        assert written[2, form].read_bytes() == written[100, form].read_bytes()
    pages = [pyarrow.parquet.read_table(written[page, "parquet"]).to_pylist() for page in (100, 2)]
    assert pages[0] == pages[1]
    assert [row["call"] for row in pages[1]] == [f"c{n}" for n in range(5)]
    assert [row["call"] for row in json.loads(written[2, "json"].read_text())["rows"]] == [
        row["call"] for row in pages[1]
    ]
    # What is for people is one page.
    assert "c1" in run(APP, *calls).output
    assert "c4" not in run(APP, *calls).output


DIRECTORY = """
organisations:
  province: {name: 青海省}
  xining: {name: 西宁市, parent: province}
  datong: {name: 大通县, parent: xining}
  haidong: {name: 海东市, parent: province}
trunks: {departments: {name: 部门}}
ingress: [{numbers: [12345], organisation: province, flow: province}]
lines:
  12315: {name: 消费者投诉举报, entries: [{mode: DUAL_NUMBER, trunks: [departments]}]}
"""


def test_figures_by_the_tree_of_organisations_and_by_skill(tmp_path: Path) -> None:
    fill(
        tmp_path,
        record("c1", MIDNIGHT, organisation="datong", skills="bo-kham zh"),
        record("c2", MIDNIGHT + 1, organisation="xining", skills="zh"),
        record("c3", MIDNIGHT + 2, organisation="province"),
        record("c4", MIDNIGHT + 3, organisation="12315"),
    )
    place = ("report", "kpi", *DAY, "--state-dir", tmp_path, "-f", "json")

    def offered(*arguments: str) -> dict[str, int]:
        result = run(APP, *place, *arguments)
        assert result.exit_code == 0, result.output
        by = arguments[1]
        return {row[by]: row["offered"] for row in json.loads(result.output)["rows"]}

    assert offered("--by", "skill") == {"bo-kham": 1, "zh": 2}
    refused = run(APP, *place, "--by", "prefecture")
    assert refused.exit_code == 2
    assert "give --config" in refused.stderr
    file = tmp_path / "site-versions" / "v1" / "site" / "directory.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(DIRECTORY, encoding="utf-8")
    assert offered("--by", "prefecture") == {"xining": 2, "province": 1, "12315": 1}
    assert offered("--by", "province") == {"province": 4}
    assert offered("--by", "organisation", "--organisation", "xining") == {"datong": 1, "xining": 1}
    table = run(APP, "report", "kpi", *DAY, "--state-dir", tmp_path, "--by", "prefecture").output
    assert "西宁市" in table


def test_a_table_ends_where_nobody_reads_on(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callrouter.cli.formats.TABLE_ROWS", 1)
    result = run(APP, "report", "calls", *DAY, "--state-dir", state_dir)
    assert result.exit_code == 0, result.output
    assert "The first 1 rows; 3 more with --format csv, json or html" in result.output
    assert sum("12345" in line for line in result.output.splitlines()) == 1


def test_calls_that_no_row_counts_are_told(tmp_path: Path) -> None:
    unqueued = record("c2", MIDNIGHT + 60, queue=None)
    fill(tmp_path, record("c1", MIDNIGHT), unqueued, record("c3", MIDNIGHT + 90, queue="other"))
    by_queue = run(APP, "report", "kpi", *DAY, "--by", "queue", "--state-dir", tmp_path)
    assert "1 call has no queue: in the total alone" in by_queue.output
    by_line = run(APP, "report", "kpi", *DAY, "--by", "line", "--state-dir", tmp_path)
    assert "in the total alone" not in by_line.output
    page = run(APP, "report", "kpi", *DAY, "--format", "html", "--state-dir", tmp_path).output
    assert page.count("1 call has no queue: in the total alone") == 1
    assert page.count("answer_rate of the worst") == 1
