"""An Asterisk that the run has broken: the count ends, and says why."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.sip_load import leaks
from simulators.sip_load.leaks import channels_left, described
from simulators.sip_load.result import RunFailed

pytestmark = pytest.mark.slow

Installed = Callable[[str], None]


class _Program:
    def __init__(self, code: str) -> None:
        self._code = code
        self.env: dict[str, str] = {}

    def command(self, *_: object) -> list[str]:
        return [sys.executable, "-c", self._code]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Installed:
    return lambda code: monkeypatch.setattr(leaks, "locate", lambda _: _Program(code))


async def test_channels_are_counted(installed: Installed) -> None:
    installed("print('3 active channels')")
    assert await channels_left(Path("asterisk.conf"), patience=0.0) == 3


async def test_channels_are_named_the_oldest_first(installed: Installed) -> None:
    young = "PJSIP/a1-2!from-seat!s!1!Up!Stasis!x!139!!!3!7!b1!1.2"
    old = "PJSIP/carrier-1!from-trunk!12345!4!Up!Stasis!callrouter,caller,a!b!139!!!3!102!!1.1"
    installed(f"print({young!r}); print({old!r}); print('noise')")
    assert await described(Path("asterisk.conf")) == [
        "PJSIP/carrier-1 (Up, Stasis, for 102 s)",
        "PJSIP/a1-2 (Up, Stasis, for 7 s)",
    ]


async def test_one_that_is_gone_is_said(installed: Installed) -> None:
    installed("print('Unable to connect to remote asterisk')")
    with pytest.raises(RunFailed, match="no Asterisk answers there: Unable to connect"):
        await channels_left(Path("asterisk.conf"))


async def test_one_that_hangs_is_not_waited_for(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaks, "ANSWER_SECONDS", 0.3)
    installed("import time; time.sleep(60)")
    with pytest.raises(RunFailed, match="gave no answer"):
        await channels_left(Path("asterisk.conf"))
