"""Who is who: organisations, trunks, partner lines and the numbers that we answer, all by date."""

from callrouter.directory.loader import load_directory, read_directory, reference_faults
from callrouter.directory.model import Directory, Ingress, Line, Organisation, Trunk

__all__ = [
    "Directory",
    "Ingress",
    "Line",
    "Organisation",
    "Trunk",
    "load_directory",
    "read_directory",
    "reference_faults",
]
