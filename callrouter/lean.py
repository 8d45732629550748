"""Keeping a long-lived process small."""

import ctypes
import gc
import importlib
import sys


def import_structlog_alone() -> None:
    """Import structlog without rich, which it loads for a coloured console that a service never shows: 9 MB.

    To be called before anything else imports structlog; rich itself can still be imported afterwards.
    """
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]


def give_back() -> None:
    """After the start: drop what reading the configuration has left, return free pages to the system."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
