import re
import stat
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrouter.toolchain.locate import AsteriskFiles, Program
from callrouter.toolchain.music import alaw_table, to_alaw
from callrouter.toolchain.plan import AsteriskPlan, PlanError, SeatAccount, TrunkAccount
from callrouter.toolchain.render import render


def wav(file: Path, rate: int = 8000) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.zeros(80, dtype="<i2").tobytes())
    return file


@pytest.fixture
def plan(tmp_path: Path) -> AsteriskPlan:
    root = tmp_path / "asterisk"
    (root / "sounds/en").mkdir(parents=True)
    wav(root / "moh/song.wav")
    files = AsteriskFiles(
        Program("asterisk", root / "asterisk", ("asterisk",), "22.10.1"),
        root / "modules",
        root,
        root / "sounds",
        root / "moh",
        root / "rest-api",
    )
    return AsteriskPlan(
        files,
        sip_port=5062,
        http_port=8088,
        ami_port=5038,
        rtp_first=10000,
        rtp_last=10100,
        seats=(SeatAccount("a1001", "password-1001", "张三"),),
        trunks=(
            TrunkAccount("carrier", ("192.0.2.1", "198.51.100.0/24"), peer="192.0.2.1:5060", qualify=10),
        ),
    )


def section(text: str, head: str) -> dict[str, str]:
    lines = text.split(f"\n{head}\n", 1)[1].split("\n[", 1)[0].splitlines()
    return {
        key.strip(): value.strip() for key, sign, value in (line.partition("=") for line in lines) if sign
    }


def test_every_word_is_filled_and_files_are_private(plan: AsteriskPlan, tmp_path: Path) -> None:
    rendered = render(plan, tmp_path / "state")
    files = sorted((tmp_path / "state/etc").iterdir())
    assert len(files) > 20
    for file in files:
        assert "@{" not in file.read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert rendered.conf.is_absolute()
    assert rendered.ari_url == "http://127.0.0.1:8088/ari"


def test_secrets_differ_each_time_and_stay_out_of_repr(plan: AsteriskPlan, tmp_path: Path) -> None:
    first, second = render(plan, tmp_path / "state"), render(plan, tmp_path / "state")
    assert first.ari_password != second.ari_password != second.ami_password
    assert second.ari_password in (tmp_path / "state/etc/ari.conf").read_text()
    assert second.ari_password not in repr(second)
    assert second.ami_password not in repr(second)


def test_two_asterisks_give_different_channel_ids(plan: AsteriskPlan, tmp_path: Path) -> None:
    names = set()
    for folder in ("a", "b"):
        render(plan, tmp_path / folder)
        (line,) = re.findall("^systemname = .*$", (tmp_path / folder / "etc/asterisk.conf").read_text(), re.M)
        names.add(line)
    assert len(names) == 2


def test_seat_and_trunk_are_identified_each_in_its_way(plan: AsteriskPlan, tmp_path: Path) -> None:
    render(plan, tmp_path / "state")
    text = (tmp_path / "state/etc/pjsip.conf").read_text()
    assert section(text, "[seat](!)")["identify_by"] == "username"
    assert section(text, "[trunk](!)")["identify_by"] == "ip"
    assert section(text, "[a1001](seat-auth)") == {"username": "a1001", "password": "password-1001"}
    assert "match = 198.51.100.0/24" in text
    assert "aors = carrier,carrier-options" in text, "dialled whatever becomes of the OPTIONS"
    assert "[carrier]\ntype = aor\ncontact = sip:192.0.2.1:5060\n\n" in text
    assert "[carrier-options]\ntype = aor\ncontact = sip:192.0.2.1:5060\nqualify_frequency = 10" in text


def test_ice_is_on_for_browser_phones_alone(plan: AsteriskPlan, tmp_path: Path) -> None:
    """A session of it for each leg costs a twelfth of a call."""

    def ice(plan: AsteriskPlan) -> str:
        render(plan, tmp_path / "state")
        lines = (tmp_path / "state/etc/rtp.conf").read_text().splitlines()
        return next(line for line in lines if line.startswith("icesupport"))

    assert ice(plan) == "icesupport = no"
    browser = SeatAccount("b1001", "password-b1001", "browser", webrtc=True)
    assert ice(replace(plan, seats=(*plan.seats, browser))) == "icesupport = yes"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user": "1001"}, "seat user '1001'"),
        ({"user": "a1\n[b]"}, "seat user"),
        ({"password": "short"}, "password of seat a1001"),
        ({"password": "has;comment!"}, "password of seat a1001"),
        ({"name": "x\ny=z"}, "name of seat a1001"),
        ({"name": 'x" <sip:'}, "name of seat a1001"),
    ],
)
def test_hostile_seats_are_refused(change: dict[str, str], message: str) -> None:
    values = {"user": "a1001", "password": "password-1001", "name": "Seat", **change}
    with pytest.raises(PlanError, match=message):
        SeatAccount(**values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "12315"}, "trunk name"),
        ({"addresses": ("partner.example",)}, "an IP address or network"),
        ({"peer": "h ost"}, "peer of trunk t1"),
        ({"codecs": ("g729",)}, "g729"),
        ({"codecs": ()}, "codecs"),
        ({"transport": "tls"}, "use udp or tcp"),
        ({"context": "a,b"}, "context of trunk t1"),
        ({"auth_user": "u", "auth_password": "x"}, "auth_password of trunk t1"),
    ],
)
def test_hostile_trunks_are_refused(change: dict[str, object], message: str) -> None:
    values: dict[str, object] = {"name": "t1", "addresses": ("192.0.2.1",), **change}
    with pytest.raises(PlanError, match=message):
        TrunkAccount(**values)  # type: ignore[arg-type]


def test_plan_contradicts_itself(plan: AsteriskPlan) -> None:
    with pytest.raises(PlanError, match="used twice among seats and trunks: a1001"):
        replace(plan, trunks=(TrunkAccount("a1001", ("192.0.2.1",)),))
    with pytest.raises(PlanError, match="night group names no seat"):
        replace(plan, night_group=("a2002",))
    with pytest.raises(PlanError, match="RTP ports"):
        replace(plan, rtp_first=20000, rtp_last=20000)


def test_folder_with_a_blank_is_refused(plan: AsteriskPlan, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="blanks"):
        render(plan, tmp_path / "my state")


def test_missing_core_sounds_say_what_to_do(plan: AsteriskPlan, tmp_path: Path) -> None:
    (plan.asterisk.sounds / "en").rmdir()
    with pytest.raises(PlanError, match="callrouter tools install"):
        render(plan, tmp_path / "state")


@given(st.text(max_size=60))
def test_a_seat_that_is_accepted_stays_within_its_lines(name: str) -> None:
    try:
        seat = SeatAccount("a1001", "password-1001", name)
    except PlanError:
        return
    assert not set(seat.name) & set('\r\n;[]"<>,\\\x00')


@pytest.mark.parametrize(
    ("sample", "code"), [(0, 0xD5), (-1, 0x55), (32767, 0xAA), (-32768, 0x2A), (1000, 0xFA), (-1000, 0x7A)]
)
def test_a_law_by_known_values(sample: int, code: int) -> None:
    assert alaw_table()[sample & 0xFFFF] == code


def test_music_of_another_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="8 kHz"):
        to_alaw(wav(tmp_path / "cd.wav", 44100), tmp_path / "cd.alaw")
    assert not (tmp_path / "cd.alaw").exists()
