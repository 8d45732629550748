"""Close codes and the subprotocol of the live WebSocket (4000–4999: private use, RFC 6455 §7.4.2)."""

from typing import Final

NOT_SIGNED_IN: Final = 4401
NO_TOKEN_IN_TIME: Final = 4408
TOO_SLOW: Final = 4409
TOO_MANY_SCREENS: Final = 4429
PROTOCOL: Final = "callrouter.live"
BEARER: Final = "bearer."
"""A subprotocol beginning so carries the token: the only place where a browser's handshake can."""
