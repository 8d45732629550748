from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.ids import OrgId
from callrouter.config.document import ConfigError, read_document
from callrouter.directory import Directory, Ingress, load_directory, read_directory, reference_faults
from simulators.partners import LINES

PROVINCE = Path("ivr_flows/site/directory.yaml")
TODAY = date(2026, 11, 23)

SMALL = """
organisations:
  province: {name: Province}
  xining: {name: Xining, parent: province, areas: [0971]}
trunks:
  carrier: {name: Carrier}
  pstn: {name: Xining's own}
  a: {name: First, numbers: e164, prefix: "9"}
  b: {name: Second}
ingress:
  - {numbers: [12345], organisation: province, flow: main}
  - {numbers: [12345], trunks: [pstn], organisation: xining, flow: main}
  - {numbers: [097112345], until: 2025-12-31, organisation: province, flow: main}
  - {numbers: [097112345], from: 2026-01-01, organisation: xining, flow: main}
lines:
  12305:
    name: Post
    topics: [lost parcels]
    entries:
      - {mode: SUB_CENTER, until: 2024-12-31, trunks: [a, b], backup: 12315, headers: {X-Line: post}}
      - {mode: FULL_MERGE, from: 2025-01-01, organisation: province, flow: main}
  12315: {name: Market, entries: [{mode: DUAL_NUMBER, trunks: [b], ring_for: 20, backup: 097112345}]}
  097112345: {name: Xining, kind: prefecture, entries: [{trunks: [a]}]}
"""


@pytest.fixture(scope="module")
def small() -> Directory:
    return read_directory(read_document(SMALL, "small.yaml"))


@pytest.fixture(scope="module")
def province() -> Directory:
    return load_directory(PROVINCE)


def test_trunk_goes_before_number(small: Directory) -> None:
    assert small.ingress("12345", "pstn", TODAY) == Ingress("xining", "main")
    assert small.ingress("12345", "carrier", TODAY) == Ingress("province", "main")
    assert small.ingress("12345", "unheard-of", TODAY) == Ingress("province", "main")


@pytest.mark.parametrize(
    ("day", "organisation"), [(date(2025, 12, 31), "province"), (date(2026, 1, 1), "xining")]
)
def test_ingress_changes_at_midnight(small: Directory, day: date, organisation: str) -> None:
    assert small.ingress("+86 971 12345", "carrier", day) == Ingress(organisation, "main")


def test_a_line_is_retired_on_its_day(small: Directory) -> None:
    last, first = date(2024, 12, 31), date(2025, 1, 1)
    line = small.line("12305", last)
    assert line is not None
    assert line.endpoints() == ("PJSIP/912305@a", "PJSIP/12305@b")
    assert line.headers == {"X-Line": "post"}
    assert small.ingress("12305", "carrier", last) is None
    assert small.line("12305", first) is None
    assert small.ingress("12305", "carrier", first) == Ingress("province", "main")
    assert "12305" in small.codes(last)
    assert "12305" not in small.codes(first)


def test_ladder_climbs_the_backups(small: Directory) -> None:
    day = date(2024, 6, 1)
    assert [line.number for line in small.ladder("12305", day)] == ["12305", "12315", "097112345"]
    backup = small.backup("12305", day)
    assert backup is not None
    assert backup.number == "12315"
    assert small.ring_for("12315", day) == 20
    assert small.backup("097112345", day) is None
    assert small.ladder("12399", day) == ()


def test_e164_is_for_numbers_with_an_area_code(small: Directory) -> None:
    line = small.line("0971-12345", TODAY)
    assert line is not None
    assert line.endpoints() == ("PJSIP/9+8697112345@a",)


def test_organisations_form_a_tree(small: Directory) -> None:
    assert small.subtree(OrgId("province")) == {"province", "xining"}
    assert small.subtree(OrgId("xining")) == {"xining"}
    assert small.subtree(OrgId("nowhere")) == {"nowhere"}


def test_names_of_other_files_are_known_with_their_line(small: Directory) -> None:
    assert reference_faults(small.references, {"flow": ["main"], "calendar": []}) == ()
    faults = reference_faults(small.references, {"flow": ["mian"], "calendar": []})
    assert len(faults) == 5
    assert str(faults[0]).startswith("small.yaml:11:")
    assert "no flow 'main'. Did you mean 'mian'?" in str(faults[0])


# --- the province's own file


def test_the_province_serves_every_partner_line(province: Directory) -> None:
    assert set(province.codes(TODAY)) == set(LINES)
    modes = [line.mode for line in province.lines_on(TODAY)]
    assert modes.count("DUAL_NUMBER") == 9
    assert modes.count("SUB_CENTER") == 5


def test_emergency_lines_have_their_own_trunk(province: Directory) -> None:
    for number in ("110", "119", "120", "122"):
        line = province.line(number, TODAY)
        assert line is not None
        assert line.emergency
        assert line.endpoints() == (f"PJSIP/{number}@emergency",)


