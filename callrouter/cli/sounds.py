"""Sounds from the server: played on this machine, or written into files of one's own."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import typer

from callrouter.cli.state import fail

PLAYERS: Final = (
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("play", "-q"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("afplay",),
)
"""Programs that play a WAV file, tried in this order."""


def found_player(otherwise: str) -> tuple[str, ...]:
    """The first player that is installed; ends the command, naming the command to use `otherwise`."""
    player = next((words for words in PLAYERS if shutil.which(words[0])), None)
    if player is None:
        fail(f"no player found ({', '.join(words[0] for words in PLAYERS)}): use `callrouter {otherwise}`")
    return player


def play_sound(player: tuple[str, ...], sound: bytes) -> None:
    """Play to the end; ends the command with 1 when the player fails."""
    with tempfile.TemporaryDirectory(prefix="callrouter-") as folder:
        file = Path(folder) / "sound.wav"
        file.write_bytes(sound)
        done = subprocess.run([*player, str(file)], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        fail(f"{player[0]} could not play it: {said[-1] if said else f'exit code {done.returncode}'}", code=1)


def must_be_new(output: Path) -> None:
    """Ends the command when there is such a file."""
    if output.exists():
        fail(f"{output} exists: give a new name")


def write_sound(output: Path, sound: bytes) -> None:
    """Write a new file that only its owner can read, and say so."""
    try:
        output.touch(mode=0o600, exist_ok=False)
        output.write_bytes(sound)
    except OSError as error:
        fail(f"cannot write {output}: {error.strerror}")
    typer.echo(f"{output}: {len(sound)} bytes")
