"""The reader of ELF files, against this machine's own programs and against damaged ones."""

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callrouter.toolchain import elf
from callrouter.toolchain.paths import machine_architecture

LIBRARIES = Path("/") / machine_architecture().library_folder
MACHINE = machine_architecture().elf_machine


def test_reads_what_a_program_needs() -> None:
    found = elf.read(Path("/bin/ls"))
    assert found is not None
    assert found.machine == MACHINE
    assert found.soname == ""
    assert {"libc.so.6", "libselinux.so.1"} <= set(found.needed)


def test_reads_a_library_s_own_name() -> None:
    found = elf.read(LIBRARIES / "libc.so.6")
    assert found is not None
    assert found.soname == "libc.so.6"


def test_what_is_no_elf_file(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert elf.read(script) is None
    script.write_bytes(b"")
    assert elf.read(script) is None


@settings(max_examples=50)
@given(cut=st.integers(0, 4000), seed=st.integers(0, 2**16))
def test_damaged_file_never_raises(tmp_path_factory: pytest.TempPathFactory, cut: int, seed: int) -> None:
    data = bytearray(Path("/bin/true").read_bytes())
    spoil = random.Random(seed)
    for _ in range(8):
        data[spoil.randrange(6, 1024)] = spoil.randrange(256)
    path = tmp_path_factory.mktemp("elf") / "damaged"
    path.write_bytes(data[: len(data) - cut])
    found = elf.read(path)
    assert found is None or isinstance(found.needed, tuple)


def test_complete_program_lacks_nothing() -> None:
    assert elf.unresolved([Path("/bin/ls")], [LIBRARIES], MACHINE) == {}


def test_missing_library_is_named_with_who_needs_it(tmp_path: Path) -> None:
    shutil.copy(LIBRARIES / "libselinux.so.1", tmp_path)
    missing = elf.unresolved([Path("/bin/ls")], [tmp_path], MACHINE)
    assert missing["libc.so.6"] in ("ls", "libselinux.so.1")
    pcre = next(soname for soname in missing if soname.startswith("libpcre2"))
    assert missing[pcre] == "libselinux.so.1"  # found by following a library that is there


def test_program_of_another_machine_is_not_followed() -> None:
    assert elf.unresolved([Path("/bin/ls")], [], MACHINE + 1) == {}


def test_soname_links_as_ldconfig_makes_them(tmp_path: Path) -> None:
    shutil.copy(LIBRARIES / "libselinux.so.1", tmp_path / "libselinux.so.1.99")
    (tmp_path / "libnot.so.1").write_text("a linker script")
    elf.add_soname_links(tmp_path)
    elf.add_soname_links(tmp_path)
    assert (tmp_path / "libselinux.so.1").readlink() == Path("libselinux.so.1.99")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "libnot.so.1",
        "libselinux.so.1",
        "libselinux.so.1.99",
    ]
