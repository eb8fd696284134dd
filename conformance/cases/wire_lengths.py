"""Chapter 01, WIRE-3 and CONF-4: lengths and counts that reach beyond the end of the input.

A reader of a cut-off file says STREAM-2, which is the same fault. None of these may cost memory.
"""

from ..assembly import fill, raw
from ..declare import flax_refuse, refuse


@refuse("WIRE-3", "CONF-4", also=("STREAM-2", "REC-1"))
def record_of_4294967295_elements():
    """The array of the record says 2^32 - 1 elements, where a key path and a leaf follow. Old msgpack-python made
    a list of 32 GiB here."""
    return raw("""
        dd ff ff ff ff          # ! array of 2^32 - 1
        91 a1 61 c4 01 c0
    """)


@refuse("WIRE-3", "CONF-4", also=("STREAM-2", "KEY-3"))
def key_path_of_2147483648_parts():
    """The key path says 2^31 parts: in signed 32 bits the count is negative, and a loop over it ends at once."""
    return raw("""
        92
        dd 80 00 00 00          # ! array of 2^31
        c4 01 c0                # a leaf, as though the key path had no part
    """)


@refuse("WIRE-3", "CONF-4", also=("STREAM-2", "KEY-4"))
def part_of_4294967295_bytes():
    """A part of the key path says 2^32 - 1 bytes. msgpack-python takes it for the start of a long text, waits for
    the rest, and in the end loads the file without a word."""
    return raw("""
        92 91
        db ff ff ff ff          # ! str of 2^32 - 1 bytes
        61 c4 01 c0
    """)


@refuse("WIRE-3", "CONF-4", also=("STREAM-2", "WIRE-6"))
def blob_of_2147483648_bytes():
    """The bin around the leaf says 2^31 bytes: in signed 32 bits the length is negative, so that it is less than
    what is left."""
    return raw("""
        92 91 a1 61
        c6 80 00 00 00          # ! bin of 2^31 bytes
        c0
    """)


@refuse("WIRE-3", "CONF-4", also=("STREAM-2", "WIRE-6"))
def blob_whose_end_wraps_to_the_start():
    """The body of the bin begins at offset 9 and says 2^32 - 9 bytes. A reader that adds the two in 32 bits comes to
    offset 0, finds that it lies before the end, and reads the file again from its start, without end."""
    return raw("""
        92 91 a1 61
        c6 ff ff ff f7          # ! bin of 2^32 - 9 bytes, whose body begins at 9
        c0
    """)


@refuse("WIRE-3", also=("STREAM-2",))
def blob_longer_than_the_input_by_one():
    """The bin around the last leaf says one byte more than are left. The leaf in it is whole, and a reader that hands
    over what there is takes it."""
    return raw("""
        92 91 a1 61
        c4 02                   # ! bin of 2 bytes
        07
    """)


@refuse("WIRE-3", "CONF-4", also=("STREAM-2",))
def array_of_4_gib_of_which_the_header_is_there():
    """All headers of an array of nearly 4 GiB agree with each other, and the payload is missing, as after a full disk.
    A reader that makes room for the array before it looks for the bytes runs out of memory."""
    return raw("""
        92 91 a1 6b
        c6 ff ff ff ff          # ! blob of 2^32 - 1 bytes
        c9 ff ff ff f9 01       # ext 1 of 2^32 - 7 bytes
        93 91 ce ff ff ff e7    # shape (2^32 - 25,)
        a5 75 69 6e 74 38       # "uint8"
        c6 ff ff ff e7          # payload
        00 01 02 03
    """)


@refuse("WIRE-3", "CONF-4", also=("STREAM-2",))
def array_of_512_mib_cut_after_one_kib():
    """All headers of an array of 2^29 bytes agree with each other, and 1,024 bytes of the payload are there: too little
    for the memory that a reader would take on the word of the length."""
    headers = raw("""
        92 91 a1 6b
        c6 20 00 00 18          # ! blob of 2^29 + 24 bytes
        c9 20 00 00 12 01       # ext 1 of 2^29 + 18 bytes
        93 91 ce 20 00 00 00    # shape (2^29,)
        a5 75 69 6e 74 38       # "uint8"
        c6 20 00 00 00          # payload
    """)
    return headers + fill(0, 1024)


@flax_refuse("WIRE-3", "CONF-4", also=("FLAX-6",))
def flax_map_of_2147483648_entries():
    """A map below the root says 2^31 entries. Keys and values together are 2^32: in 32 bits that is 0, and a reader
    takes the map for empty."""
    return raw("""
        81 a1 61
        df 80 00 00 00          # ! map of 2^31
    """)


@flax_refuse("WIRE-3", "CONF-4", also=("FLAX-6", "WIRE-6"))
def flax_ext_of_4294967295_bytes():
    """An array, which in a flax file stands without a bin around it, says 2^32 - 1 bytes. With the byte of its type
    that is 2^32, which in 32 bits is 0."""
    return raw("""
        81 a1 61
        c9 ff ff ff ff 01       # ! ext 1 of 2^32 - 1 bytes
        93 91 01 a4 69 6e 74 38 c4 01 07
    """)
