"""Chapter 15: an index that says something else of its leaves than they are."""

from ..declare import refuse
from ..products.specimens import CHUNKED
from .indexes import ITEMS
from .sealed_assembly import sealed
from .sealed_leaves import number, of_specimen, tensor


@refuse("INDEX-4", also=("INDEX-7", "SUM-3"))
def sizes_that_add_up_and_are_shifted():
    """The first record is said to have one byte more, and the second one less."""
    whole = sealed(ITEMS)
    says = whole.says()
    says["leaves"][0][4][0][0] += 1
    says["leaves"][1][4][0][0] -= 1
    return whole.data(says)


@refuse("INDEX-4", also=("INDEX-7", "SUM-3", "INDEX-3"))
def sizes_that_add_up_modulo_2_to_the_64():
    """Two sizes are so large that their sum is the offset of the seal again where 64 bits are kept."""
    whole = sealed(ITEMS)
    says = whole.says()
    says["leaves"][0][4][0][0] += 1 << 63
    says["leaves"][1][4][0][0] += 1 << 63
    return whole.data(says)


@refuse("INDEX-7", also=("INDEX-4", "INDEX-3", "SEAL-1"))
def a_record_of_no_byte():
    """An entry says that its record has no byte, and no checksum."""
    whole = sealed(ITEMS)
    says = whole.says()
    says["leaves"].append([["z"], "nil", None, None, [[0, None, b""]]])
    return whole.data(says)


@refuse("INDEX-7", "INDEX-4", also=("INDEX-6", "SUM-3"))
def leaves_in_another_order():
    """The entries of two leaves whose records have one size have changed their places."""
    whole = sealed([number("a", 1), number("b", 2), number("c", 3)])
    says = whole.says()
    says["leaves"][1:] = says["leaves"][:0:-1]
    return whole.data(says, fault=1)


@refuse("INDEX-6", "STREAM-4")
def a_key_path_twice_in_the_index():
    """Two records of one key path, and two entries that say so."""
    return sealed([number("a", 1), number("b", 2), number("a", 3)]).data()


@refuse("INDEX-6", "STREAM-5")
def key_paths_that_clash_in_the_index():
    """A leaf and another one below it, in the records and in the index."""
    return sealed([number("a", 1), number("b", 2), number(("a", "c"), 3)]).data()


@refuse("INDEX-7", also=("INDEX-6", "STREAM-4"))
def a_key_path_twice_in_the_records_alone():
    """Two records of one key path; the index says another one of the second."""
    whole = sealed([number("a", 1), number("a", 3)])
    says = whole.says()
    says["leaves"][1][0] = ["b"]
    return whole.data(says, fault=1)


@refuse("INDEX-6", "STREAM-4", also=("INDEX-7",))
def a_key_path_twice_in_the_index_alone():
    """Two records of different key paths; the index says one of both."""
    whole = sealed([number("a", 1), number("b", 3)])
    says = whole.says()
    says["leaves"][1][0] = ["a"]
    return whole.data(says)


@refuse("INDEX-7", also=("KEY-1", "INDEX-6"))
def a_shape_with_its_dimensions_in_reverse():
    """The index says the shape (3, 2), and the record (2, 3): as many bytes."""
    whole = sealed(ITEMS)
    says = whole.says()
    says["leaves"][0][3] = [3, 2]
    return whole.data(says, fault=0)


@refuse("INDEX-7", also=("INDEX-3",))
def dimensions_that_differ_by_zeros_alone():
    """An array without elements, of two large dimensions: the index has them in the other order, and the bytes of both
    differ in the places of zeros alone."""
    whole = sealed([number("n", 7), tensor("w", "uint8", (1 << 24, 1 << 16, 0), "")])
    says = whole.says()
    says["leaves"][1][3] = [1 << 16, 1 << 24, 0]
    return whole.data(says, fault=1)


@refuse("INDEX-7")
def a_key_whose_nul_is_in_another_place():
    """The record has the key `a`, U+0000, `b`, and the index the key `a`, `b`, U+0000."""
    whole = sealed([number("n", 7), tensor("a\0b", "uint8", (2,), "01 02")])
    says = whole.says()
    says["leaves"][1][0] = ["ab\0"]
    return whole.data(says, fault=1)


@refuse("INDEX-7", also=("INDEX-3",))
def two_chunks_that_are_said_to_be_one_piece():
    """An array of two chunks, of whose payload the index says where it begins."""
    whole = sealed([number("n", 7), of_specimen(CHUNKED)])
    says = whole.says()
    says["leaves"][1][4][0][1] = whole.records[1].data.data().index(bytes.fromhex("01 00 02 80"))
    return whole.data(says, fault=1)
