"""Finds the Debian mirror that this machine already uses, in both of apt's source formats
(sources.list(5)).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from callrouter.toolchain.errors import ToolchainError

APT_FOLDER: Final = Path("/etc/apt")
OS_RELEASE: Final = Path("/etc/os-release")
KEYRINGS: Final = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)
_SUITES: Final = re.compile(
    r"(oldoldstable|oldstable|stable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)(-updates)?/?"
)
_TRANSPORTS: Final = re.compile(r"(https?|file|copy|mirror(\+\w+)?|tor\+https?):", re.ASCII)
_ONE_LINE: Final = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)")


def debian_keyring() -> Path:
    """The keyring with which this machine itself trusts Debian. Raises ToolchainError when there is none."""
    for keyring in KEYRINGS:
        if keyring.is_file():
            return keyring
    raise ToolchainError(
        f"Debian's keyring {KEYRINGS[0]} is missing, so no download could be verified: "
        "install the package debian-archive-keyring"
    )


def machine_release(file: Path = OS_RELEASE) -> str:
    """Code name of the Debian release that this machine runs. Raises ToolchainError when it is no Debian."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    values = {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in lines)}
    codename = values.get("VERSION_CODENAME", "")
    if values.get("ID") != "debian" or not _SUITES.fullmatch(codename):
        name = values.get("PRETTY_NAME", "unknown")
        raise ToolchainError(f"this machine runs {name}; what is asked for runs on a Debian release only")
    return codename


def _deb822_stanzas(text: str) -> Iterator[dict[str, str]]:
    stanza: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if not line.strip():
            if stanza:
                yield stanza
            stanza, last = {}, ""
        elif line[0] in " \t" and last:
            stanza[last] += " " + line.strip()
        elif ":" in line:
            key, _, value = line.partition(":")
            last = key.strip().lower()
            stanza[last] = value.strip()
    if stanza:
        yield stanza


def _entries(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Every enabled binary source as (address, suites, components), in the order in which apt reads them."""
    parts = folder / "sources.list.d"
    files = [folder / "sources.list", *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # absent, or readable by the administrator only: apt, too, would skip it for this user
        if file.suffix == ".list":
            for line in text.splitlines():
                if found := _ONE_LINE.fullmatch(line.partition("#")[0].strip()):
                    yield found["uri"], [found["suite"]], found["components"].split()
            continue
        for stanza in _deb822_stanzas(text):
            if stanza.get("enabled", "yes").lower() in ("no", "false", "0", "off", "without", "disable"):
                continue
            if "deb" not in stanza.get("types", "").split():
                continue
            for uri in stanza.get("uris", "").split():
                yield uri, stanza.get("suites", "").split(), stanza.get("components", "").split()


def machine_mirror(folder: Path = APT_FOLDER) -> str:
    """Address of the first Debian mirror among this machine's apt sources.

    A Debian mirror offers `main` of a Debian suite; security and backports archives, third parties and
    CD-ROMs are passed over (and a wrong guess would fail Debian's signature check). Raises ToolchainError
    when there is none.
    """
    for uri, suites, components in _entries(folder):
        if "main" not in components or not _TRANSPORTS.match(uri) or "security" in uri:
            continue
        if any(_SUITES.fullmatch(suite) for suite in suites):
            return uri.rstrip("/")
    raise ToolchainError(
        f"no Debian mirror among the apt sources in {folder}: name one with --mirror URL (the address that "
        "ends in /debian)"
    )
