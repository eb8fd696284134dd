"""Maps between the layouts of a model's leaves: EasyLM's, LWM's and Hugging Face's, and your own."""

from reference.maps import Map, MapError, named, names, read

__all__ = ["Map", "MapError", "named", "names", "read"]
