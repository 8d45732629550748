"""Who owns the call: every fact goes to its present owner, every decision comes back as commands."""

from callrouter.router.core import Router
from callrouter.router.notices import CallChanged, LookupWanted, Notice, Oddity, RecordReady

__all__ = ["CallChanged", "LookupWanted", "Notice", "Oddity", "RecordReady", "Router"]
