"""The 89 systems that the sources describe, and what demonstrates each: experiments, or tests by name."""

from pathlib import Path

from rich.table import Table

from experiments.frame import find, verdict

TITLES = {
    1: "continuous convolution",
    2: "discrete convolution, by outer products and diagonals",
    3: "commutativity, and where it is lost",
    4: "cross-correlation",
    5: "cross-correlation as the adjoint of convolution",
    6: "three index forms in two dimensions",
    7: "the Toeplitz matrix",
    8: "doubly block circulant, doubly block Toeplitz",
    9: "sparse and tied entries of C",
    10: "the 4×16 matrix and its transpose",
    11: "backward is multiplication by Cᵀ",
    12: "Cᵀ as a convolution with the flipped kernel",
    13: "three operations suffice to train",
    14: "convolution by the fast Fourier transform",
    15: "evaluate, multiply, interpolate",
    16: "products of polynomials",
    17: "long multiplication",
    18: "the sum of two dice",
    19: "moving averages",
    20: "box and Gaussian blur",
    21: "vertical and horizontal edges",
    22: "sharpening",
    23: "differential equations",
    24: "sums of many random variables",
    25: "the animations of the guide",
    26: "the output size and its floor",
    27: "padding that keeps the size",
    28: "valid, same, full and the border",
    29: "a strided convolution is a convolution downsampled",
    30: "dilated convolution",
    31: "Theano's conv2d",
    32: "the ambiguous size of a transposed convolution",
    33: "sparse interactions",
    34: "parameter sharing",
    35: "equivariance",
    36: "growing receptive fields",
    37: "inputs of any size",
    38: "volumes and many channels",
    39: "the CIFAR-10 example",
    40: "stages, and the pattern of a network",
    41: "counting parameters",
    42: "fully connected layers as convolutions",
    43: "1×1 convolution",
    44: "biases per channel, position and kernel",
    45: "locally connected layers",
    46: "tiled convolution",
    47: "groups of channels",
    48: "pools of four kinds",
    49: "invariance to small shifts",
    50: "pooling over channels",
    51: "pooling with downsampling",
    52: "statistics of quadrants",
    53: "stride instead of pooling",
    54: "theory of max and mean pooling",
    55: "dynamic pooling",
    56: "learned pooling",
    57: "unpooling with switches",
    58: "convolution as an infinitely strong prior",
    59: "pooling as a prior",
    60: "a wrong prior underfits",
    61: "permuted pixels",
    62: "layers and what they report",
    63: "structured outputs",
    64: "recurrent refinement",
    65: "up-convolution of a U-Net",
    66: "graphical models as convolutions",
    67: "colour histograms",
    68: "histograms of oriented gradients",
    69: "bags of visual words",
    70: "simple and complex cells",
    71: "kittens in striped cylinders",
    72: "the Neocognitron",
    73: "S- and C-cells",
    74: "S is convolution, C is pooling",
    75: "one learning algorithm",
    76: "HMAX",
    77: "MAX against SUM",
    78: "LeNet-5, layer by layer",
    79: "the connection table of C3",
    80: "trainable subsampling",
    81: "the squashing function",
    82: "RBF outputs and the MAP loss",
    83: "the scale of the input",
    84: "the training of 1998",
    85: "LeNet's results",
    86: "its baselines",
    87: "LeNet-1 and LeNet-4",
    88: "LeNet-5 today",
    89: "which layers are fully connected",
}

# Systems that a test of the library demonstrates, alone or beside an experiment.
_IDENTITIES, _PUBLISHED = "tests/functional/test_identities.py", "tests/zoo/test_published.py"
_ARITHMETIC, _AXIS, _LOCAL = "tests/test_arithmetic.py", "tests/test_axis.py", "tests/functional/test_local.py"
TESTS = {
    5: (f"{_IDENTITIES}::test_conv_transpose_is_c_transposed",),
    11: (
        f"{_IDENTITIES}::test_the_vjp_in_x_is_c_transposed",
        f"{_IDENTITIES}::test_jacfwd_is_jacrev_is_c",
        f"{_IDENTITIES}::test_the_vjp_of_conv_transpose_is_c",
    ),
    12: (f"{_ARITHMETIC}::test_transposed_axes_are_the_emulation_of_dumoulin_and_visin",),
    13: (
        f"{_IDENTITIES}::test_the_vjp_in_w_is_x_transposed",
        "tests/autodiff/test_training.py::test_lenet_trained_for_200_steps_has_the_same_parameters_with_both_engines",
    ),
    25: (
        "tests/draw/test_gallery.py::test_all_animations_of_the_guide_are_there",
        "tests/draw/test_gallery.py::test_the_published_numbers_are_found",
        f"{_ARITHMETIC}::test_golden_numbers",
    ),
    26: (
        f"{_ARITHMETIC}::test_relationships_1_to_7_and_15",
        f"{_ARITHMETIC}::test_relationships_8_to_14",
        f"{_AXIS}::test_reads_and_unread_are_rows_and_zero_columns",
    ),
    27: (f"{_AXIS}::test_same_gives_one_output_per_stride", f"{_AXIS}::test_words_are_laxs_words"),
    31: ("tests/test_compat.py::test_theano_conv2d_is_a_true_convolution_padded_and_subsampled",),
    32: (
        "tests/functional/test_conv_transpose.py::test_the_same_y_from_two_sizes_goes_back_to_both",
        "tests/functional/test_conv_transpose.py::test_an_impossible_size_lists_the_possible_ones",
    ),
    40: ("tests/zoo/test_pattern.py::test_a_pattern_is_its_layers",),
    43: (f"{_LOCAL}::test_a_1x1_convolution_is_a_kronecker_product",),
    45: (f"{_LOCAL}::test_local_connections_are_those_of_conv_untied",),
    46: (f"{_LOCAL}::test_a_tile_of_one_is_conv_and_a_tile_of_all_is_local_conv",),
    47: ("tests/maps/test_kronecker.py::test_groups_make_the_channels_block_diagonal",),
    62: (f"{_PUBLISHED}::test_the_command_prints_the_published_numbers_beside",),
    78: (f"{_PUBLISHED}::test_each_layer_of_lenet5_has_its_published_parameters_and_connections",),
    79: (f"{_PUBLISHED}::test_c3_reads_the_maps_of_the_table",),
    80: (f"{_PUBLISHED}::test_each_layer_of_lenet5_has_its_published_parameters_and_connections",),
    81: ("tests/nn/test_layers.py::test_lecun_tanh_maps_plus_and_minus_one_to_themselves",),
    82: ("tests/nn/test_rbf.py::test_the_loss_is_equation_9",),
    87: (f"{_PUBLISHED}::test_each_network_has_its_published_total",),
    88: (f"{_PUBLISHED}::test_todays_lenet5_has_a_full_c3",),
    89: (f"{_PUBLISHED}::test_c5_is_a_convolution_that_happens_to_be_1x1",),
}

# Systems that nothing demonstrates yet.
OPEN = frozenset[int]()


def demonstrated_by(row: int) -> list[str]:
    """The experiments and the tests that answer a row."""
    return [experiment.name for experiment in find() if row in experiment.rows] + list(TESTS.get(row, ()))


def table(folder: Path) -> Table:
    """Every row with what demonstrates it and the last verdicts."""
    grid = Table("row", "system", "demonstrated by", "verdict")
    for row, title in TITLES.items():
        found = demonstrated_by(row)
        verdicts = [verdict(folder / name) if not name.startswith("tests/") else "tested" for name in found]
        grid.add_row(str(row), title, "\n".join(found) or "—", "\n".join(verdicts) or "open")
    return grid
