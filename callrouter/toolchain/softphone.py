"""Which Python can run pjsua2: its wheels exist for CPython 3.11 and 3.12 only."""

import importlib.util
import sys

from callrouter.toolchain.groups import SOFTPHONE, Group
from callrouter.toolchain.locate import locate


def this_python_serves() -> bool:
    """Whether the running interpreter itself has pjsua2."""
    return importlib.util.find_spec("pjsua2") is not None


def is_superfluous(group: Group) -> bool:
    """Whether a group would only bring what this interpreter has."""
    return group is SOFTPHONE and this_python_serves()


def softphone_python() -> list[str]:
    """Argument vector that starts a Python in which `import pjsua2` works.

    This interpreter when it has pjsua2, else the private Python 3.11 of the group `softphone`: it has the
    standard library and pjsua2 only, and looks at no environment variable. Raises ToolchainError, naming the
    command to run, when neither is there.
    """
    if this_python_serves():
        return [sys.executable]
    return [*locate("python-softphone").argv, "-I"]
