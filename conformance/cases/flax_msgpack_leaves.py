"""Chapter 08: leaves in a flax file: lists among them (FLAX-4), and faults of the other chapters in this container."""

from ..assembly import arr_, bin_, body_, chunked_, data, ext_, here, int_, map_, ndarray_, raw, str_
from ..declare import flax_refuse, given, refuses_to_write


def _under(leaf):
    """A flax file of one leaf, at the key path a/k."""
    return map_(1) + str_("a") + map_(1) + str_("k") + leaf


@flax_refuse("FLAX-4", also=("LEAF-1",))
def list_of_no_elements():
    """A value is an array of 0 elements. It is not an empty node."""
    return _under(raw("90 # ! an array"))


@flax_refuse("FLAX-4", also=("LEAF-1",))
def list_of_arrays():
    """A value is a list of one ndarray, as flax writes a list of parameters."""
    return _under(here("! an array") + arr_(1) + ndarray_("int8", (2,), "00 01"))


@flax_refuse("FLAX-4", also=("LEAF-1",))
def list_in_a_longer_header():
    """A value is an array under the header `dc`."""
    return _under(raw("dc 00 01 07 # ! an array"))


@flax_refuse("LEAF-1", "FLAX-2", also=("FLAX-2",))
def timestamp_in_a_flax_file():
    """A value is a MessagePack timestamp."""
    return _under(raw("d6 ff 00 00 00 01 # ! a timestamp"))


@flax_refuse("LEAF-3", "FLAX-2")
def dimension_of_minus_1_in_a_flax_file():
    """The shape is (-1,), which numpy's reshape works out."""
    return _under(ext_(1, arr_(3) + arr_(1) + raw("ff # ! -1") + str_("int8") + bin_(data(b"\0\1"))))


@flax_refuse("LEAF-5", "FLAX-2")
def payload_one_byte_short_in_a_flax_file():
    """Two int8 are expected and the payload has one byte."""
    return _under(ext_(1, arr_(3) + arr_(1) + int_(2) + str_("int8") + raw("c4 01 07 # ! one byte")))


@flax_refuse("LEAF-12", "FLAX-2")
def chunks_of_two_dtypes_in_a_flax_file():
    """The second chunk of a chunked array is uint8, the first int8."""
    body = arr_(3) + arr_(1) + int_(1) + str_("uint8", "! another") + raw("c4 01 03")
    chunks = [ndarray_("int8", (2,), "01 02"), ext_(1, body)]
    return _under(chunked_((3,), chunks))


@flax_refuse("WIRE-3", "FLAX-2", also=("LEAF-5", "WIRE-6"))
def payload_that_ends_after_its_ext_in_a_flax_file():
    """The payload reaches one byte beyond the body of its ext, into the next key. The file goes on after it."""
    payload = raw("c4 03 # ! three bytes are expected and two are left") + raw("01 02")
    leaf = ext_(1, arr_(3) + arr_(1) + int_(3) + str_("int8") + payload)
    return map_(2) + str_("a") + leaf + str_("b") + int_(1)


@flax_refuse("WIRE-4", "FLAX-2", also=("FLAX-2", "LEAF-1"))
def byte_that_begins_no_value_in_a_flax_file():
    """The byte c1 stands where a value is expected."""
    return _under(raw("c1 # ! never used"))


@flax_refuse("WIRE-4", "FLAX-2", also=("FLAX-2",))
def byte_that_begins_no_key_in_a_flax_file():
    """The byte c1 stands where a key is expected."""
    return raw("82 a1 61 01") + raw("c1 # ! never used") + raw("02")


@flax_refuse("WIRE-6", "FLAX-2")
def body_with_a_byte_left_over_in_a_flax_file():
    """After the array of three, the body of ext 1 has one more byte."""
    return _under(ext_(1, body_("int8", (2,), "00 01") + raw("c0 # ! left over")))


@refuses_to_write("LEAF-1", "FLAX-2", container="flax")
def int_of_2_to_the_64_in_a_flax_file():
    """The int 2^64, one more than a leaf can hold, after a good leaf."""
    return [given(["a"], "int", value="1"), given(["k"], "int", value=str(2**64))]


@refuses_to_write("WIRE-5", "FLAX-2", container="flax")
def text_that_is_a_surrogate_in_a_flax_file():
    """A text of a lone surrogate has no UTF-8."""
    return [given(["k"], "str", value="\ud800")]
