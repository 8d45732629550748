"""panoramisk's protocol, made safe against what a network and hostile values can do.

panoramisk 1.4 decodes each TCP segment by itself and drops a character that two
segments share, keeps unfinished messages without bound, writes header values as
they are (a line break in one is another action), and leaves actions pending for
ever when no reply comes.
"""

import asyncio
import codecs
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from callrouter.ami.errors import AmiError

MAX_UNFINISHED = 1 << 20
"""Characters of a message whose end has not come; the longest real ones have some kB."""

Value = str | tuple[str, ...]
EventHandler = Callable[[Message], None]


class _Owner:
    """What panoramisk's protocol expects of its manager; actions in flight are never sent again."""

    forgetable_actions = ()
    save_stream = None

    def __init__(self, on_event: EventHandler, on_lost: Callable[[], None]) -> None:
        self.dispatch = on_event
        self._on_lost = on_lost

    @property
    def awaiting_actions(self) -> list[Action]:
        return []

    def connection_lost(self, exc: object) -> None:
        self._on_lost()


class _Action(Action):  # type: ignore[misc]
    """An action whose refusal ends it: panoramisk waits for a list's events even then."""

    def add_message(self, message: Message) -> bool:
        if not self.responses and not message.success:
            if not self.future.done():
                self.future.set_result(message)
            return True
        return bool(super().add_message(message))


class SafeProtocol(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """One connection. `on_lost` is called once, when it has ended for whatever reason."""

    def __init__(self, on_event: EventHandler, on_lost: Callable[[], None]) -> None:
        self._on_event = on_event
        self._on_lost = on_lost
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.encoding = "utf-8"
        self.factory = _Owner(self._on_event, self._on_lost)

    def data_received(self, data: bytes) -> None:
        super().data_received(self._decoder.decode(data).encode())
        if self.queue and len(self.queue[0]) > MAX_UNFINISHED:
            self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        pending = {id(action): action for action in self.responses.values()}
        super().connection_lost(exc)
        for action in pending.values():
            if not action.future.done():
                action.future.set_exception(AmiError("the link to Asterisk's manager interface broke"))
                action.future.exception()  # whoever waited has given up already, maybe

    async def ask(
        self, name: str, fields: Mapping[str, Value], *, seconds: float, as_list: bool | None = None
    ) -> list[Message]:
        """Send an action and return its reply (with `as_list` followed by the events that belong to it).

        Raises `AmiError` when a value would break out of its line, when Asterisk
        reports an error, when no reply comes within `seconds`, or the link breaks.
        """
        action = _Action({"Action": name, **_checked(fields)}, as_list=as_list)
        if self.transport.is_closing():
            raise AmiError("no link to Asterisk's manager interface")
        try:
            # Not wait_for: before Python 3.12 it loses a cancellation that comes with the reply.
            async with asyncio.timeout(seconds):
                reply: Any = await self.send(action, as_list=as_list)
        except TimeoutError:
            self.responses.pop(action.id, None)
            raise AmiError(
                f"Asterisk's manager interface did not answer {name} within {seconds:g} s"
            ) from None
        messages = list(reply) if isinstance(reply, list) else [reply]
        if not messages[0].success:
            raise AmiError(f"{name}: {messages[0].message or messages[0].response}")
        return messages

    def abort(self) -> None:
        """Give the connection up without waiting for the peer."""
        with contextlib.suppress(AttributeError):  # never connected
            self.transport.abort()


def _checked(fields: Mapping[str, Value]) -> dict[str, str | list[str]]:
    checked: dict[str, str | list[str]] = {}
    for name, value in fields.items():
        values = [value] if isinstance(value, str) else list(value)
        for text in (name, *values):
            if any(ord(c) < 32 or ord(c) == 127 for c in text):
                raise AmiError(f"control character in {name[:40]!r}: not sent")
        checked[name] = value if isinstance(value, str) else values
    return checked
