"""The group that stands for Asterisk and its companions: one program and its C library."""

from callrouter.toolchain.groups import Group, ProgramSpec

GREETER = ProgramSpec("usr/bin/greeter", ("--version",), r"\(GNU coreutils\) (\d+\.\d+)")
SMALL = Group(
    name="small",
    summary="one program and its C library",
    suite="testing",
    packages=("greeter",),
    programs={"greeter": GREETER},
    plugins=("usr/lib/greeter/*.so",),
)
