"""The operations mean what they mean in `jax.numpy` and `jax.nn`: values, shapes, promotion.

Derivatives are tested in autodiff.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import autodiff, ops

x = jnp.array([[1.0, -2.0, 0.0], [4.0, 0.5, -8.0]])
y = jnp.array([2.0, 4.0, -1.0])
n = jnp.array([[3, -1, 2], [0, 5, 5]])
z = jnp.array([[1 + 2j, -3j, 4], [0, 1j, -1 - 1j]])

OTHER_NAMES = {
    "neg": jnp.negative,
    "sub": jnp.subtract,
    "mul": jnp.multiply,
    "div": jnp.divide,
    "erf": jax.lax.erf,
    "erfc": jax.lax.erfc,
    "stop_gradient": jax.lax.stop_gradient,
    "logsumexp": jax.nn.logsumexp,
}


class Theirs:
    """The function of `jax.numpy`, `jax.nn` or `jax.lax` that ours is named after."""

    def __getattr__(self, name):
        return OTHER_NAMES.get(name) or getattr(jnp, name, None) or getattr(jax.nn, name)


ELEMENTWISE = [
    *("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "arctan", "sinh", "cosh", "tanh", "sigmoid"),
    *("erf", "erfc", "sign", "floor", "ceil", "round", "isnan", "isfinite", "zeros_like", "ones_like"),
    *(
        "stop_gradient",
        "neg",
        "relu",
        "abs",
        "conj",
        "real",
        "imag",
        "square",
        "reciprocal",
        "softplus",
        "silu",
        "gelu",
    ),
    *("negative", "elu", "leaky_relu", "any", "all"),
]
SAME = {
    **{name: lambda m, x, y, name=name: getattr(m, name)(x) for name in ELEMENTWISE},
    "gelu exactly": lambda m, x, y: m.gelu(x, approximate=False),
    **{
        name: lambda m, x, y, name=name: getattr(m, name)(x, y)
        for name in ("add", "sub", "mul", "div", "maximum", "minimum", "logaddexp", "outer")
    },
    **{
        name: lambda m, x, y, name=name: getattr(m, name)(x, y)
        for name in ("subtract", "multiply", "divide", "floor_divide", "remainder", "mod", "arctan2", "hypot", "inner")
    },
    **{
        f"{name} {how}": lambda m, x, y, name=name, kwargs=kwargs: getattr(m, name)(x, **kwargs)
        for name in ("sum", "mean", "var", "std", "prod", "max", "min", "logsumexp")
        for how, kwargs in {
            "of all": {},
            "of the last axis": {"axis": -1},
            "of two axes": {"axis": (0, -1)},
            "keeping axes": {"axis": 0, "keepdims": True},
        }.items()
    },
    **{
        f"{name} beyond the range": lambda m, x, y, name=name: getattr(m, name)(jnp.array([100], jnp.int8), 300)
        for name in ("div", "hypot", "arctan2", "logaddexp")
    },
    "softmax of none": lambda m, x, y: m.softmax(x[:, :0]),
    "log_softmax of none": lambda m, x, y: m.log_softmax(x[:, :0]),
    "concatenate flat": lambda m, x, y: m.concatenate([x, y], axis=None),
    "round to decimals": lambda m, x, y: m.round(x / 3, -1),
    "power of whole numbers": lambda m, x, y: m.power(x, jnp.array([2, 0, 1])),
    "var beyond the numbers": lambda m, x, y: m.var(x, axis=1, ddof=4),
    "std beyond the numbers": lambda m, x, y: m.std(x, axis=0, ddof=2),
    "add scalar": lambda m, x, y: m.add(x, 1),
    "mul broadcasts": lambda m, x, y: m.mul(x[:, :1], y),
    "div scalar": lambda m, x, y: m.div(x, 2),
    "divmod": lambda m, x, y: m.divmod(x, y)[0],
    "divmod rest": lambda m, x, y: m.divmod(x, y)[1],
    "elu alpha": lambda m, x, y: m.elu(x, 0.5),
    "leaky_relu slope": lambda m, x, y: m.leaky_relu(x, 0.5),
    "any axis": lambda m, x, y: m.any(x, axis=0, keepdims=True),
    "all axis": lambda m, x, y: m.all(x, axis=-1),
    "power": lambda m, x, y: m.power(m.abs(x), y),
    "power of an integer": lambda m, x, y: m.power(x, 3),
    "maximum scalar": lambda m, x, y: m.maximum(x, 1),
    "clip": lambda m, x, y: m.clip(x, -1, 2),
    "clip below": lambda m, x, y: m.clip(x, min=y),
    "clip above": lambda m, x, y: m.clip(x, max=y),
    "where": lambda m, x, y: m.where(x > 0, x, 0),
    "where broadcasts": lambda m, x, y: m.where(y > 0, x[:, :1], y),
    "argmax": lambda m, x, y: m.argmax(x),
    "argmax axis": lambda m, x, y: m.argmax(x, axis=-1),
    "argmin axis": lambda m, x, y: m.argmin(x, axis=0),
    "var ddof": lambda m, x, y: m.var(x, axis=1, ddof=1),
    "prod of none": lambda m, x, y: m.prod(x[:0], axis=0),
    "cumsum": lambda m, x, y: m.cumsum(x),
    "cumsum axis": lambda m, x, y: m.cumsum(x, axis=-1),
    "cumprod": lambda m, x, y: m.cumprod(x),
    "cumprod axis": lambda m, x, y: m.cumprod(x, axis=-1),
    "sort": lambda m, x, y: m.sort(x),
    "sort flat": lambda m, x, y: m.sort(x, axis=None),
    "sort axis": lambda m, x, y: m.sort(x, axis=0, descending=True),
    "take": lambda m, x, y: m.take(x, jnp.array([[5, -1], [0, 0]])),
    "take axis": lambda m, x, y: m.take(x, jnp.array([2, 0, 2]), axis=-1),
    "take one": lambda m, x, y: m.take(x, 1, axis=0),
    "take what is not there": lambda m, x, y: m.take(x, jnp.array([0, 7, -3]), axis=1),
    "take clipped": lambda m, x, y: m.take(x, jnp.array([0, 7, -3]), axis=1, mode="clip"),
    "take wrapped": lambda m, x, y: m.take(x, jnp.array([0, 7, -3]), axis=1, mode="wrap"),
    "roll": lambda m, x, y: m.roll(x, 4),
    "roll axis": lambda m, x, y: m.roll(x, -1, axis=-1),
    "roll axes": lambda m, x, y: m.roll(x, (1, 2), (0, 1)),
    "roll one axis twice": lambda m, x, y: m.roll(x, (1, 1), 1),
    "roll nothing": lambda m, x, y: m.roll(x[:0], 1, 0),
    "diag": lambda m, x, y: m.diag(x, 1),
    "diag of a vector": lambda m, x, y: m.diag(y, -2),
    "diagonal": lambda m, x, y: m.diagonal(x[..., None], -1, 0, 2),
    "trace": lambda m, x, y: m.trace(x),
    "trace offset": lambda m, x, y: m.trace(x[None], 1, -2, -1),
    "trace beside the matrix": lambda m, x, y: m.trace(x, 5),
    "pad": lambda m, x, y: m.pad(x, 1),
    "pad pair": lambda m, x, y: m.pad(x, (0, 2), constant_values=3),
    "pad pairs": lambda m, x, y: m.pad(x, ((1, 0), (2, 1)), constant_values=((1, 2), (3, 4))),
    **{
        f"pad {mode}": lambda m, x, y, mode=mode: m.pad(x, ((1, 0), (2, 1)), mode)
        for mode in ("edge", "reflect", "symmetric", "wrap")
    },
    "softmax": lambda m, x, y: m.softmax(x),
    "softmax axis": lambda m, x, y: m.softmax(x, axis=0),
    "log_softmax": lambda m, x, y: m.log_softmax(x),
    "reshape": lambda m, x, y: m.reshape(x, (3, -1)),
    "reshape flat": lambda m, x, y: m.reshape(x, -1),
    "reshape empty": lambda m, x, y: m.reshape(x[:0], (0, 3, 1)),
    "ravel": lambda m, x, y: m.ravel(x),
    "expand_dims": lambda m, x, y: m.expand_dims(x, -1),
    "expand_dims several": lambda m, x, y: m.expand_dims(x, (0, 2)),
    "squeeze": lambda m, x, y: m.squeeze(x[None, :, None]),
    "squeeze axis": lambda m, x, y: m.squeeze(x[None, :, None], axis=-2),
    "transpose": lambda m, x, y: m.transpose(x),
    "transpose axes": lambda m, x, y: m.transpose(x[None], (-1, 0, 1)),
    "moveaxis": lambda m, x, y: m.moveaxis(x[None], 0, -1),
    "moveaxis several": lambda m, x, y: m.moveaxis(x[None, ..., None], (0, -1), (2, 0)),
    "swapaxes": lambda m, x, y: m.swapaxes(x[None], 0, -1),
    "concatenate": lambda m, x, y: m.concatenate([x, x[:1]]),
    "concatenate promotes": lambda m, x, y: m.concatenate([x, n], -1),
    "stack": lambda m, x, y: m.stack([x, x + x]),
    "stack last": lambda m, x, y: m.stack([x, x, x], axis=-1),
    "split": lambda m, x, y: m.split(x, 3, axis=-1)[1],
    "split at": lambda m, x, y: m.split(x, [1, 1], axis=1)[2],
    "flip": lambda m, x, y: m.flip(x),
    "flip axis": lambda m, x, y: m.flip(x, axis=-1),
    "repeat": lambda m, x, y: m.repeat(x, 2),
    "repeat axis": lambda m, x, y: m.repeat(x, 3, axis=-1),
    "tile": lambda m, x, y: m.tile(x, 2),
    "tile axes": lambda m, x, y: m.tile(x, (2, 1, 3)),
    "tile more axes": lambda m, x, y: m.tile(y, (2, 2)),
    "broadcast_to": lambda m, x, y: m.broadcast_to(y, (2, 3)),
    "matmul": lambda m, x, y: m.matmul(x, x.T),
    "matmul vector": lambda m, x, y: m.matmul(x, y),
    "matmul batch": lambda m, x, y: m.matmul(jnp.stack([x, x]), x.T),
    "dot vectors": lambda m, x, y: m.dot(y, y),
    "dot scalar": lambda m, x, y: m.dot(x, 2),
    "dot matrices": lambda m, x, y: m.dot(x, x.T),
    "dot of many axes": lambda m, x, y: m.dot(jnp.stack([x, x]), jnp.stack([x.T, x.T, x.T])),
    "vdot": lambda m, x, y: m.vdot(x, x + x),
    "inner scalar": lambda m, x, y: m.inner(x, 2),
    "inner matrices": lambda m, x, y: m.inner(x, jnp.stack([x, x])),
    "tensordot": lambda m, x, y: m.tensordot(x[None], x),
    "tensordot axis": lambda m, x, y: m.tensordot(x, y, 1),
    "tensordot axes": lambda m, x, y: m.tensordot(x[None], x, ((-1, 1), (1, 0))),
    "tensordot one axis each": lambda m, x, y: m.tensordot(x, x, (0, 0)),
    "tensordot of none": lambda m, x, y: m.tensordot(y, y, 0),
    "einsum": lambda m, x, y: m.einsum("ij,j->i", x, y),
    "einsum spaces": lambda m, x, y: m.einsum("ij, kj -> ik", x, x),
}
NOT_IN_JAX = {"astype", "getitem", "total"}  # methods and operators of arrays there
DTYPES = ("float32", "bfloat16", "float16", "int32", "int8", "uint8", "bool", "complex64", "float64", "int64")


def answer(call, m, *arrays):
    """What a call answers; None where JAX refuses the dtype, or warns that it cannot cast to it."""
    try:
        return call(m, *arrays)
    except (TypeError, ValueError, RuntimeWarning):
        return None


@pytest.mark.sampled(2)
@pytest.mark.parametrize("call", SAME.values(), ids=SAME)
def test_the_operation_is_jaxs(call):
    for arrays in ((x, y), (n, n[0]), (n, y)):
        theirs = answer(call, Theirs(), *arrays)
        if theirs is None:
            continue
        ours = call(ops, *arrays)
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1e-6)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_and_shapes_are_jaxs(dtype):
    with jax.enable_x64(dtype in ("float64", "int64")):
        like = jax.ShapeDtypeStruct((2, 3), dtype), jax.ShapeDtypeStruct((3,), dtype)
        for name, call in SAME.items():
            theirs = answer(lambda m, *xs, call=call: jax.eval_shape(lambda *xs: call(m, *xs), *xs), Theirs(), *like)
            if theirs is not None:
                ours = jax.eval_shape(lambda x, y, call=call: call(ops, x, y), *like)
                assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), name


WEAK = [jax.ShapeDtypeStruct((2, 3), dtype, weak_type=True) for dtype in ("float32", "int32")]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("second", [2, 2.5, jax.ShapeDtypeStruct((3,), jnp.float32, weak_type=True)], ids=str)
@pytest.mark.parametrize("first", [*WEAK, jax.ShapeDtypeStruct((2, 3), jnp.int8)], ids=["float", "int", "int8"])
def test_what_is_made_of_numbers_takes_the_dtype_of_an_array_as_in_jax(first, second):
    fixed = {"matmul", "dot", "vdot", "inner", "tensordot", "einsum", "diag", "take", "pad"}  # keep their dtype
    if jax.__version_info__ < (0, 12):
        fixed.add("hypot")  # which follows the array since
    arrays = (first, second) if isinstance(second, jax.ShapeDtypeStruct) else (first,)
    for name, call in SAME.items():
        beside = lambda m, *xs, call=call: m.multiply(call(m, *(*xs, second)[:2]), jnp.bfloat16(1))
        shaped = lambda m, *xs, f=beside: jax.eval_shape(lambda *xs: f(m, *xs), *xs)
        theirs = answer(shaped, Theirs(), *arrays)
        if theirs is not None and name.split()[0] not in fixed:
            ours = shaped(ops, *arrays)
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), name


def test_numbers_alone_take_the_dtype_of_an_array():
    short = jnp.ones(2, jnp.bfloat16)
    for factor in (
        ops.mul(2.0, 3.0),
        ops.sqrt(2),
        ops.hypot(3.0, 4),
        ops.div(1, 2),
        ops.where(short > 0, 1.0, 0.0),
        ops.where(short > 0, 1.0, 0),
        ops.mul(jnp.ones(2, jnp.int8), 0.5),
    ):
        assert ops.mul(factor, short).dtype == short.dtype
    assert ops.mul(ops.astype(jnp.asarray(2.0), jnp.float32), short).dtype == jnp.float32  # it was asked for
    value, slope = autodiff.value_and_grad(lambda s: ops.sum(ops.exp(s * 2.0) * short))(1.0)
    assert (value.dtype, slope.dtype) == (jnp.bfloat16, jnp.float32)


def test_numbers_alone_keep_every_bit():
    assert ops.add(2**24 + 1, 0) == 2**24 + 1
    assert np.signbit(ops.mul(-0.0, 1)) and np.isnan(ops.add(jnp.nan, 1)) and ops.add(jnp.inf, 1j).imag == 1


def test_every_operation_is_compared():
    assert {name.split()[0] for name in SAME} == set(ops.__all__) - NOT_IN_JAX


def test_parts_of_complex_numbers():
    for name in (
        "conj",
        "real",
        "imag",
        "sum",
        "mean",
        "var",
        "prod",
        "cumsum",
        "cumprod",
        "exp",
        "square",
        "abs",
        "trace",
    ):
        np.testing.assert_allclose(getattr(ops, name)(z), getattr(jnp, name)(z), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
@pytest.mark.parametrize("axis", [None, -1, (0, 1)], ids=str)
def test_extremes_keep_every_nan(dtype, axis):
    rng = np.random.default_rng(0)
    for place in rng.integers(0, [20, 3, 30], (10, 3)):
        for nan in (np.nan, -np.nan):
            entries = rng.normal(size=(20, 3, 30)).astype("float32")
            entries[tuple(place)] = nan
            for extreme in (ops.max, ops.min):
                found = extreme(jnp.asarray(entries, dtype), axis)
                np.testing.assert_array_equal(jnp.isnan(found), np.isnan(entries.max(axis)))


def test_taking_what_is_there_makes_no_nan():
    with jax.debug_nans(True):
        numbers, places = jnp.arange(3.0), jnp.array([0, 2])
        np.testing.assert_array_equal(ops.take(numbers, places), [0, 2])
        np.testing.assert_array_equal(jax.vmap(lambda place: ops.take(numbers, place))(places), [0, 2])
        np.testing.assert_array_equal(jax.grad(lambda x: ops.take(x, places).sum())(numbers), [1, 0, 1])
        np.testing.assert_array_equal(autodiff.grad(lambda x: ops.sum(ops.take(x, places)))(numbers), [1, 0, 1])
        with pytest.raises(FloatingPointError):
            ops.take(numbers, jnp.array([3]))


@pytest.mark.parametrize("step", [np.uint8(2), np.int8(100), np.int8(1)])
def test_steps_of_narrow_integers_do_not_wrap_around(step):
    x = jnp.arange(300.0)
    np.testing.assert_array_equal(ops.getitem(x, slice(None, None, step)), np.arange(300.0)[:: int(step)])


def test_averages_of_integers_do_not_wrap_around():
    for dtype in (np.int32, np.uint32, np.int8):
        most = jnp.full(3, np.iinfo(dtype).max, dtype)
        np.testing.assert_allclose(ops.mean(most), np.iinfo(dtype).max, rtol=1e-6)
        assert ops.var(most) == ops.std(most) == 0
    assert ops.var(x, ddof=np.uint8(1)) == ops.var(x, ddof=1)  # pyright: ignore[reportArgumentType]
    assert np.isnan(ops.var(x, ddof=np.uint8(7)))  # pyright: ignore[reportArgumentType]


def test_a_total_has_the_dtype_that_all_arrays_promote_to():
    assert ops.total([1, 2.5]) == 3.5
    assert ops.total([jnp.ones(2, jnp.int8), jnp.ones(2)]).dtype == jnp.float32
    with pytest.raises(ValueError, match="`xs` is empty"):
        ops.total([])
    with pytest.raises(TypeError, match="`xs`=3 must be a list of arrays"):
        ops.total(3)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "call",
    [
        lambda: ops.matmul(jnp.ones((2, 3)), jnp.ones((1, 4))),
        lambda: ops.dot(jnp.ones(3), jnp.ones(1)),
        lambda: ops.vdot(jnp.ones(3), 2.0),
        lambda: ops.tensordot(jnp.ones((2, 1)), jnp.ones((3, 2)), 1),
        lambda: ops.einsum("ij,j->i", jnp.ones((2, 3)), jnp.ones(2)),
    ],
)
def test_sizes_that_differ_are_not_multiplied(call):
    with pytest.raises(ValueError, match=r"do not fit .*: '\w' is \d in one and \d in the other"):
        call()


def test_logsumexp_and_softmax_do_not_overflow():
    extreme = jnp.array([[1000.0, 1000.0], [-1000.0, -jnp.inf], [1e30, -1e30]])
    for name in ("logsumexp", "softmax", "log_softmax"):
        np.testing.assert_allclose(getattr(ops, name)(extreme, -1), getattr(jax.nn, name)(extreme, -1))


def test_the_operations_compose_with_jit_vmap_and_grad():
    def loss(x):
        return ops.sum(ops.mul(x, ops.relu(x)))

    expected = 2 * np.maximum(np.asarray(x), 0)
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.grad(loss)))(x), expected)


BAD_AXES = {
    **{
        f"{name}, {axis}": (lambda name=name, axis=axis: getattr(ops, name)(x, axis=axis))
        for name in (
            "sum",
            "mean",
            "var",
            "std",
            "prod",
            "max",
            "min",
            "logsumexp",
            "softmax",
            "cumsum",
            "squeeze",
            "flip",
            "cumprod",
            "sort",
            "argmax",
            "argmin",
            "any",
            "all",
        )
        for axis in (2, -3)
    },
    "of a number": lambda: ops.sum(1.0, axis=0),
    "transpose": lambda: ops.transpose(x, (0, 2)),
    "concatenate": lambda: ops.concatenate([x, x], axis=2),
    "stack": lambda: ops.stack([x, x], axis=3),
    "split": lambda: ops.split(x, 3, axis=2),
    "expand_dims": lambda: ops.expand_dims(x, 3),
    "swapaxes": lambda: ops.swapaxes(x, 0, 2),
    "moveaxis": lambda: ops.moveaxis(x, 0, 2),
    "repeat": lambda: ops.repeat(x, 2, axis=-3),
    "take": lambda: ops.take(x, 0, axis=2),
    "roll": lambda: ops.roll(x, 1, axis=2),
    "trace": lambda: ops.trace(x, axis2=2),
    "tensordot": lambda: ops.tensordot(x, y, (2, 0)),
}


@pytest.mark.parametrize("call", BAD_AXES.values(), ids=BAD_AXES)
def test_an_axis_out_of_range_is_refused(call):
    with pytest.raises(ValueError, match=r"`(axis|axis2|axes|destination)`=.* is out of range for an array with"):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.sum(x, axis=(0, -2)), "names an axis twice"),
        (lambda: ops.sum(x, axis=1.0), r"`axis`=1\.0 must be an int"),
        (lambda: ops.sum(x, axis=True), "`axis`=True must be an int"),
        (lambda: ops.transpose(x, (0,)), "must name each of 2 axes once"),
        (lambda: ops.squeeze(x, axis=0), "`axis`=0 has size 2"),
        (lambda: ops.moveaxis(x, (0, 1), 0), "must have as many axes"),
        (lambda: ops.trace(x, 0, 1, -1), "names an axis twice"),
        (lambda: ops.tensordot(x, y, ((0, 1), 0)), "must name as many axes of x as of y"),
        (lambda: ops.roll(x, (1, 2, 3), (0, 1)), "must have as many entries"),
        (lambda: ops.roll(x, 0.5), r"`shift`=0\.5 must be an int"),
        (lambda: ops.pad(x, (1, 2, 3)), r"`pad_width`=\(1, 2, 3\) must be one number, a pair, or a pair for each of 2"),
        (lambda: ops.pad(x, -1), "`pad_width`=-1 must be at least 0"),
        (lambda: ops.pad(x, 1, "median"), "`mode`='median' is unknown: use one of constant, edge"),
        (lambda: ops.hypot(z, z), "take the absolute values first"),
        (lambda: ops.split(x, 2, axis=1), "`sections`=2 must divide the size 3 of axis 1"),
        (lambda: ops.split(x, 1.0, axis=1), r"`sections`=1\.0 must be an int"),
        (lambda: ops.split(x, -1, axis=1), "`sections`=-1 must be at least 1"),
        (lambda: ops.split(x, [2, 1], axis=1), r"`sections`=\[2, 1\] must be places from 0 to 3 in ascending order"),
        (lambda: ops.split(x, [-1], axis=1), r"`sections`=\[-1\] must be places from 0 to 3 in ascending order"),
        (lambda: ops.split(x, [4], axis=1), r"`sections`=\[4\] must be places from 0 to 3 in ascending order"),
        (lambda: ops.repeat(x, np.array([1, 2]), 0), "`repeats`=.* must be an int"),
        (lambda: ops.repeat(x, -1), "`repeats`=-1 must be at least 0"),
        (lambda: ops.tile(x, (1, 2.0)), r"`reps`=\(1, 2\.0\) must be an int or a tuple of ints"),
        (lambda: ops.round(x, 1.5), r"`decimals`=1\.5 must be an int"),
        (lambda: ops.argmax(x, (0, 1)), r"`axis`=\(0, 1\) must be an int"),
        (lambda: ops.any(x, (0, 1.0)), r"`axis`=\(0, 1\.0\) must be an int or a tuple of ints"),
        (lambda: ops.stack([]), "give at least one"),
        (lambda: ops.concatenate(None), "`xs` must be a list of arrays"),
        (lambda: ops.stack([x], None), "`axis`=None must be an int"),
        (lambda: ops.broadcast_to(x, 3), "`shape`=3 must be a tuple of ints"),
        (lambda: ops.einsum(None, x, y), "`spec`=None must be a string"),
        *(
            (lambda f=f: f(x, 0, jnp.float32), "`keepdims`=.*float32.* must be True or False")  # the dtype of jax.numpy
            for f in (ops.sum, ops.mean, ops.var, ops.std, ops.prod, ops.max, ops.logsumexp, ops.any, ops.argmax)
        ),
        (lambda: ops.take(x, 0, mode="raise"), "`mode`='raise' is unknown: use one of fill, clip, wrap"),
        (lambda: ops.take(x, y), "the index of float32 is no integer"),
        (lambda: ops.getitem(x, y), "the index of float32 is no integer"),
        (lambda: ops.diag(x[None]), r"`x` has shape \(1, 2, 3\): give a matrix, or a vector"),
        *(
            (
                lambda f=f: f(x[:0], 0),
                rf"`x` has shape \(0, 3\) and `axis`=0 holds no entries: there is no {f.__name__}",
            )
            for f in (ops.max, ops.min, ops.argmax, ops.argmin)
        ),
        (lambda: ops.clip(z, 0, 1), "`x` is complex, and complex numbers have no order"),
        (lambda: ops.clip(x, 1j), "`min` is complex"),
        (lambda: ops.astype(x, "float33"), "`dtype`='float33' is not a dtype of numbers"),
        (lambda: ops.einsum("ij,j->k", x, y), "`spec`='ij,j->k' has k in the result and in neither array"),
        (lambda: ops.matmul(x, y, precision="exact"), "`precision`='exact' is unknown"),
        (lambda: ops.tensordot(x, y, 3), r"`axes`=\(-3, -2, -1\) is out of range"),
        (lambda: ops.stack([x, x], 5), "`axis`=5 is out of range"),
        (lambda: ops.sort(x, descending="no"), "`descending`='no' must be True or False"),
        (lambda: ops.gelu(x, approximate="none"), "`approximate`='none' must be True or False"),
    ],
)
def test_other_slips_with_axes_are_refused(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


OTHER_OPERANDS = {"einsum": lambda v: ops.einsum("ij,jk->ik", v, x), "total": lambda v: ops.total([v])}
MORE_OPERANDS = {
    **dict.fromkeys(("astype",), (float,)),
    **dict.fromkeys(("reshape",), (-1,)),
    **dict.fromkeys(("repeat", "split", "tile", "take", "expand_dims", "pad", "roll", "getitem"), (1,)),
    **dict.fromkeys(("swapaxes", "moveaxis"), (0, 1)),
    **dict.fromkeys(("broadcast_to",), ((2, 3),)),
    **dict.fromkeys(("where",), (x, x)),
    **dict.fromkeys(("concatenate", "stack"), ()),
}
BINARY = (
    *("add", "sub", "mul", "div", "subtract", "multiply", "divide", "remainder", "mod", "divmod", "floor_divide"),
    *("power", "maximum", "minimum", "arctan2", "hypot", "logaddexp", "matmul", "dot", "vdot", "inner", "outer"),
    "tensordot",
)


@pytest.mark.parametrize("value", ["a", None, [1.0, 2.0], object()], ids=["str", "None", "list", "object"])
@pytest.mark.parametrize("name", ops.__all__)
def test_what_is_neither_an_array_nor_a_number_is_refused_in_one_line(name, value):
    if name in ("concatenate", "stack"):
        value = [value]
    more = MORE_OPERANDS.get(name, (x,) if name in BINARY else ())
    call = OTHER_OPERANDS.get(name, lambda v: getattr(ops, name)(v, *more))
    with pytest.raises(TypeError, match="is neither an array nor a number") as caught:
        call(value)
    assert "\n" not in str(caught.value)


def test_every_operation_goes_through_jit_and_vmap():
    def all_of(x, y):
        return {name: call(ops, x, y) for name, call in SAME.items()}

    xs, ys = jnp.stack([x, 2 * x, -x]), jnp.stack([y, y + 1, 2 * y])
    together = jax.jit(jax.vmap(all_of))(xs, ys)
    for n, alone in enumerate(jax.jit(all_of)(a, b) for a, b in zip(xs, ys, strict=True)):
        for name, expected in alone.items():
            np.testing.assert_allclose(together[name][n], expected, rtol=1e-5, atol=1e-6, err_msg=name)


# What is exported for (b, 3): that operations read sizes only where they must.
SYMBOLIC = {
    "getitem of a column": lambda m, x: x[:, 1],
    "getitem of columns": lambda m, x: x[..., 1:],
    "getitem of a new axis": lambda m, x: x[None],
    "getitem of a row": lambda m, x: x[0],
    "getitem of the last row": lambda m, x: x[-1],
    "getitem of all rows but one": lambda m, x: x[1:],
    "getitem of rows that may not be there": lambda m, x: x[1:4],
    "getitem of every other row": lambda m, x: x[::2],
    "getitem of rows in reverse": lambda m, x: x[::-1],
    "split of columns": lambda m, x: m.split(x, 3, axis=1)[2],
    "split of rows": lambda m, x: m.split(x, [1])[1],
    "split of rows that may not be there": lambda m, x: m.split(x, [3])[0] if m is ops else x[:3],
    "prod": lambda m, x: m.prod(x, axis=1),
    "cumprod": lambda m, x: m.cumprod(x, axis=1),
    "roll of columns": lambda m, x: m.roll(x, 1, axis=1),
    "roll of rows": lambda m, x: m.roll(x, -1, axis=0),
    "roll": lambda m, x: m.roll(x, 4),
    "flip": lambda m, x: m.flip(x),
    "cumsum": lambda m, x: m.cumsum(x, axis=0),
    "tile": lambda m, x: m.tile(x, (2, 1)),
    "repeat": lambda m, x: m.repeat(x, 2),
    "pad": lambda m, x: m.pad(x, 1),
    "sort": lambda m, x: m.sort(x, axis=0),
    "take": lambda m, x: m.take(x, jnp.array([2, 0]), axis=1),
    "var": lambda m, x: m.var(x, axis=0, ddof=1),
    "softmax": lambda m, x: getattr(m, "softmax", jax.nn.softmax)(x, 0),
    "reshape to the same shape": lambda m, x: m.reshape(x, x.shape),
}


class Indexed:
    """The operations, of which `getitem` is spelled as an index."""

    def __init__(self, x):
        self.x = x

    def __getitem__(self, index):
        return ops.getitem(self.x, index)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", SYMBOLIC)
def test_a_program_is_exported_for_any_number_of_rows(name):
    call, (b,) = SYMBOLIC[name], jax.export.symbolic_shape("b")
    ours = (lambda x: call(ops, Indexed(x))) if "getitem" in name else (lambda x: call(ops, x))
    exported = jax.export.export(jax.jit(ours))(jax.ShapeDtypeStruct((b, 3), jnp.float32))
    for rows in (2, 5):
        x = jnp.arange(1.0, 1 + 3 * rows).reshape(rows, 3)
        np.testing.assert_allclose(exported.call(x), call(jnp, x), rtol=1e-6)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", SYMBOLIC)
def test_derivatives_are_exported_for_any_number_of_rows(name):
    call, (b,) = SYMBOLIC[name], jax.export.symbolic_shape("b")
    ours, theirs = (lambda x: ops.sum(ops.square(call(ops, x)))), (lambda x: (call(jnp, x) ** 2).sum())
    derivatives = lambda x: (autodiff.grad(ours)(x), autodiff.jvp(lambda x: call(ops, x), (x,), (x,)))
    exported = jax.export.export(jax.jit(derivatives))(jax.ShapeDtypeStruct((b, 3), jnp.float32))
    x = jnp.arange(1.0, 16).reshape(5, 3)
    expected = jax.grad(theirs)(x), jax.jvp(lambda x: call(jnp, x), (x,), (x,))
    for actual, wanted in zip(jax.tree.leaves(exported.call(x)), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-5, atol=1e-6)


def test_a_symbolic_number_of_rows_is_counted_as_jax_counts_it():
    (b,) = jax.export.symbolic_shape("b")
    twice = lambda x: ops.add(ops.getitem(x, slice(None, None, 2)), x[::2])
    exported = jax.export.export(jax.jit(twice))(jax.ShapeDtypeStruct((b, 3), jnp.float32))
    x = jnp.arange(15.0).reshape(5, 3)
    np.testing.assert_array_equal(exported.call(x), 2 * x[::2])


@pytest.mark.parametrize("name", ["prod", "cumprod", "diag", "diagonal", "trace"])
def test_what_depends_on_the_number_of_rows_says_so(name):
    (b,) = jax.export.symbolic_shape("b")
    with pytest.raises(
        ValueError, match=r"axis 0 of `x` has size (3\*)?b: how .* depends on it, so export with a number"
    ):
        jax.export.export(jax.jit(lambda x: getattr(ops, name)(x)))(jax.ShapeDtypeStruct((b, 3), jnp.float32))


@pytest.mark.parametrize(
    ("index", "of_python"),
    [(np.True_, True), (np.False_, False), ((np.True_, 0), (True, 0)), ((..., np.True_), (..., True))],
)
def test_a_boolean_of_numpys_is_one_of_pythons(index, of_python):
    np.testing.assert_array_equal(ops.getitem(x, index), x[of_python])


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        ((0, 0, 0), IndexError, r"an index of 3 parts and 0 `\.\.\.` does not fit an array with 2 axes"),
        ((..., 0, ...), IndexError, r"an index of 1 parts and 2 `\.\.\.` does not fit"),
        (1.0, TypeError, r"the index 1\.0 is no integer: use an int, a slice"),
        ("a", TypeError, "the index 'a' is no integer"),
        (slice(0, 1.5), TypeError, r"the index 1\.5 is no integer"),
        (slice(True, 3), TypeError, "the index True is no integer"),
        (slice(np.True_, 3), TypeError, "the index np.True_ is no integer"),
        (slice(None, None, np.True_), TypeError, "the index np.True_ is no integer"),
        (slice(np.float32(1), None), TypeError, r"the index np.float32\(1.0\) is no integer"),
        (slice(jnp.float32(1), None), TypeError, r"the index Array\(1\., dtype=float32\) is no integer"),
        (slice(None, [1]), TypeError, r"the index \[1\] is no integer"),
        (np.float32(1), TypeError, r"the index np.float32\(1.0\) is no integer"),
        (2, IndexError, "index 2 is out of bounds for axis 0 of size 2"),
    ],
)
def test_what_is_no_index_is_refused(index, error, message):
    with pytest.raises(error, match=message):
        ops.getitem(x, index)


def test_bounds_of_a_slice_may_be_any_integers_but_not_traced():
    np.testing.assert_array_equal(ops.getitem(x, slice(jnp.int32(1), np.uint8(2))), x[1:2])
    with pytest.raises(TypeError, match="`index` is traced and has no numbers yet: take entries at traced places with"):
        jax.jit(lambda n: ops.getitem(x, slice(n, None)))(1)


def test_a_finite_length_is_computed_without_infinity():
    with jax.debug_infs(True):
        np.testing.assert_allclose(ops.hypot(x, 3.0), jnp.hypot(x, 3.0), rtol=1e-6)
        np.testing.assert_allclose(jax.vmap(ops.hypot)(x, x), jnp.hypot(x, x), rtol=1e-6)


NOT_SIZES = {
    "a float": (2.5, TypeError),
    "a bool": (True, TypeError),
    "a word": ("ab", TypeError),
    "None": (None, TypeError),
    "floats": ((2.0, 3), TypeError),
    "bools": ((True, 6), TypeError),
    "negative": ((-2, 3), ValueError),
    "huge": (2**40, ValueError),
}
SIZES = {"reshape": "shape", "broadcast_to": "shape", "tile": "reps", "repeat": "repeats", "split": "sections"}


@pytest.mark.parametrize("value", NOT_SIZES)
@pytest.mark.parametrize("name", SIZES)
def test_what_is_no_size_is_refused_by_name(name, value):
    given, error = NOT_SIZES[value]
    with pytest.raises((error, TypeError), match=f"`{SIZES[name]}`="):
        getattr(ops, name)(x, given)


@pytest.mark.parametrize("value", [2.5, True, "ab", None, (2.0, 3)])
def test_what_is_no_new_axis_is_refused_by_name(value):
    with pytest.raises(TypeError, match="`axis`="):
        ops.expand_dims(x, value)


ONE_AXIS = {
    **{name: lambda axis, name=name: getattr(ops, name)(x, axis=axis) for name in ("cumsum", "cumprod", "sort")},
    **{name: lambda axis, name=name: getattr(ops, name)(x, 1, axis=axis) for name in ("take", "repeat", "split")},
    **{name: lambda axis, name=name: getattr(ops, name)([x, x], axis=axis) for name in ("concatenate", "stack")},
    "swapaxes": lambda axis: ops.swapaxes(x, axis, 0),
    "diagonal": lambda axis: ops.diagonal(x, 0, axis, 0),
}


@pytest.mark.parametrize("name", ONE_AXIS)
def test_one_axis_is_no_list_of_them(name):
    with pytest.raises(TypeError, match=r"`axis1?`=\(0, 1\) must be an int, not tuple"):
        ONE_AXIS[name]((0, 1))


_UNLIKE = r"`x` has shape \(2, 3\) and `y` has shape \(4,\): counted from the last, axes must have one size"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.reshape(x, (4, 2)), r"`shape`=\(4, 2\) cannot hold 6 entries: it has 8 places"),
        (lambda: ops.broadcast_to(x, (3, 2)), r"`shape`=\(3, 2\) is not made of copies of \(2, 3\)"),
        (lambda: ops.broadcast_to(x, (3,)), r"`shape`=\(3,\) is not made of copies of \(2, 3\)"),
        (lambda: ops.transpose(x, (0, 2)), r"`axes`=\(0, 2\) is out of range"),
        (lambda: ops.moveaxis(x, 0, 2), "`destination`=2 is out of range"),
        *((lambda f=f: f(x, jnp.ones(4)), _UNLIKE) for f in (ops.add, ops.div, ops.power, ops.hypot, ops.floor_divide)),
        (lambda: ops.total([x, jnp.ones(4)]), _UNLIKE),
        (
            lambda: ops.where(x > 0, x, jnp.ones(4)),
            r"`condition` has shape \(2, 3\) and `x` has .* `y` has shape \(4,\)",
        ),
        (
            lambda: ops.matmul(jnp.ones((2, 3, 3)), jnp.ones((4, 3, 3))),
            r"`x\[\.\.\., 0, 0\]` has shape \(2,\) and `y\[",
        ),
        (
            lambda: ops.concatenate([x, jnp.ones(4)]),
            r"`xs\[1\]` has shape \(4,\) and `xs\[0\]` \(2, 3\): they may differ",
        ),
        (lambda: ops.concatenate([x, jnp.ones((2, 4))]), r"`xs\[1\]` has shape \(2, 4\) .* along axis 0 alone"),
        (lambda: ops.stack([x, jnp.ones((2, 4))]), r"`xs\[1\]` has shape \(2, 4\) and .*: stack those of one shape"),
    ],
)
def test_shapes_and_axes_that_do_not_fit_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("value", [(1, 2, 3), [[1, 2, 3]], [[1, 2], [3, 4], [5, 6]], "a", None, 1j, [None, 1]])
def test_what_is_no_constant_for_each_side_is_refused_by_name(value):
    with pytest.raises((TypeError, ValueError), match="`constant_values`="):
        ops.pad(x, 1, constant_values=value)


def test_nothing_is_split_into_parts_without_entries():
    assert [part.shape for part in ops.split(jnp.arange(0), 3)] == [(0,)] * 3


def test_several_shifts_of_all_entries_add_up():
    np.testing.assert_array_equal(ops.roll(x, (1, 2)), np.roll(x, (1, 2)))


@pytest.mark.parametrize("values", [lambda c: c, lambda c: (c, 1), lambda c: ((1, c), (c, 2)), lambda c: ((c, 1),)])
def test_constants_of_a_padding_may_be_traced(values):
    ours = lambda c: ops.pad(x, 1, constant_values=values(c))
    padded = np.pad(x, 1, constant_values=values(2.0))
    for call in (ours, jax.jit(ours), lambda c: jax.vmap(ours)(c[None])[0]):
        np.testing.assert_array_equal(call(jnp.float32(2)), padded)
    w = jnp.arange(20.0).reshape(4, 5)
    slope = np.sum(w, where=np.pad(x, 1, constant_values=values(7.0)) != padded)
    assert autodiff.grad(lambda c: ops.sum(ops.mul(w, ours(c))))(2.0) == slope
    assert jax.grad(lambda c: (w * ours(c)).sum())(2.0) == slope


def test_pairs_of_constants_may_be_a_traced_array():
    ours = lambda c: ops.pad(x, 1, constant_values=c)
    for pairs in (np.array([1.0, 2.0]), np.arange(4.0).reshape(2, 2)):
        np.testing.assert_array_equal(jax.jit(ours)(pairs), np.pad(x, 1, constant_values=pairs))


@pytest.mark.parametrize(
    "z", [[1, 2, np.inf], [np.inf, np.inf, 1], [-np.inf, 1, 2], [-np.inf] * 3, [np.nan, 1, 2]], ids=str
)
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_a_softmax_of_what_is_not_finite_is_that_of_jax(name, z):
    """NaN beside ∞, in value and gradient: the quotient ∞/∞ has none."""
    z, w, theirs = jnp.asarray(z, jnp.float32), jnp.arange(1.0, 4), getattr(jax.nn, name)
    np.testing.assert_allclose(getattr(ops, name)(z), theirs(z), rtol=1e-6)
    gradient = autodiff.grad(lambda z: ops.sum(ops.mul(w, getattr(ops, name)(z))))(z)
    np.testing.assert_allclose(gradient, jax.grad(lambda z: (w * theirs(z)).sum())(z), rtol=1e-5)
