"""Chapter 09: load prefixes (CONV-5) and train states (TREE-6)."""

from ..assembly import Bytes, int_, map_, ndarray_, raw, record_, str_, together
from ..declare import Conversion, converts, refuses_to_convert

W, MU = ndarray_("float32", (1,), "00 00 80 3f"), ndarray_("float32", (1,), "00 00 00 3f")


def records(*leaves: tuple[str, Bytes]) -> Bytes:
    """Records whose key paths are given with `/` between the parts."""
    return together([record_(path.split("/"), leaf) for path, leaf in leaves])


TRAIN_STATE = records(
    ("step", int_(7)),
    ("params/params/dense/kernel", W),
    ("params/params/bias", MU),
    ("opt_state/0/mu/params/params/bias", MU),
)
WEIGHTS = records(("dense/kernel", W), ("bias", MU))


@converts("CONV-5")
def params_of_a_stream_of_weights():
    """`params::` gives the whole tree of a stream that is not a train state."""
    return Conversion(), WEIGHTS, WEIGHTS


@refuses_to_convert("CONV-5", also=("TREE-6",))
def params_of_a_train_state():
    """`params::` is refused for a train state. Programs that let it pass hand a model the optimizer's state as
    weights.
    """
    return Conversion(), TRAIN_STATE


@refuses_to_convert("CONV-5", also=("TREE-6",))
def params_of_a_train_state_whose_step_comes_last():
    """What makes it a train state is known at the end only: `params` stands first, and `step` in the last record."""
    return Conversion(), records(("params/w", W), ("opt_state/mu", MU), ("step", int_(7)))


@converts("CONV-5", "TREE-6")
def params_beside_a_step_that_is_missing():
    """A subtree `params` without `step` is not a train state: the first versions of EasyLM wrote their weights so."""
    weights = records(("params/params/w", W), ("opt_state", raw("80")), ("steps", int_(7)))
    return Conversion(), weights, weights


@converts("CONV-5", "TREE-6")
def step_and_params_below_the_root():
    """The entries `step` and `params` of a train state stand at the root. These stand one level down."""
    weights = records(("state/step", int_(7)), ("state/params/w", W))
    return Conversion(), weights, weights


@converts("CONV-5", "TREE-6")
def params_that_is_a_leaf():
    """`step` beside an array with the name `params`: TREE-6 asks for a subtree, so these are weights."""
    weights = records(("step", int_(7)), ("params", W))
    return Conversion(), weights, weights


@converts("CONV-5")
def trainstate_of_a_train_state():
    """`trainstate::` gives the whole of it, step and optimizer included."""
    return Conversion("trainstate"), TRAIN_STATE, TRAIN_STATE


@converts("CONV-5", "TREE-6")
def trainstate_whose_step_is_a_subtree():
    """TREE-6 asks for an entry `step`, whatever stands in it."""
    state = records(("params/w", W), ("step/0", int_(7)))
    return Conversion("trainstate"), state, state


@refuses_to_convert("CONV-5", also=("TREE-6",))
def trainstate_of_weights():
    """`trainstate::` is refused for a stream without `step`."""
    return Conversion("trainstate"), WEIGHTS


@refuses_to_convert("CONV-5", also=("TREE-6",))
def trainstate_whose_params_is_a_leaf():
    """`step` and an array `params` make no train state."""
    return Conversion("trainstate"), records(("step", int_(7)), ("params", W))


@converts("CONV-5")
def trainstate_params_of_a_train_state():
    """The subtree at `params/params` alone, with both parts taken off. What stands so under `opt_state` is not
    taken.
    """
    return Conversion("trainstate_params"), TRAIN_STATE, WEIGHTS


@converts("CONV-5", "TREE-5")
def trainstate_params_from_mixed_records():
    """The weights stand in no row, and `params` holds another subtree and one whose name begins with `params`."""
    state = records(
        ("params/params/b/x", W),
        ("params/batch_stats/b", MU),
        ("params/params/a", MU),
        ("params/params2/b", MU),
        ("params/params/b/params/params", W),
        ("step", int_(7)),
    )
    return Conversion("trainstate_params"), state, records(("b/x", W), ("b/params/params", W), ("a", MU))


@converts("CONV-5", "CONV-2")
def trainstate_params_as_a_flax_file_in_bfloat16():
    """What is published of a training run: the weights alone, cast, as a flax file. The counter is an integer and
    stays.
    """
    state = records(("step", int_(7)), ("params/params/w", W), ("params/params/n", int_(3)))
    output = map_(2) + str_("w") + ndarray_("bfloat16", (1,), "80 3f") + str_("n") + int_(3)
    return Conversion("trainstate_params", streaming=False, float_dtype="bf16"), state, output


@refuses_to_convert("CONV-5", also=("TREE-6",))
def trainstate_params_of_weights():
    """`trainstate_params::` is refused for weights, also where a subtree `params/params` stands in them."""
    return Conversion("trainstate_params"), records(("params/params/w", W))


@refuses_to_convert("CONV-5", also=("STREAM-3",))
def trainstate_params_that_are_not_there():
    """A train state whose weights stand under `params`, one level too high: nothing stands at `params/params`."""
    return Conversion("trainstate_params"), records(("step", int_(7)), ("params/w", W))


