"""Maps between the layouts of a model's leaves: `named`, `read`, `names`, and what they give, a `Map`."""

from .mapping.maps import Map, named, names, read
from .mapping.plans import MapError

__all__ = ["Map", "MapError", "named", "names", "read"]
