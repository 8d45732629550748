"""Puts a Python package into a prefix, by this interpreter's own pip and checked against its SHA-256."""

import subprocess
import sys
import tempfile
from pathlib import Path

from callrouter.toolchain.errors import MAKE_ROOM, ToolchainError
from callrouter.toolchain.groups import Wheel


def add(wheel: Wheel, prefix: Path) -> None:
    """Fetch a wheel and unpack it into its folder of a prefix. Raises ToolchainError."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n")
        requirements.flush()
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
        command += ["--quiet", "--no-deps", "--no-compile", "--only-binary", ":all:", "--require-hashes"]
        command += ["--implementation", "cp", "--python-version", wheel.python, "--abi", f"cp{wheel.python}"]
        command += ["--platform", wheel.platform, "--target", str(prefix / wheel.folder)]
        done = subprocess.run(
            [*command, "--requirement", requirements.name], capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise _fault(wheel, done.stderr)


def _fault(wheel: Wheel, output: str) -> ToolchainError:
    if "No module named pip" in output:
        return ToolchainError(
            f"{sys.executable} has no pip, which fetches {wheel.requirement}: install pip there"
        )
    if "DO NOT MATCH THE HASHES" in output:
        return ToolchainError(
            f"{wheel.requirement} as fetched differs from what was pinned (tampered with?); try another index"
        )
    if "No space left" in output:
        return ToolchainError(f"the disk is full: {MAKE_ROOM}")
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    detail = errors[0] if errors else "pip gave no reason"
    return ToolchainError(f"cannot fetch {wheel.requirement}: check the network ({detail[:200]})")
