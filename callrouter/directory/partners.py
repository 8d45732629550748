"""Who may tell us of calls, and of whose: partners of the feed, as the directory knows them."""

from collections.abc import Callable

from acd.ids import OrgId
from callrouter.directory.model import Directory


class DirectoryPartners:
    """A partner is an organisation of the directory, or a line that is answered elsewhere."""

    def __init__(self, directory: Callable[[], Directory]) -> None:
        self._directory = directory

    def organisation(self, partner: str) -> OrgId | None:
        """Whose the data is that a partner sends; None: not a partner."""
        directory = self._directory()
        known = partner in directory.organisations or partner in directory.lines
        return OrgId(partner) if known else None

    def answers(self, partner: str, line: str) -> bool:
        """Whether calls to a number can be this partner's: nobody speaks of another's.

        Numbers that the directory does not know may be anybody's.
        """
        directory = self._directory()
        owners = {OrgId(one.ingress.organisation) for one in directory.ingresses.get(line, ())}
        if partner in directory.lines:
            return line == partner or (line not in directory.lines and not owners)
        return not owners or bool(owners & directory.subtree(OrgId(partner)))
