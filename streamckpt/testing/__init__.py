"""Judges of what can be put in the place of a part of this library: subclass one, name your own class, run pytest.

    class TestMyPlace(streamckpt.testing.PlaceJudge):
        def new_place(self, folder):
            return MyPlace(...)

The library's own places, containers, backends and sources pass the same classes.
"""

from .backends import BackendJudge
from .containers import ContainerJudge
from .places import PlaceJudge
from .sources import SourceJudge

__all__ = ["BackendJudge", "ContainerJudge", "PlaceJudge", "SourceJudge"]
