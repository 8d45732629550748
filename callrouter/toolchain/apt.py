"""A private apt: its own state, cache and sources, no root, and Debian's own signature check.

Only how to reach the network (proxies, certificates, time-outs) is taken from the machine's apt
configuration; hooks, preferences, other sources and other keys are not. A mirror that is not signed by the
given keyring is refused by apt itself.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from callrouter.toolchain.errors import MAKE_ROOM, NEEDS_DEBIAN, ToolchainError
from callrouter.toolchain.groups import Group
from callrouter.toolchain.manifest import Package
from callrouter.toolchain.paths import Architecture

_NETWORK_SETTINGS: Final = re.compile(
    r"Acquire::((http|https|tor|ftp|mirror)(::.*)?|ForceIPv[46]|Check-Valid-Until|Check-Date|Proxy-Auto-Detect)$"
)
_FAULTS: Final = (
    (r"No space left|enough free space|Disk quota|File too large", f"the disk is full: {MAKE_ROOM}"),
    (
        r"NO_PUBKEY|not signed|no longer signed|BADSIG|Missing key|signature verification|"
        r"signatures? (couldn't|could not|were invalid)|does not have a Release file|Malformed|EXPKEYSIG",
        "what {mirror} serves is not signed by Debian's keyring {keyring}; use another --mirror",
    ),
    (
        r"Hash Sum mismatch|unexpected size|weak security information|Hashes of expected file",
        "{mirror} serves files that differ from what Debian signed (tampered with, or being updated); "
        "try again later or use another --mirror",
    ),
    (
        r"Release file for .* (is expired|is not valid yet)",
        "the index of {mirror} is out of date, or this machine's clock is wrong; use another --mirror",
    ),
    (
        r"resolv|Could not connect|onnection (failed|refused|timed out|reset)|Unable to connect|"
        r"Cannot initiate|unreachable|Network",
        "cannot reach the mirror {mirror}: check the network and apt's proxy, or use --mirror URL",
    ),
    (
        r"404|No such file|File not found|Unable to locate package|no installation candidate|does not have a",
        "{mirror} lacks what is needed from the suite {suite}; use another --mirror",
    ),
)
Progress = Callable[[float], None]
"""Called with the percentage (0 to 100) of the bytes fetched so far."""


def _own(packages: str) -> str:
    return re.sub(r"\n(?=[ \t])", " ", packages)


class PrivateApt:
    """apt-get on a folder of ours, for one suite of one mirror. Every method raises ToolchainError."""

    def __init__(
        self, home: Path, mirror: str, suite: str, keyring: Path, architecture: Architecture
    ) -> None:
        self._home = home / suite
        self.suite = suite
        self._mirror, self._keyring = mirror, keyring
        self._architecture = architecture
        self._apt_get = self._program("apt-get")
        self._apt_cache = self._program("apt-cache")
        self.archives = self._home / "archives"
        self._prepare()

    @staticmethod
    def _program(name: str) -> str:
        found = shutil.which(name)
        if found is None:
            raise ToolchainError(f"{name} was not found: {NEEDS_DEBIAN}")
        return found

    def _prepare(self) -> None:
        for folder in ("lists/partial", "archives/partial", "empty/partial", "parts"):
            (self._home / folder).mkdir(parents=True, exist_ok=True)
        for character in " \t\n[]\"'":
            if character in self._mirror:
                raise ToolchainError(f"--mirror {self._mirror!r} is no address: it contains {character!r}")
        # apt uses packages of a `file:` mirror where they lie; `copy:` brings them here as from any other.
        address = re.sub(r"^file:(//)?", "copy:", self._mirror)
        source = f"deb [signed-by={self._keyring}] {address} {self.suite} main\n"
        (self._home / "sources.list").write_text(source, encoding="utf-8")
        (self._home / "apt.conf").write_text(self._configuration(), encoding="utf-8")
        self._write_status("")

    def _configuration(self) -> str:
        home, name = self._home, self._architecture.name
        settings = {
            "Dir::State": home,
            "Dir::State::lists": home / "lists",
            "Dir::State::status": home / "status",
            "Dir::State::extended_states": home / "extended_states",
            "Dir::Cache": home,
            "Dir::Cache::archives": home / "archives",
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": home / "parts",
            "Dir::Etc::sourcelist": home / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::trusted": "/dev/null",
            "Dir::Etc::trustedparts": "/dev/null",
            "Dir::Log": "/dev/null",
            "APT::Architecture": name,
            "APT::Architectures": name,
            "APT::Install-Recommends": "false",
            "APT::Install-Suggests": "false",
            "APT::Get::AllowUnauthenticated": "false",
            "APT::Update::Error-Mode": "any",
            # root's cache is closed to the user `_apt`, as whom apt would otherwise download.
            "APT::Sandbox::User": "root",
            "Acquire::AllowInsecureRepositories": "false",
            "Acquire::AllowWeakRepositories": "false",
            "Acquire::AllowDowngradeToInsecureRepositories": "false",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
            "Acquire::Retries::Delay::Maximum": "2",
            "Acquire::http::Timeout": "30",
            "Acquire::https::Timeout": "30",
        }
        lines = [f'{key} "{value}";' for key, value in settings.items()]
        return "\n".join([*lines, *self._network_settings()]) + "\n"

    def _network_settings(self) -> list[str]:
        dump = shutil.which("apt-config")
        if dump is None:
            return []
        answer = subprocess.run([dump, "dump"], capture_output=True, text=True, check=False)
        return [
            line
            for line in answer.stdout.splitlines()
            if _NETWORK_SETTINGS.match(line.partition(" ")[0]) and not line.endswith(' "";')
        ]

    def _write_status(self, text: str) -> None:
        (self._home / "status").write_text(text, encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "APT_CONFIG": str(self._home / "apt.conf"), "LC_ALL": "C.UTF-8"}

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment(), check=False)
        if done.returncode != 0:
            raise self.fault(done.stderr + done.stdout)
        return done.stdout

    def _watch(self, progress: Progress, *arguments: str) -> None:
        """Run apt-get and follow what it says on its status descriptor (apt's README.progress-reporting)."""
        reading, writing = os.pipe()
        log = self._home / "download.log"
        with os.fdopen(reading, encoding="utf-8", errors="replace") as status, log.open("w") as output:
            process = subprocess.Popen(
                [self._apt_get, "-o", f"APT::Status-Fd={writing}", *arguments],
                stdout=output,
                stderr=output,
                env=self._environment(),
                pass_fds=[writing],
            )
            os.close(writing)
            try:
                percent = 0.0
                for line in status:
                    if found := re.match(r"dlstatus:\d+:(\d+(\.\d+)?):", line):
                        percent = max(percent, float(found[1]))  # a retry sets apt's own figure back
                        progress(percent)
            except BaseException:
                process.terminate()
                raise
            finally:
                code = process.wait()
        if code != 0:
            raise self.fault(log.read_text(encoding="utf-8", errors="replace"))

    def fault(self, output: str) -> ToolchainError:
        """apt's complaint in one sentence; the first known cause wins, else its own first error line."""
        names = {"mirror": self._mirror, "keyring": self._keyring, "suite": self.suite}
        complaints = [
            line.strip() for line in output.splitlines() if re.match(r"\s*([EW]|Err:\d+)[: ]", line)
        ]
        text = "\n".join(complaints) or output
        detail = next((line for line in complaints if line.startswith("E:")), "apt gave no reason")
        for pattern, sentence in _FAULTS:
            if re.search(pattern, text):
                cause = next((line for line in complaints if re.search(pattern, line)), detail)
                return ToolchainError(f"{sentence.format(**names)} (apt: {cause[:200]})")
        return ToolchainError(f"apt failed: {detail[:300]}")

    def update(self) -> None:
        """Fetch the suite's signed index, if it changed."""
        self._run(self._apt_get, "-q", "update")

    def _candidates(self, packages: Sequence[str]) -> list[tuple[str, str]]:
        """(name, version) of what apt would install for these packages."""
        # With an empty cache shown to it, apt also lists what was fetched before.
        options = ["-qq", "-y", "-o", f"Dir::Cache::archives={self._home / 'empty'}", "--print-uris"]
        output = self._run(self._apt_get, *options, "install", *packages)
        found = re.findall(r"' ([^_\s]+)_([^_\s]+)_[^_\s]+\.deb \d+ ", output)
        return [(name, unquote(version)) for name, version in found]

    def _records(self, wanted: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
        """The signed index's entries of these exact versions."""
        if not wanted:
            return []
        shown = self._run(self._apt_cache, "show", *(f"{name}={version}" for name, version in wanted))
        records = {}
        for stanza in re.split(r"\n\n+", shown.strip()):
            lines = (line.partition(": ") for line in _own(stanza).splitlines())
            record = {key: value for key, _, value in lines}
            records[record["Package"], record["Version"]] = record
        return [records[key] for key in wanted]

    def plan(self, group: Group) -> list[Package]:
        """The packages that a group needs, without those it leaves out and what only those would need.

        What is left out is shown to apt as installed, in the very version that it would have chosen, so that
        versioned dependencies on it hold; and as held, because apt would "upgrade" it to that same version.
        """
        self._write_status("")
        first = self._candidates(group.packages)
        absent = self._records([entry for entry in first if group.leaves_out(entry[0])])
        kept = ("Package", "Version", "Architecture", "Multi-Arch", "Provides")
        self._write_status(
            "".join(
                "".join(f"{key}: {record[key]}\n" for key in kept if key in record)
                + "Status: hold ok installed\nMaintainer: none\nDescription: left out\n\n"
                for record in absent
            )
        )
        return [
            Package(
                name=record["Package"],
                version=record["Version"],
                sha256=record["SHA256"],
                size=int(record["Size"]),
                unpacked=int(record.get("Installed-Size", "0")) * 1024,
            )
            for record in self._records(self._candidates(group.packages))
        ]

    def fetch(self, group: Group, progress: Progress) -> None:
        """Download and verify what `plan` named; what an interrupted run already fetched is not fetched
        again.
        """
        self._watch(progress, "-q", "-y", "--download-only", "install", *group.packages)

    def archive(self, package: Package) -> Path:
        """Path of a fetched package (apt writes the epoch's colon as %3a)."""
        escaped = package.version.replace(":", "%3a")
        for architecture in (self._architecture.name, "all"):
            path = self.archives / f"{package.name}_{escaped}_{architecture}.deb"
            if path.is_file():
                return path
        raise ToolchainError(f"apt did not deliver {package.name} {package.version}; run the command again")
