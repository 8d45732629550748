"""A site: everything that engineers edit, loaded and checked as one."""

from callrouter.site.floor import SeatAccountPlan
from callrouter.site.site import Checked, Site, check_site, load_site

__all__ = ["Checked", "SeatAccountPlan", "Site", "check_site", "load_site"]
