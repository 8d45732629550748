"""Children that end with us, even if we are killed."""

import shutil


def ends_with_us(argv: list[str]) -> list[str]:
    """`argv` so that the kernel ends the process when this one is gone, whatever ended it.

    Lost when the program changes its user. Without util-linux's ``setpriv`` nothing is added.
    """
    setpriv = shutil.which("setpriv")
    return argv if setpriv is None else [setpriv, "--pdeathsig", "TERM", "--", *argv]
