"""Private Asterisk, SIPp, mosquitto and espeak-ng, without root: installed by `callrouter tools install`.

from callrouter.toolchain import locate
sipp = locate("sipp")
subprocess.run(sipp.command("-v"), env=sipp.environment())
"""

from callrouter.toolchain.errors import ToolchainError
from callrouter.toolchain.locate import AsteriskFiles, Program, asterisk_files, locate
from callrouter.toolchain.paths import cache_home, tools_home
from callrouter.toolchain.softphone import softphone_python

__all__ = [
    "AsteriskFiles",
    "Program",
    "ToolchainError",
    "asterisk_files",
    "cache_home",
    "locate",
    "softphone_python",
    "tools_home",
]
