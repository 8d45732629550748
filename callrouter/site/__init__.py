"""A site: everything that engineers edit, loaded and checked as one."""

from callrouter.site.floor import SeatAccountPlan
from callrouter.site.site import Site, load_site

__all__ = ["SeatAccountPlan", "Site", "load_site"]
