"""Settings: what is wrong is told by the setting's name and line, in our own words."""

from pathlib import Path

import pytest

from callrouter.config.document import ConfigError
from callrouter.settings import load_settings

NODE = "asterisk:\n  - ari_password: a\n    ami_password: b\n"


def faults(folder: Path, text: str, environment: dict[str, str] | None = None, *, files: bool = False) -> str:
    file = folder / "callrouter.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environment or {}, files=files)
    return str(caught.value)


def test_missing_files_are_named_by_setting_and_line(tmp_path: Path) -> None:
    text = NODE.replace("ari_password: a", "ari_password_file: nofile") + "feed: {password_file: gone}\n"
    told = faults(tmp_path, text, files=True).splitlines()
    assert [line.partition("callrouter.yaml:")[2].partition(" cannot")[0] for line in told] == [
        f"2:24: asterisk.1.ari_password_file: {tmp_path}/nofile",
        f"4:23: feed.password_file: {tmp_path}/gone",
    ]
    (tmp_path / "nofile").write_text("secret")
    (tmp_path / "gone").write_text("secret")
    settings = load_settings(tmp_path / "callrouter.yaml", {}, files=True)
    assert settings.asterisk[0].password("ari") == "secret"


def test_who_only_looks_at_the_database_needs_no_passwords(tmp_path: Path) -> None:
    (tmp_path / "callrouter.yaml").write_text(NODE.replace("ari_password: a", "ari_password_file: nofile"))
    assert load_settings(tmp_path / "callrouter.yaml", {}).asterisk[0].ari_password_file


@pytest.mark.parametrize(
    ("text", "environment", "words"),
    [
        ("asterisk: []\n", {}, "1:11: 'asterisk' must have at least 1 entry"),
        ("asterisk: []\n", {"CALLROUTER_HTTP__PORT": "1"}, "1:11: 'asterisk' must have at least 1 entry"),
        ("asterisk: [" + "{ari_password: a, ami_password: b}, " * 17 + "]\n", {}, "at most 16 entries"),
        (
            NODE,
            {"CALLROUTER_HTTP__PORT": "x"},
            "CALLROUTER_HTTP__PORT: 'port' must be a whole number",
        ),
        (NODE, {"CALLROUTER_LOG__LEVEL": "infos"}, "'level' cannot be 'infos'. Did you mean 'info'?"),
    ],
)
def test_no_library_speaks(tmp_path: Path, text: str, environment: dict[str, str], words: str) -> None:
    told = faults(tmp_path, text, environment)
    assert words in told
    assert "Input should" not in told