@refuses_to_convert("CONV-5", also=("KEY-1",))
def trainstate_params_that_are_a_leaf():
    """At `params/params` stands an array, which is not a subtree: without these two parts it has no key path."""
    return Conversion("trainstate_params"), records(("step", int_(7)), ("params/params", W))


@converts("CONV-5")
def flax_of_a_train_state():
    """`flax::` gives the whole of a flax file, and does not look for a train state in it."""
    tree = map_(2) + str_("step") + int_(7) + str_("params") + map_(1) + str_("w") + W
    return Conversion("flax"), tree, records(("step", int_(7)), ("params/w", W))


@converts("CONV-5")
def flax_params_of_a_flax_file():
    """`flax_params::` is another name of `flax::`: the whole, where nothing is taken off."""
    tree = map_(1) + str_("params") + map_(1) + str_("params") + map_(1) + str_("w") + W
    return Conversion("flax_params"), tree, records(("params/params/w", W))


@converts("CONV-5", "TREE-5")
def trainstate_as_a_flax_file():
    """The whole of a train state as a flax file, where a subtree stands whole in the place of its first record."""
    state = records(("params/params/b", W), ("step", int_(7)), ("params/params/a", MU))
    inner = map_(1) + str_("params") + map_(2) + str_("b") + W + str_("a") + MU
    tree = map_(2) + str_("params") + inner + str_("step") + int_(7)
    return Conversion("trainstate", streaming=False), state, tree


@converts("CONV-5")
def no_prefix_for_a_train_state():
    """Without a prefix the whole is wanted, of a train state too."""
    return Conversion(None), TRAIN_STATE, TRAIN_STATE


@converts("CONV-5", "CONV-6")
def no_prefix_for_a_flax_file():
    """Without a prefix a flax file is recognised, here by a map header of three bytes, and written as a stream."""
    return Conversion(None), raw("de 00 01 a1 77 # map of 1") + W, records(("w", W))


@refuses_to_convert("CONV-5", also=("CONV-6", "REC-1"))
def params_of_a_flax_file():
    """A prefix says what a file is: `params::` is for streams, and this is a flax file."""
    return Conversion(), raw("81 a1 77 # ! a map") + W


@refuses_to_convert("CONV-5", also=("CONV-6", "FLAX-1"))
def flax_of_a_stream_of_one_record():
    """As MessagePack, a stream of one record is one value, an array. A loader of flax files takes it for a list."""
    return Conversion("flax"), raw("92 91 a1 77 # ! an array") + raw("c4 01 07")


@refuses_to_convert("CONV-5", also=("CONV-6",))
def safetensors_of_a_flax_file():
    """`safetensors::` is for safetensors, and this is a flax file."""
    return Conversion("safetensors"), raw("81 a1 77 # ! a map") + W


@refuses_to_convert("CONV-5")
def prefix_that_is_not_known():
    """`pickle::` is in no row of the table. It is not taken for a part of the path, and nothing is guessed."""
    return Conversion("pickle"), WEIGHTS


@refuses_to_convert("CONV-5")
def prefix_in_upper_case():
    """`PARAMS::` is another prefix than `params::`, and none."""
    return Conversion("PARAMS"), WEIGHTS


@refuses_to_convert("CONV-5")
def prefix_with_a_blank():
    """A blank behind `params`."""
    return Conversion("params "), WEIGHTS


@refuses_to_convert("CONV-5")
def prefix_that_is_not_known_of_a_flax_file():
    """`msgpack::` before a flax file, as a flax file."""
    return Conversion("msgpack", streaming=False), map_(1) + str_("w") + W


# --- an empty node at params ------------------------------------------------------------------------------------------

EMPTY = raw("80")


@converts("CONV-5", "TREE-6")
def weights_whose_params_is_an_empty_node():
    """`step`, and an empty node at `params`: an empty node is a leaf here (STREAM-5), so that this is not
    a train state, and `params::` takes it."""
    stream = records(("step", int_(7)), ("params", EMPTY))
    return Conversion(), stream, stream


@refuses_to_convert("CONV-5", also=("TREE-6",))
def trainstate_whose_params_is_an_empty_node():
    """The same tree, asked for as a train state."""
    return Conversion("trainstate"), records(("step", int_(7)), ("params", EMPTY))


@converts("CONV-5", "TREE-6")
def trainstate_whose_step_is_an_empty_node():
    """TREE-6 asks for an entry `step`: an empty node is one."""
    state = records(("step", EMPTY), ("params/w", W))
    return Conversion("trainstate"), state, state


@converts("CONV-5", "TREE-6")
def trainstate_whose_weights_are_an_empty_node():
    """An empty node at `params/params`: `params` is a subtree, and the tree a train state."""
    state = records(("step", int_(7)), ("params/params", EMPTY))
    return Conversion("trainstate"), state, state


@refuses_to_convert("CONV-5", also=("KEY-1", "STREAM-3"))
def trainstate_params_that_are_an_empty_node():
    """The same, and its weights are asked for: without `params/params` the empty node has no key path."""
    return Conversion("trainstate_params"), records(("step", int_(7)), ("params/params", EMPTY))


@converts("CONV-5", "TREE-6")
def trainstate_params_that_hold_an_empty_node():
    """The other side: the weights hold an empty node, which is a leaf of theirs."""
    state = records(("step", int_(7)), ("params/params/e", EMPTY), ("params/params/w", W))
    return Conversion("trainstate_params"), state, records(("e", EMPTY), ("w", W))
