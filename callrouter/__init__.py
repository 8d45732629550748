"""callrouter: the open call-routing engine for a federation of public hotlines."""

__version__ = "0.1.0"
