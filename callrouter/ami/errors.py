"""What can go wrong on the manager interface."""


class AmiError(Exception):
    """An action failed, or the link did. The text tells the operator what is wrong."""


class AmiRefused(AmiError):
    """Asterisk is there and does not let us in: user, password or permissions of manager.conf."""
