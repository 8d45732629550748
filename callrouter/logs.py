"""Structured logs: JSON lines with the call's id; callers' numbers are masked whatever is logged."""

import logging
import sys
from pathlib import Path
from typing import IO, Any, Final

import orjson
import structlog

from callrouter.privacy import mask_value

_PLAIN: Final = frozenset({"event", "level", "timestamp", "logger", "call", "node", "seat", "queue"})
"""Fields of our own making: ids and words. All others may carry what a caller sent."""


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
        stream = file.open("ab", buffering=0)
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
        logger_factory=structlog.BytesLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    # Libraries speak through the standard logging; only what an operator can act upon is let through.
    logging.basicConfig(level=logging.WARNING, handlers=[_Forward()], force=True)


class _Forward(logging.Handler):
    """Standard logging records as structured lines."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        log.log(record.levelno, "library", logger=record.name, message=record.getMessage())
