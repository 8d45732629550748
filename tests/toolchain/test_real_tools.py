"""The tools themselves, as Debian ships them: each does its work from the private prefix."""

import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from callrouter.toolchain import asterisk_files, install, locate, status
from callrouter.toolchain.groups import DEFAULT, OPTIONAL, SOFTPHONE
from callrouter.toolchain.install import Request
from callrouter.toolchain.locate import Program
from callrouter.toolchain.ports import free_ports
from tests.toolchain.conftest import Listener

pytestmark = pytest.mark.asterisk


def run(program: Program, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = program.command(*arguments)
    return subprocess.run(
        command, env=program.environment(), capture_output=True, text=True, timeout=60, check=check
    )


@contextmanager
def serving(program: Program, *arguments: str | Path, sign: str) -> Iterator[None]:
    """A server that has said `sign`; ended with the block."""
    process = subprocess.Popen(
        program.command(*arguments), env=program.environment(), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        assert any(sign in line for line in process.stderr), f"{program.name} ended without saying {sign!r}"
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_every_default_program_starts() -> None:
    shown = {group.name: group for group in status.overview(check=True)}
    for group in DEFAULT:
        assert shown[group.name].state == "installed", shown[group.name]


def test_asterisk_has_its_modules_sounds_and_music() -> None:
    files = asterisk_files()
    names = {path.name for path in files.modules.iterdir()}
    assert {"res_ari.so", "chan_pjsip.so", "app_stasis.so", "res_musiconhold.so", "codec_alaw.so"} <= names
    with wave.open(str(files.sounds / "en/hello-world.wav")) as greeting:
        assert greeting.getframerate() == 8000
    assert any(files.music.glob("*.wav"))
    assert (files.rest_api / "channels.json").is_file()


def test_broker_carries_a_retained_message(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    with serving(locate("mosquitto"), "-c", config, sign="running"):
        where = ("-h", "127.0.0.1", "-p", str(port), "-t", "queue/12345")
        run(locate("mosquitto_pub"), *where, "-q", "1", "-r", "-m", "等待 3")
        heard = run(locate("mosquitto_sub"), *where, "-C", "1", "-W", "10")
    assert heard.stdout == "等待 3\n"


def test_draft_voice_speaks_mandarin(tmp_path: Path) -> None:
    spoken = tmp_path / "greeting.wav"
    run(locate("espeak-ng"), "-v", "cmn", "-w", spoken, "您好，这里是政务服务热线。")
    with wave.open(str(spoken)) as audio:
        assert audio.getnframes() / audio.getframerate() > 1.0


def test_sipp_reads_a_scenario(tmp_path: Path) -> None:
    listed = run(locate("sipp"), "-sd", "uas", check=False)
    assert "<scenario" in listed.stdout


@pytest.mark.slow
def test_optional_groups_install_and_start() -> None:
    install.install(Request(extra=[group.name for group in OPTIONAL]), Listener())
    wanted = {group.name for group in OPTIONAL if group is not SOFTPHONE}
    shown = {group.name: group for group in status.overview(check=True)}
    assert [name for name in wanted if shown[name].state != "installed"] == []


@pytest.mark.slow
def test_postgres_keeps_a_table_over_a_restart_even_for_root(tmp_path: Path) -> None:
    install.install(Request(extra=["postgres"]), Listener())
    data, port = tmp_path / "data", str(free_ports(1)[0])
    data.mkdir(mode=0o700)
    run(locate("initdb"), "-D", data, "-U", "callrouter", "-A", "trust", "-E", "UTF8", "--no-sync")
    server = ("-D", data, "-p", port, "-h", "127.0.0.1", "-k", data)
    ask = ("-h", "127.0.0.1", "-p", port, "-U", "callrouter", "-d", "postgres", "-Atc")
    with serving(locate("postgres"), *server, sign="ready to accept connections"):
        run(locate("psql"), *ask, "create table call (id int); insert into call values (12345)")
    with serving(locate("postgres"), *server, sign="ready to accept connections"):
        assert run(locate("psql"), *ask, "select id from call").stdout == "12345\n"


@pytest.mark.slow
def test_private_python_has_pjsua2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callrouter.toolchain.softphone.this_python_serves", lambda: False)
    install.install(Request(extra=["softphone"]), Listener())
    script = "import pjsua2, sys; print(sys.version_info[:2], pjsua2.PJSIP_INV_STATE_CONFIRMED)"
    python = locate("python-softphone")
    assert run(python, "-I", "-c", script).stdout == "(3, 11) 5\n"


@pytest.mark.slow
def test_browser_draws_a_page_with_chinese(tmp_path: Path) -> None:
    install.install(Request(extra=["chromium"]), Listener())
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    page.write_text("<meta charset=utf-8><h1>12345 一号响应</h1>", encoding="utf-8")
    size = "--window-size=400,200"
    flags = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}")
    run(locate("chromium"), *flags, size, f"--screenshot={picture}", page.as_uri())
    assert picture.read_bytes().startswith(b"\x89PNG")
