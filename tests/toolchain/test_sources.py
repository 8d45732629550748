"""Which mirror this machine uses, read from apt's own files."""

from pathlib import Path

import pytest

from callrouter.toolchain import ToolchainError
from callrouter.toolchain.sources import machine_mirror

DEB822 = """\
# the distribution
Types: deb deb-src
URIs: {uri}
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
THIRD_PARTY = "deb [arch=amd64 signed-by=/k.gpg] https://third.example.org/apt stable-main main\n"


def write(folder: Path, **files: str) -> Path:
    (folder / "sources.list.d").mkdir(exist_ok=True)
    for name, text in files.items():
        path = "sources.list" if name == "sources" else f"sources.list.d/{name.replace('_', '.')}"
        (folder / path).write_text(text)
    return folder


@pytest.mark.parametrize(
    "uri",
    [
        "http://mirror.example.org/debian",
        "https://m.example.org/pub/debian/",
        "mirror+file:///etc/apt/m.list",
    ],
)
def test_deb822(tmp_path: Path, uri: str) -> None:
    write(tmp_path, debian_sources=DEB822.format(uri=uri))
    assert machine_mirror(tmp_path) == uri.rstrip("/")


def test_one_line_format(tmp_path: Path) -> None:
    line = "deb [arch=amd64 trusted=no] http://mirror.example.org/debian trixie main non-free # old\n"
    write(tmp_path, sources="# deb http://commented.example.org/debian trixie main\n" + line)
    assert machine_mirror(tmp_path) == "http://mirror.example.org/debian"


def test_sources_list_is_read_before_the_folder_as_apt_does(tmp_path: Path) -> None:
    write(
        tmp_path,
        sources="deb http://first.example.org/debian bookworm main\n",
        a_sources=DEB822.format(uri="http://second.example.org/debian"),
    )
    assert machine_mirror(tmp_path) == "http://first.example.org/debian"


@pytest.mark.parametrize(
    "passed_over",
    [
        THIRD_PARTY,
        "deb http://mirror.example.org/debian-security bookworm-security main\n",
        "deb http://security.example.org/debian bookworm main\n",
        "deb cdrom:[Debian 12]/ bookworm main\n",
        "deb-src http://mirror.example.org/debian bookworm main\n",
        "deb http://mirror.example.org/debian bookworm contrib\n",
        "deb http://mirror.example.org/ubuntu noble main\n",
        "not a source at all\n",
        "deb\n",
    ],
)
def test_what_is_no_debian_mirror_is_passed_over(tmp_path: Path, passed_over: str) -> None:
    write(tmp_path, sources=passed_over)
    with pytest.raises(ToolchainError, match=r"no Debian mirror .*--mirror"):
        machine_mirror(tmp_path)
    write(tmp_path, z_list="deb http://good.example.org/debian bookworm main\n")
    assert machine_mirror(tmp_path) == "http://good.example.org/debian"


@pytest.mark.parametrize(
    "stanza",
    [
        "Enabled: no\n" + DEB822.format(uri="http://off.example.org/debian"),
        DEB822.format(uri="http://off.example.org/debian").replace("deb deb-src", "deb-src"),
        "URIs: http://off.example.org/debian\n",
        "garbage without a colon\n continuation of nothing\n",
        "",
    ],
)
def test_stanza_that_is_off_or_incomplete(tmp_path: Path, stanza: str) -> None:
    on = DEB822.format(uri="http://on.example.org/debian")
    write(tmp_path, debian_sources=f"{stanza}\n\n{on}")
    assert machine_mirror(tmp_path) == "http://on.example.org/debian"


def test_values_that_go_on_over_lines(tmp_path: Path) -> None:
    text = "Types: deb\nURIs:\n  http://a.example.org/debian\nSuites: sid\nComponents:\n main\n"
    write(tmp_path, debian_sources=text)
    assert machine_mirror(tmp_path) == "http://a.example.org/debian"


def test_no_sources_at_all(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="--mirror"):
        machine_mirror(tmp_path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    write(tmp_path, sources="")
    (tmp_path / "sources.list").write_bytes(b"deb \xff\xfe\x00 bookworm main\n")
    with pytest.raises(ToolchainError, match="--mirror"):
        machine_mirror(tmp_path)