@pytest.mark.parametrize(
    ("dialled", "organisation", "flow"),
    [
        ("12345", "province", "province"),
        ("097112345", "xining", "prefecture"),
        ("0970-12345", "haibei", "prefecture"),
        ("+8697912345", "haixi", "prefecture"),
        ("0977-12345", "haixi", "prefecture"),
        ("12336", "province", "merged_line"),
    ],
)
def test_numbers_lead_to_their_organisation_and_flow(
    province: Directory, dialled: str, organisation: str, flow: str
) -> None:
    assert province.ingress(dialled, "carrier", TODAY) == Ingress(organisation, flow)


@pytest.mark.parametrize("dialled", ["12315", "12356", "097812345", "99999", "", "operator"])
def test_other_numbers_are_not_ours(province: Directory, dialled: str) -> None:
    assert province.ingress(dialled, "carrier", TODAY) is None


def test_a_number_that_changed_hands(province: Directory) -> None:
    assert province.ingress("12356", "carrier", date(2024, 12, 31)) is not None
    assert province.ingress("12356", "carrier", date(2025, 1, 1)) is None


@given(st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1)))
def test_a_number_is_either_answered_or_dialled(day: date) -> None:
    directory = load_directory_once()
    for number in directory.lines:
        merged = directory.lines[number].on(day)
        if merged is not None and merged.mode == "FULL_MERGE":
            assert directory.line(number, day) is None
            assert directory.ingress(number, "carrier", day) is not None


_LOADED: list[Directory] = []


def load_directory_once() -> Directory:
    if not _LOADED:
        _LOADED.append(load_directory(PROVINCE))
    return _LOADED[0]


# --- faults


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "parent: province,",
            "parent: provinze,",
            "small.yaml:4:34: no organisation 'provinze'. Did you mean 'province'?",
        ),
        (
            "province: {name: Province}",
            "province: {name: P, parent: xining}",
            "province → xining → province is a circle",
        ),
        (
            "province: {name: Province}",
            "province: {name: P, areas: [0971]}",
            "area code 0971 belongs to 'province' already",
        ),
        ("trunks: [pstn]", "trunks: [pstm]", "no trunk 'pstm'. Did you mean 'pstn'?"),
        ("trunks: [pstn], ", "", "12345 is answered twice on the same days. The other entry is on line 11"),
        ("from: 2026-01-01", "from: 2025-06-01", "097112345 is answered twice"),
        ("trunks: [a, b], backup", "trunks: [a, x], backup", "no trunk 'x'"),
        ("from: 2025-01-01", "from: 2024-12-31", "12305 has two entries for the same days"),
        ("until: 2024-12-31", "until: 2023-12-31, from: 2024-01-01", "lies before `from`"),
        ("backup: 12315", "backup: 12316", "no line '12316'. Did you mean '12315'?"),
        ("backup: 097112345", "backup: 12315", "backups go in a circle: 12315 → 12315"),
        (
            "{trunks: [a]}",
            "{trunks: [a], backup: 12315}",
            "backups go in a circle: 12315 → 097112345 → 12315",
        ),
        ("backup: 097112345", "backup: 12305", "backup 12305 has no line of its own on 2025-01-01"),
        ("{trunks: [a]}", "{mode: SUB_CENTER, trunks: [a]}", "`mode` says nothing of kind prefecture"),
        ("kind: prefecture", "kind: hotline", "`mode` is missing"),
        (
            "mode: FULL_MERGE,",
            "mode: FULL_MERGE, trunks: [a],",
            "a merged number is answered here and has no trunk",
        ),
        (
            ", organisation: province, flow: main}\n  12315",
            "}\n  12315",
            "a merged number needs `organisation` and `flow`",
        ),
        ("{trunks: [a]}", "{flow: main}", "`trunks` is missing"),
        ("{trunks: [a]}", "{trunks: [a], flow: main}", "`flow` is for merged numbers only"),
        ("kind: prefecture", "kind: emergency", "trunk 'a' also carries other lines"),
        (
            "numbers: [12345], organisation",
            "numbers: [12305], organisation",
            "merged number 12305 stands under `ingress` too",
        ),
        ("name: Carrier", "name: Carrier, codecs: [g729]", "cannot be 'g729'"),
        ("ring_for: 20", "ring_for: 2", "'ring_for' must be at least 5"),
        ("mode: DUAL_NUMBER", "mode: DUAL_NUMBERS", "Did you mean 'DUAL_NUMBER'?"),
        ("X-Line: post", 'X-Line: "a\\r\\nb"', "cannot be"),
        ("topics:", "topic:", "unknown key 'topic'. Did you mean 'topics'?"),
    ],
)
def test_faults_name_their_line(old: str, new: str, fault: str) -> None:
    assert old in SMALL
    with pytest.raises(ConfigError) as caught:
        read_directory(read_document(SMALL.replace(old, new, 1), "small.yaml"))
    assert fault in str(caught.value)
    assert all(one.line > 0 for one in caught.value.faults)
