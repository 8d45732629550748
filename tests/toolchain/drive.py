"""`callrouter tools` for tests: trusts the keyring of the first argument, wants the group SMALL only."""

import importlib
import signal
import sys
from pathlib import Path

from callrouter.cli import main, tools
from tests.toolchain.small import SMALL

if __name__ == "__main__":
    # Whoever runs the tests in the background of a script has SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    keyring = Path(sys.argv.pop(1))
    for name, replaced in {
        "sources": {"KEYRINGS": (keyring,)},
        "install": {"DEFAULT": (SMALL,)},
        "locate": {"DEFAULT": (SMALL,), "GROUPS": {"small": SMALL}},
        "status": {"DEFAULT": (SMALL,), "GROUPS": {"small": SMALL}},
    }.items():
        vars(importlib.import_module(f"callrouter.toolchain.{name}")).update(replaced)
    tools.register(main.app)
    main.app()
