"""What can go wrong with the private tools: one sentence that says what is wrong and what to do."""

from typing import Final

NEEDS_DEBIAN: Final = (
    "the private tools come from Debian packages, so run this on Debian 12 or newer, "
    "or use an installed Asterisk with `callrouter tools install --asterisk PATH`"
)
MAKE_ROOM: Final = "make room, or set CALLROUTER_CACHE to a folder on another disk"


class ToolchainError(Exception):
    """The tools cannot be installed or found. Commands print it in one line and exit with 2."""
