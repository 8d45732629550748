"""What is installed: groups of Debian packages, each in a prefix of its own.

A package that only sets up a system (users, services, configuration dialogues) is left out by name, and so
are libraries that only serve Asterisk modules which a call router never loads. `elf.unresolved` then proves
that every program and every module that stays still finds all its libraries.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MACHINE_RELEASE: Final = "this machine's release"
"""A suite: whichever Debian release the machine runs."""

MINIMUM_ASTERISK: Final = (22, 10, 1)
"""22.9.0 deadlocks under ARI load; 22.10.1 closes two ARI security holes."""

NEVER_RUN: Final = (
    r"adduser|base-passwd|passwd|login.*|debconf|cdebconf|libdebconfclient0|dpkg|lsb-base",
    r"perl|perl-.*|libperl.*|gnupg.*|gpg.*|dirmngr|pinentry-.*|libgpgme.*",
    r"systemd|systemd-.*|sysvinit-utils|init-system-helpers|procps",
    r"libpam-modules.*|libpam-runtime|libsemanage.*|readline-common|pci\.ids|libsensors-config",
    r"fontconfig-config|ucf|sensible-utils|openssl|ca-certificates|postgresql-common.*|ssl-cert",
)
"""Patterns (whole name) of packages that dependencies ask for but none of our programs executes or links."""

PYTHON: Final = (r"python3.*|libpython3.*",)
ONLY_FOR_UNUSED_MODULES: Final = (
    r"libsnmp.*|libsybdb.*|freetds-.*|libradcli.*|libiksemel.*|liblua5.*|libcodec2.*",
    r"libical.*|libneon.*|libportaudio.*|libjack.*|libgmime.*",
)
UNUSED_MODULES: Final = frozenset(
    {
        "app_jack.so",
        "cdr_radius.so",
        "cdr_tds.so",
        "cel_radius.so",
        "cel_tds.so",
        "chan_console.so",
        "chan_motif.so",
        "codec_codec2.so",
        "pbx_lua.so",
        "res_calendar_caldav.so",
        "res_calendar_ews.so",
        "res_calendar_exchange.so",
        "res_calendar_icalendar.so",
        "res_http_post.so",
        "res_snmp.so",
        "res_xmpp.so",
    }
)
"""Asterisk modules that are removed, because their libraries are not fetched (SNMP, TDS, XMPP, …)."""


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """One program of a group: its path in the prefix and the call that shows that it starts.

    `check` is run with the prefix's own loader; `version` is searched in what it prints and its first
    capture is the program's version. The exit code does not matter (`mosquitto -h` gives 3, `sipp -v` 99).
    Placeholders in `path` and `env`: {triplet} and {prefix}. A program that `refuses_root` is given a user
    namespace of its own when root starts it: there it sees another user, outside its files are root's.
    """

    path: str
    check: tuple[str, ...]
    version: str
    env: Mapping[str, str] = field(default_factory=dict)
    refuses_root: bool = False


@dataclass(frozen=True, slots=True)
class Wheel:
    """A Python package of a group, in `folder` of the prefix: exactly the file with this SHA-256."""

    requirement: str
    sha256: str
    python: str
    platform: str
    folder: str


@dataclass(frozen=True, slots=True)
class Group:
    """A set of programs that is installed together: all of it or nothing.

    `suite` is a Debian suite or code name; `plugins` are globs of shared objects that programs open by name,
    so their libraries are checked too; `links` are made after extraction (link → target, relative to the
    prefix). `wrapped` are programs that others of the group start by path: they become scripts around the
    loader. `architectures` is where its packages run. A `native` group comes from this machine's own release
    and runs on its C library: for programs that start themselves again by /proc/self/exe. `texts` are small
    files ({prefix} is replaced).
    """

    name: str
    summary: str
    suite: str
    packages: tuple[str, ...]
    programs: Mapping[str, ProgramSpec]
    plugins: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    wrapped: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = NEVER_RUN + PYTHON
    wheels: tuple[Wheel, ...] = ()
    architectures: tuple[str, ...] = ("amd64", "arm64")
    native: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)

    def leaves_out(self, package: str) -> bool:
        """Whether dependencies on this package are taken as met without fetching it."""
        return any(re.fullmatch(pattern, package) for pattern in self.leave_out)

    def digest(self, architecture: str) -> str:
        """Changes whenever the wanted content does, so that an outdated prefix is recognised."""
        content = [
            architecture,
            self.suite,
            self.packages,
            self.leave_out,
            self.removed,
            sorted(self.links.items()),
            self.wrapped,
            sorted((name, spec.path) for name, spec in self.programs.items()),
            [(wheel.sha256, wheel.folder) for wheel in self.wheels],
            self.native,
            sorted(self.texts.items()),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


ASTERISK: Final = Group(
    name="asterisk",
    summary="Asterisk with English sounds and music on hold",
    suite="testing",
    packages=("asterisk", "asterisk-core-sounds-en-wav", "asterisk-moh-opsound-wav"),
    programs={"asterisk": ProgramSpec("usr/sbin/asterisk", ("-V",), r"^Asterisk (\d+\.\d+\.\d+)")},
    plugins=("usr/lib/*/asterisk/modules/*.so",),
    removed=tuple(f"usr/lib/*/asterisk/modules/{name}" for name in sorted(UNUSED_MODULES)),
    # The package registers its voice by update-alternatives, which extraction does not run.
    links={"usr/share/asterisk/sounds/en": "en_US_f_Allison"},
    leave_out=NEVER_RUN + PYTHON + ONLY_FOR_UNUSED_MODULES,
)
COMPANIONS: Final = Group(
    name="companions",
    summary="SIPp, mosquitto with its clients, espeak-ng",
    suite="testing",
    packages=("sip-tester", "mosquitto", "mosquitto-clients", "espeak-ng"),
    programs={
        "sipp": ProgramSpec("usr/bin/sipp", ("-v",), r"SIPp v(\d+\.\d+\.\d+)"),
        "mosquitto": ProgramSpec("usr/sbin/mosquitto", ("-h",), r"mosquitto version (\d+\.\d+\.\d+)"),
        "mosquitto_pub": ProgramSpec(
            "usr/bin/mosquitto_pub", ("--help",), r"mosquitto_pub version (\d+\.\d+\.\d+)"
        ),
        "mosquitto_sub": ProgramSpec(
            "usr/bin/mosquitto_sub", ("--help",), r"mosquitto_sub version (\d+\.\d+\.\d+)"
        ),
        "mosquitto_passwd": ProgramSpec(
            "usr/bin/mosquitto_passwd", ("--help",), r"mosquitto_passwd is a tool for managing()"
        ),
        "espeak-ng": ProgramSpec(
            "usr/bin/espeak-ng",
            ("--version",),
            r"text-to-speech: (\d+\.\d+)",
            {"ESPEAK_DATA_PATH": "{prefix}/usr/lib/{triplet}/espeak-ng-data"},
        ),
    },
)
_POSTGRES_BIN: Final = "usr/lib/postgresql/18/bin"
POSTGRES: Final = Group(
    name="postgres",
    summary="PostgreSQL server and client",
    suite="testing",
    packages=("postgresql-18", "postgresql-client-18"),
    programs={
        name: ProgramSpec(
            f"{_POSTGRES_BIN}/{name}",
            ("--version",),
            r"\(PostgreSQL\) (\d+\.\d+)",
            refuses_root=name in ("initdb", "pg_ctl", "postgres"),
        )
        for name in ("initdb", "pg_ctl", "pg_dump", "pg_isready", "pg_restore", "postgres", "psql")
    },
    plugins=("usr/lib/postgresql/18/lib/plpgsql.so",),
    # initdb and pg_ctl start `postgres` by its path beside their own.
    wrapped=(f"{_POSTGRES_BIN}/*",),
)
KAMAILIO: Final = Group(
    name="kamailio",
    summary="Kamailio SIP proxy",
    suite="testing",
    packages=("kamailio", "kamailio-websocket-modules", "kamailio-tls-modules"),
    programs={
        "kamailio": ProgramSpec("usr/sbin/kamailio", ("-v",), r"version: kamailio (\d+\.\d+\.\d+)"),
        "kamcmd": ProgramSpec("usr/sbin/kamcmd", ("-V",), r"version: kamcmd (\d+\.\d+)"),
    },
)
SOFTPHONE: Final = Group(
    name="softphone",
    summary="Python 3.11 with pjsua2 (GPL), for a Python that has no wheel of it",
    suite="bookworm",
    packages=("python3.11-minimal", "libpython3.11-stdlib", "libstdc++6"),
    programs={
        "python-softphone": ProgramSpec(
            "usr/bin/python3.11",
            ("-I", "-c", "import pjsua2; print('pjsua2', pjsua2.Endpoint().libVersion().full)"),
            r"^pjsua2 (\d+\.\d+(\.\d+)?)",
        )
    },
    plugins=("usr/lib/python3/dist-packages/pjsua2/*.so", "usr/lib/python3.11/lib-dynload/*.so"),
    wheels=(
        Wheel(
            "pjsua2-python==2.15.1.post1",
            "4eb5c3afca5ef589f94493ae14c86dbaf3584a9abc7964e89864ed85020c3d16",
            python="311",
            platform="manylinux2014_x86_64",
            folder="usr/lib/python3/dist-packages",
        ),
    ),
    leave_out=NEVER_RUN,
    architectures=("amd64",),
)
_FONTS: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>{prefix}/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">callrouter/fontconfig</cachedir>
</fontconfig>
"""
CHROMIUM: Final = Group(
    name="chromium",
    summary="Chromium for tests of the desk, with Latin, Chinese and Tibetan fonts",
    suite=MACHINE_RELEASE,
    packages=("chromium", "fonts-dejavu-core", "fonts-wqy-microhei", "fonts-ddc-uchen"),
    programs={
        "chromium": ProgramSpec(
            "usr/lib/chromium/chromium",
            ("--version",),
            r"^Chromium (\d+\.\d+\.\d+)",
            {"FONTCONFIG_FILE": "{prefix}/fonts.conf"},
        )
    },
    wrapped=("usr/lib/chromium/chromium",),
    # GTK and Mesa draw on a screen, and headless has none; the C library is the machine's.
    leave_out=(
        *NEVER_RUN,
        *PYTHON,
        r"libgtk-3-0.*|xdg-desktop-portal.*|chromium-sandbox|libgl1-mesa-dri|mesa-.*",
        r"libc6|libc-bin",
    ),
    native=True,
    texts={"fonts.conf": _FONTS},
)
DEFAULT: Final = (ASTERISK, COMPANIONS)
OPTIONAL: Final = (POSTGRES, KAMAILIO, SOFTPHONE, CHROMIUM)
GROUPS: Final = {group.name: group for group in (*DEFAULT, *OPTIONAL)}
