"""Our own places, sources, containers and backends, judged by the classes that a stranger subclasses."""

from itertools import pairwise

import pytest

from reference.computing.jax_backend import JaxBackend
from reference.computing.numpy_backend import NumpyBackend
from reference.containers.flax_file import CONTAINER as FLAX_CONTAINER
from reference.containers.safetensors_file import CONTAINER as SAFETENSORS_CONTAINER
from reference.containers.stream import CONTAINER as STREAM_CONTAINER
from reference.format.manifests import TailSource
from reference.format.wire import BytesSource
from reference.storage.joined_files import JoinedFiles
from reference.storage.object_places import ObjectPlace
from reference.storage.object_sources import RemoteSource
from reference.storage.places import LocalPlace, place_of
from streamckpt.testing import BackendJudge, ContainerJudge, PlaceJudge, SourceJudge


class TestLocalPlace(PlaceJudge):
    def new_place(self, folder):
        return LocalPlace(folder / "a file")


class TestFileUrl(PlaceJudge):
    def new_place(self, folder):
        return place_of(f"file://{folder}/new/x")


class TestObject(PlaceJudge):
    def new_place(self, folder):
        store = pytest.importorskip("obstore.store").MemoryStore()
        return ObjectPlace(store, "run/x", "memory of a test")


class TestObjectThatIsAFile(PlaceJudge):
    def new_place(self, folder):
        store = pytest.importorskip("obstore.store").LocalStore(folder)
        return ObjectPlace(store, "run/x", "folder of a test")


class TestOtherFilesystem(PlaceJudge):
    def new_place(self, folder):
        pytest.importorskip("fsspec")
        return place_of(f"memory:/{folder}/run/x")


class TestBytes(SourceJudge):
    def new_source(self, data, folder):
        return BytesSource(data)


class TestFile(SourceJudge):
    def new_source(self, data, folder):
        (folder / "x").write_bytes(data)
        return LocalPlace(folder / "x").open()


class TestObjectSource(SourceJudge):
    def new_source(self, data, folder):
        store = pytest.importorskip("obstore.store").MemoryStore()
        store.put("x", data)
        return ObjectPlace(store, "x", "memory of a test").open()


class TestObjectSourceAhead(TestObjectSource):
    """What has been announced is read from what was fetched ahead, and all else as ever."""

    def new_source(self, data, folder):
        source = super().new_source(data, folder)
        source.expect([(0, len(data) // 2), (len(data) * 3 // 4, len(data) // 4)])
        return source


class RangesAlone:
    """A store with two of obspec's methods."""

    def __init__(self, data):
        self.data = data

    def head(self, path):
        return {"size": len(self.data)}

    def get_range(self, path, *, start, end):
        assert start < end <= len(self.data)
        return self.data[start:end]


class TestRangesAlone(SourceJudge):
    def new_source(self, data, folder):
        source = ObjectPlace(RangesAlone(data), "x", "a test").open()
        assert isinstance(source, RemoteSource)
        return source


class TestOtherFilesystemSource(SourceJudge):
    def new_source(self, data, folder):
        system = pytest.importorskip("fsspec").filesystem("memory")
        system.pipe_file(f"{folder}/x", data)
        return place_of(f"memory:/{folder}/x").open()


class TestTail(SourceJudge):
    def new_source(self, data, folder):
        return TailSource(BytesSource(b"head" + data), 4)


class TestJoinedFiles(SourceJudge):
    def new_source(self, data, folder):
        cuts = [0, 0, 1, 4097, len(data) // 2, len(data), len(data)]  # empty files among them
        for i, (start, stop) in enumerate(pairwise(cuts)):
            (folder / str(i)).write_bytes(data[min(start, len(data)) : min(stop, len(data))])
        return JoinedFiles([LocalPlace(folder / str(i)).open() for i in range(len(cuts) - 1)])

    def test_a_record_is_found_in_its_file(self, source):
        file, at = source.locate(4097)
        assert (file.name[-1], at) == ("3", 0)
        assert source.locate(0)[0].name[-1] == "1"
        assert source.locate(source.size)[0].name[-1] == "4"
        assert source.name.endswith("0 and 5 more files")


class TestStream(ContainerJudge):
    container = STREAM_CONTAINER
    shows_cuts = False  # a cut between two records (STREAM-2)


class TestFlax(ContainerJudge):
    container = FLAX_CONTAINER


class TestSafetensors(ContainerJudge):
    container = SAFETENSORS_CONTAINER
    holds_values = False


@pytest.mark.sampled(5)
class TestNumpy(BackendJudge):
    def backend(self):
        return NumpyBackend()


@pytest.mark.sampled(5)
class TestJax(BackendJudge):
    def backend(self):
        return JaxBackend()
