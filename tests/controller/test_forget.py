from pathlib import Path

from acd.ids import CallId
from callrouter.controller import Controller
from callrouter.keeper import FILE, read
from callrouter.ports import Forgotten
from callrouter.router.notices import FlowAnswered, LookupWanted
from tests.router.world import site
from tests.test_forgetting import CALLER, promised
from tests.web.fakes import Watch


class Records:
    def put(self, record: object) -> None:
        raise AssertionError(f"no call ends here: {record}")


async def no_lookup(wanted: LookupWanted) -> FlowAnswered:
    raise AssertionError(f"no flow asks here: {wanted}")


async def test_a_controller_forgets_and_says_that_there_is_something_to_keep(tmp_path: Path) -> None:
    call = promised(tmp_path)
    kept = read(tmp_path / FILE)
    assert kept is not None
    clock = Watch()
    clock.at = kept.at
    notices: list[object] = []
    controller = Controller(site(), [], Records(), clock, no_lookup, notices.append)
    controller.resume(kept)
    assert [view.callback for view in controller.callbacks()] == [call]
    controller.stirred.clear()
    notices.clear()
    assert controller.forget("13999999999") == Forgotten()
    assert controller.forget(CALLER) == Forgotten(callbacks=1)
    assert controller.callbacks() == ()
    assert CALLER not in repr(controller.keep())
    assert controller.stirred.is_set()
    assert [getattr(one, "call", None) for one in notices if hasattr(one, "origin")] == [CallId(call)]
    assert controller.forget(CALLER) == Forgotten()
