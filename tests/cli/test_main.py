"""Only the module of the command that was named is imported: a command answers in its own time."""

import subprocess
import sys

from callrouter.cli.main import SUB_COMMANDS, wanted


def test_named_command_alone_is_imported() -> None:
    assert wanted(["tools", "install"]) == ("tools",)
    assert wanted(["--verbose", "tools"]) == ("tools",)


def test_help_and_mistakes_know_all_commands() -> None:
    assert wanted([]) == SUB_COMMANDS
    assert wanted(["--help"]) == SUB_COMMANDS
    assert wanted(["tolls", "install"]) == SUB_COMMANDS


def test_tools_pull_in_no_heavy_library() -> None:
    heavy = {"numpy", "sqlalchemy", "aiohttp", "cel_expr_python"}
    script = (
        "import sys; sys.argv = ['callrouter', 'tools', 'status', '--json']\n"
        "from callrouter.cli.main import run\n"
        "try: run()\n"
        f"except SystemExit: print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_one_command_still_needs_its_name() -> None:
    script = "import sys; from callrouter.cli.main import run; sys.argv[1:] = ['watch', '--help']; run()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "watch [OPTIONS]" in done.stdout
