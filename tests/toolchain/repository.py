"""A small Debian repository, built and signed on the spot: what the real one is to `tools install`."""

import gzip
import hashlib
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from callrouter.toolchain.paths import Architecture
from tests.toolchain.openpgp import Key


@dataclass(slots=True)
class Repository:
    """A folder that apt can read; `publish` writes and signs its index."""

    root: Path
    key: Key
    architecture: Architecture
    suite: str = "testing"
    stanzas: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(
        self,
        name: str,
        version: str = "1.0-1",
        *,
        files: Mapping[str, bytes | Path] | None = None,
        depends: str = "",
        claimed_kilobytes: int = 100,
    ) -> Path:
        """Build a package of these files (path → content or file to copy) and list it."""
        work = self.root / "work" / name
        for path, content in (files or {}).items():
            target = work / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copy(content, target)
            else:
                target.write_bytes(content)
        (work / "DEBIAN").mkdir(parents=True, exist_ok=True)
        control = (
            f"Package: {name}\nVersion: {version}\nArchitecture: {self.architecture.name}\n"
            f"Installed-Size: {claimed_kilobytes}\nMaintainer: nobody <nobody@example.org>\n"
            + (f"Depends: {depends}\n" if depends else "")
            + "Description: for tests\n"
        )
        (work / "DEBIAN/control").write_text(control)
        pool = self.root / "pool"
        pool.mkdir(exist_ok=True)
        deb = pool / f"{name}_{version.replace(':', '%3a')}_{self.architecture.name}.deb"
        command = ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(work), str(deb)]
        subprocess.run(command, check=True, capture_output=True)
        data = deb.read_bytes()
        self.stanzas[name, version] = (
            f"{control}Filename: pool/{deb.name}\nSize: {len(data)}\n"
            f"SHA256: {hashlib.sha256(data).hexdigest()}\n"
        )
        return deb

    def publish(self, *, signer: Key | None = None, signed: bool = True) -> None:
        """Write the index, signed by `signer` (left out: the repository's own key), or not at all."""
        suite = self.root / "dists" / self.suite
        index = suite / f"main/binary-{self.architecture.name}/Packages.gz"
        index.parent.mkdir(parents=True, exist_ok=True)
        plain = "\n".join(self.stanzas.values()).encode()
        packed = gzip.compress(plain, mtime=0)
        index.write_bytes(packed)
        now = int(time.time())
        entries = "".join(
            f" {hashlib.sha256(data).hexdigest()} {len(data)} main/binary-{self.architecture.name}/{name}\n"
            for name, data in (("Packages", plain), ("Packages.gz", packed))
        )
        release = (
            f"Origin: Test\nSuite: {self.suite}\nCodename: {self.suite}\n"
            f"Date: {formatdate(now - 60, usegmt=True)}\nArchitectures: {self.architecture.name}\n"
            f"Components: main\nSHA256:\n{entries}"
        ).encode()
        (suite / "Release").write_bytes(release)
        if signed:
            (suite / "Release.gpg").write_text((signer or self.key).sign(release, now - 30))

    @property
    def address(self) -> str:
        """The repository as a mirror address."""
        return f"file://{self.root}"
