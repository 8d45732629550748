"""Structured logs: JSON lines with the call's id; callers' numbers are masked whatever is logged."""

import io
import logging
import os
import stat
import sys
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

import orjson
import structlog

from callrouter.privacy import mask_value

_PLAIN: Final = frozenset(
    {"event", "level", "timestamp", "logger", "call", "node", "seat", "queue", "version"}
)
"""Fields of our own making, or Asterisk's: ids, words, versions. All others may carry what a caller sent."""


def _masked(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name, value in event.items():
        if name not in _PLAIN:
            event[name] = mask_value(value)
    return event


def _json(_: Any, __: str, event: structlog.typing.EventDict) -> bytes:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS)


def set_up_logs(level: str = "info", file: Path | None = None) -> None:
    """Configure structlog for the process: JSON to `file`, or to standard error.

    Raises OSError when the file can't be opened.
    """
    stream: IO[bytes]
    if file is None:
        stream = sys.stderr.buffer
    else:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        stream = open(file, "ab", buffering=0, opener=_private)  # noqa: SIM115
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=False),
            structlog.processors.format_exc_info,
            _masked,
            _json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(cast("BinaryIO", Patient(stream))),
        cache_logger_on_first_use=False,
    )
    # Libraries speak through the standard logging; only what an operator can act upon is let through.
    logging.basicConfig(level=logging.WARNING, handlers=[_Forward()], force=True)


def _private(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        # A file of an earlier version may be open to all.
        os.fchmod(descriptor, 0o600)
    return descriptor


class Patient(io.RawIOBase):
    """A stream whose disk may fill up or whose reader may go: what is logged never ends what it tells of.

    Lines that find no room are counted; the first that does says how many are missing.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._torn = False
        self.lost = 0

    def write(self, line: Any) -> int:
        if self.lost:
            gap = orjson.dumps({"event": "log.gap", "level": "error", "lost": self.lost}) + b"\n"
            if not self._put(gap):
                self.lost += 1
                return len(line)
            self.lost = 0
        if not self._put(line):
            self.lost += 1
        return len(line)

    def _put(self, line: bytes) -> bool:
        whole = b"\n" + line if self._torn else line
        try:
            written = self._stream.write(whole)
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: closed
            return False
        if written:
            self._torn = written < len(whole)
        return written == len(whole)


class _Forward(logging.Handler):
    """Standard logging records as structured lines."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        log.log(record.levelno, "library", logger=record.name, message=record.getMessage())
