"""Why the link to an Asterisk cannot be kept."""


class AriError(Exception):
    """Base of what `AriClient.run` raises. The text tells the operator what to do."""


class AriRefused(AriError):
    """Asterisk is there and does not let us in (user, password, ARI not enabled)."""


class AriUnsuitable(AriError):
    """What answers is no Asterisk that we can work with (too old, not Asterisk)."""


class AriReplaced(AriError):
    """Another controller has connected under our application's name and taken over."""
