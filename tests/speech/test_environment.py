"""The voice's environment is complete or not there, and only of what was pinned."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from callrouter.speech import environment
from callrouter.speech.environment import VoiceEnvironment, unpack_voices
from callrouter.speech.voice import VoiceError


def archive_in(place: Path, names: dict[str, bytes]) -> tuple[Path, str]:
    path = place / "voices.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in names.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_only_mandarin_voices_are_taken_from_the_archive(tmp_path: Path) -> None:
    path, digest = archive_in(
        tmp_path,
        {
            "package/voices/zf_xiaobei.bin": b"style",
            "package/voices/af_heart.bin": b"english",
            "package/voices/../../../z.bin": b"out of the folder",
            "package/dist/z.bin": b"elsewhere",
        },
    )
    unpack_voices(path, tmp_path / "voices", digest)
    assert {entry.name: entry.read_bytes() for entry in (tmp_path / "voices").iterdir()} == {
        "zf_xiaobei.bin": b"style"
    }
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["voices", "voices.tgz"]


def test_an_archive_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    path, _ = archive_in(tmp_path, {"package/voices/zf_xiaobei.bin": b"style"})
    with pytest.raises(VoiceError, match=r"voices\.tgz is not the archive that was pinned"):
        unpack_voices(path, tmp_path / "voices")
    assert not (tmp_path / "voices").exists()


def test_every_requirement_is_pinned_and_hashed() -> None:
    lines = environment.REQUIREMENTS.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    pinned = [line for line in lines if line.strip() and not line.startswith("#")]
    assert len(pinned) > 10
    for line in pinned:
        assert "==" in line, line
        assert "--hash=sha256:" in line, line


def test_an_environment_made_from_other_pins_is_not_ready(tmp_path: Path) -> None:
    place = VoiceEnvironment(tmp_path / "voice")
    assert not place.ready()
    place.python.parent.mkdir(parents=True)
    place.python.touch()
    (place.home / "made-from").write_text("other pins")
    assert not place.ready()


@pytest.mark.slow
def test_without_an_index_nothing_is_left_and_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    place = VoiceEnvironment(tmp_path / "cache" / "voice")
    steps: list[str] = []
    with pytest.raises(VoiceError, match=r"check the connection .* --draft"):
        place.ensure(steps.append)
    assert steps == ["Making a Python environment", "Installing its packages"]
    assert list((tmp_path / "cache").iterdir()) == []
