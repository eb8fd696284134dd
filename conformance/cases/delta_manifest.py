"""Chapter 10: the manifest of a delta, its JSON (DELTA-2) and its fields (DELTA-3)."""

import json
from typing import Any

from ..assembly import Bytes
from ..declare import recovers, refuses_to_recover
from .delta_assembly import (
    BASE,
    MARK,
    TARGET,
    blocks,
    manifest,
    manifest_,
    refused,
    small,
    stream,
    text_,
    tree_digest,
)


def says() -> dict[str, Any]:
    """The manifest from BASE to TARGET, to be changed."""
    return manifest(BASE, TARGET)


def changed(i: int, **fields: Any) -> tuple[Bytes, Bytes]:
    """A delta in the manifest of which these fields of leaf i are others."""
    value = says()
    value["leaves"][i] |= fields
    return refused(value)


# --- JSON --------------------------------------------------------------------------------------------------------


@recovers("DELTA-2")
def manifest_with_white_space():
    """A manifest with line ends and spaces between its parts, before and after it: RFC 8259 allows it."""
    text = "\r\n\t" + json.dumps(says(), indent=1) + " \n"
    return stream(BASE), MARK + blocks() + manifest_(text), stream(TARGET)


@recovers("DELTA-3")
def fields_that_are_not_known():
    """Fields that this version does not know, at the root and in the leaves: they are ignored."""
    value = {"made_by": {"name": "x", "version": [1, None]}, **says()}
    value["leaves"] = [{**leaf, "note": "x", "shape_was": []} for leaf in value["leaves"]]
    return stream(BASE), MARK + blocks() + manifest_(value), stream(TARGET)


@recovers("DELTA-3")
def fields_in_another_order():
    """The members of a JSON object have no order."""
    value = {name: says()[name] for name in ("removed", "leaves", "order", "target", "base")}
    value["leaves"] = [dict(reversed(leaf.items())) for leaf in value["leaves"]]
    return stream(BASE), MARK + blocks() + manifest_(value), stream(TARGET)


@recovers("DELTA-2", "DELTA-4")
def texts_with_escapes():
    """Parts with `/`, a quote, NUL, a letter outside ASCII and one outside the first plane, all of them escaped."""
    base = [small(("a/b", 'c"\\', "\0"), "int", "01"), small(("é", "\U0001f600"), "int", "02")]
    text = json.dumps(manifest(base, base), ensure_ascii=True).replace("/", "\\/")
    return stream(base), MARK + manifest_(text), stream(base)


@refuses_to_recover("DELTA-2", also=("DELTA-3", "CONV-11"))
def text_after_the_json():
    """A second object after the first."""
    return refused(text_(says()) + "{}")


@refuses_to_recover("DELTA-2", also=("DELTA-3", "CONV-11"))
def nul_after_the_json():
    """A NUL is not white space."""
    return refused(text_(says()) + "\0")


@refuses_to_recover("DELTA-2", also=("DELTA-3", "CONV-11"))
def byte_order_mark_before_the_json():
    """U+FEFF is not white space."""
    return refused("\ufeff" + text_(says()))


@refuses_to_recover("DELTA-2", also=("DELTA-3", "CONV-11"))
def json_that_is_cut_off():
    """The closing brace is missing, and the record is whole."""
    return refused(text_(says())[:-1])


@refuses_to_recover("DELTA-2", also=("DELTA-3", "CONV-11"))
def manifest_that_is_a_list():
    """A list that holds the object."""
    return refused([says()])


@refuses_to_recover("DELTA-2", also=("DELTA-3",))
def number_with_a_fraction():
    """4.0 bytes. Numbers are integers without a fraction, and many readers of JSON do not tell the two apart."""
    return refused(text_(says()).replace('"bytes":4,', '"bytes":4.0,'))


