"""Maps between the layouts of a model's leaves: `named`, `read`, `names`, and what they give, a `Map`."""

from .mapping.faults import MapError
from .mapping.maps import Map, named, names, read

__all__ = ["Map", "MapError", "named", "names", "read"]
