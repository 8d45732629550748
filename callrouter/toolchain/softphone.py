"""Which Python can run pjsua2: its wheels exist for CPython 3.11 and 3.12 only."""

import importlib.util
import sys

from callrouter.toolchain.locate import locate


def softphone_python() -> list[str]:
    """Argument vector that starts a Python in which `import pjsua2` works.

    This interpreter when it has pjsua2, else the private Python 3.11 of the group `softphone` (standard
    library and pjsua2 only). Raises ToolchainError, naming the command to run, when neither is there.
    """
    if importlib.util.find_spec("pjsua2") is not None:
        return [sys.executable]
    return list(locate("python-softphone").argv)