@refuses_to_recover("DELTA-2", also=("DELTA-3",))
def number_with_an_exponent():
    """A shape of [2e0]."""
    return refused(text_(says()).replace('"shape":[2]', '"shape":[2e0]'))


@refuses_to_recover("DELTA-2", also=("DELTA-3", "WIRE-5"))
def path_with_a_lone_surrogate():
    """A part that is half of a surrogate pair, which JSON can spell and UTF-8 cannot."""
    return refused(text_(says()).replace('["old"]', '["\\ud800"]'))


# --- fields --------------------------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-3")
def order_that_is_missing():
    """The manifest has no `order`."""
    value = says()
    del value["order"]
    return refused(value)


@refuses_to_recover("DELTA-3")
def removed_that_is_missing():
    """The manifest has no `removed`. The list may be empty, and is there all the same."""
    same = {name: field for name, field in manifest(BASE, BASE).items() if name != "removed"}
    return stream(BASE), MARK + manifest_(same)


@refuses_to_recover("DELTA-3")
def like_base_that_is_missing():
    """A leaf without `like_base`; it is not to be taken for false."""
    value = says()
    del value["leaves"][1]["like_base"]
    return refused(value)


@refuses_to_recover("DELTA-3")
def base_of_a_leaf_that_is_missing():
    """A leaf without `base`, where null is expected."""
    value = says()
    del value["leaves"][1]["base"]
    return refused(value)


@refuses_to_recover("DELTA-3")
def bytes_that_are_a_text():
    """`bytes` is "4", a text."""
    return changed(0, bytes="4")


@refuses_to_recover("DELTA-3")
def blocks_that_are_true():
    """`blocks` is true. In some languages that is the number 1."""
    return changed(0, blocks=True)


@refuses_to_recover("DELTA-3")
def like_base_that_is_1():
    """`like_base` is the number 1, and no true."""
    return changed(0, like_base=1)


@refuses_to_recover("DELTA-3")
def leaves_that_are_an_object():
    """`leaves` is an object from places to leaves."""
    value = says()
    return refused(value | {"leaves": {str(i): leaf for i, leaf in enumerate(value["leaves"])}})


@refuses_to_recover("DELTA-3")
def digest_in_upper_case():
    """The digest of the base in upper case. Digests are in lower case."""
    return refused(says() | {"base": says()["base"].upper()})


@refuses_to_recover("DELTA-3")
def digest_with_spaces():
    """A digest with a space after each byte, which some readers of hexadecimal digits skip."""
    return refused(says() | {"target": bytes.fromhex(says()["target"]).hex(" ")})


@refuses_to_recover("DELTA-3")
def digest_of_the_target_that_is_another():
    """`target` is the digest of the base's tree."""
    return refused(says() | {"target": says()["base"]})


@refuses_to_recover("DELTA-3")
def digests_of_the_target_that_are_not_sorted():
    """`target` is made from the digests in the order of the leaves, as `order` is. DELTA-5 sorts them by their
    bytes.
    """
    leaves = [small("a", "int", "01"), small("b", "int", "02"), small("c", "int", "03"), small("d", "int", "04")]
    assert tree_digest([leaf.digest() for leaf in leaves]) != manifest(leaves, leaves)["order"]
    return stream(leaves), MARK + manifest_(manifest(leaves, leaves) | {"target": manifest(leaves, leaves)["order"]})


@refuses_to_recover("DELTA-3")
def leaves_in_another_order():
    """Two leaves that are the base's have changed places in the manifest, and `order` is that of the right order."""
    leaves = [small("a", "int", "01"), small("b", "int", "02")]
    value = manifest(leaves, leaves)
    return stream(leaves), MARK + manifest_(value | {"leaves": value["leaves"][::-1]})


@refuses_to_recover("DELTA-3", also=("STREAM-3",))
def target_without_leaves():
    """A target of no leaf, whose digests are those of nothing."""
    return stream(BASE), MARK + manifest_(manifest(BASE, []))
