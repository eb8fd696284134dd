"""Our own places, sources, containers and backends, judged by the classes that a stranger subclasses."""

from reference.computing.jax_backend import JaxBackend
from reference.computing.numpy_backend import NumpyBackend
from reference.containers.flax_file import CONTAINER as FLAX_CONTAINER
from reference.containers.safetensors_file import CONTAINER as SAFETENSORS_CONTAINER
from reference.containers.stream import CONTAINER as STREAM_CONTAINER
from reference.format.manifests import TailSource
from reference.format.wire import BytesSource
from reference.storage.places import LocalPlace, place_of
from streamckpt.testing import BackendJudge, ContainerJudge, PlaceJudge, SourceJudge


class TestLocalPlace(PlaceJudge):
    def new_place(self, folder):
        return LocalPlace(folder / "a file")


class TestFileUrl(PlaceJudge):
    def new_place(self, folder):
        return place_of(f"file://{folder}/new/x")


class TestBytes(SourceJudge):
    def new_source(self, data, folder):
        return BytesSource(data)


class TestFile(SourceJudge):
    def new_source(self, data, folder):
        (folder / "x").write_bytes(data)
        return LocalPlace(folder / "x").open()


class TestTail(SourceJudge):
    def new_source(self, data, folder):
        return TailSource(BytesSource(b"head" + data), 4)


class TestStream(ContainerJudge):
    container = STREAM_CONTAINER
    shows_cuts = False  # a cut between two records (STREAM-2)


class TestFlax(ContainerJudge):
    container = FLAX_CONTAINER


class TestSafetensors(ContainerJudge):
    container = SAFETENSORS_CONTAINER
    holds_values = False


class TestNumpy(BackendJudge):
    def backend(self):
        return NumpyBackend()


class TestJax(BackendJudge):
    def backend(self):
        return JaxBackend()
