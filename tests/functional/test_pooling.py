"""Pooling against loops over windows, and the matrices that it multiplies by."""

from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import Any

import hypothesis.strategies as st
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given

from minicnn import avg_pool, conv, lp_pool, max_pool, max_unpool
from minicnn.functional.pooling import avg_pool_map, max_pool_map_at
from tests import oracles
from tests.equations import equations
from tests.strategies import seeds

equal = np.testing.assert_array_equal
EPS = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Pool:
    """One pooling and what each of its windows sees."""

    in_size: tuple[int, ...]
    window: tuple[int, ...]
    stride: tuple[int, ...] | None = None
    padding: Any = "VALID"
    dilation: tuple[int, ...] = ()
    ceil_mode: bool = False

    @property
    def options(self) -> dict[str, Any]:
        dilation = self.dilation or (1,) * len(self.window)
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": dilation,
            "ceil_mode": self.ceil_mode,
        }

    @property
    def seen(self) -> np.ndarray:
        rank, stride = len(self.window), self.stride or self.window
        dilation = self.dilation or (1,) * rank
        padding = self.padding if isinstance(self.padding, tuple) else (self.padding,) * rank
        rows = zip(padding, self.in_size, self.window, stride, dilation, (1,) * rank, strict=True)
        pads = [oracles.widths(*row) for row in rows]
        ceil_mode = self.ceil_mode and self.padding not in ("SAME", "SAME_LOWER")
        return oracles.windows(self.in_size, self.window, stride, pads, dilation, ceil_mode=ceil_mode)


@st.composite
def pools(draw: Any) -> Pool:
    """Pools whose every window sees the input: overlapping, strided, dilated, padded, cropped, overhanging."""
    rank = draw(st.sampled_from([1, 1, 2]))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, high), min_size=rank, max_size=rank)))

    window, dilation = each(1, 3), each(1, 2)
    extent = [d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True)]
    in_size = tuple(e + draw(st.integers(0, 4)) for e in extent)
    pairs = tuple((draw(st.integers(0, e // 2)), draw(st.integers(0, e // 2))) for e in extent)
    pool = Pool(
        in_size,
        window,
        draw(st.one_of(st.none(), st.just(each(1, 3)))),
        draw(st.sampled_from(["VALID", "SAME", "SAME_LOWER", pairs])),
        dilation,
        draw(st.booleans()),
    )
    rank_axes = tuple(range(rank, 2 * rank))
    assume((pool.seen >= 0).any(axis=rank_axes).all())
    return pool


CORNERS = {
    "window": Pool((4, 4), (2, 2)),
    "overlapping": Pool((5, 5), (3, 3), (1, 1)),
    "gaps": Pool((7,), (2,), (3,)),
    "padded": Pool((4, 5), (3, 3), (2, 2), ((1, 1), (1, 0))),
    "same": Pool((5, 5), (2, 3), (2, 2), "SAME"),
    "same_ceil": Pool((5,), (2,), (2,), "SAME", ceil_mode=True),
    "ceil": Pool((5, 6), (2, 4), (2, 3), ceil_mode=True),
    "ceil_padded": Pool((5,), (3,), (2,), ((1, 1),), ceil_mode=True),
    "ceil_drops_the_window_in_the_high_padding": Pool((3,), (2,), (2,), ((1, 1),), ceil_mode=True),
    "ceil_of_a_window_that_starts_at_the_last_pixel": Pool((4,), (2,), (3,), ceil_mode=True),
    "ceil_dilated": Pool((8,), (2,), (2,), dilation=(3,), ceil_mode=True),
    "cropped": Pool((8,), (2,), None, ((-2, -1),)),
    "dilated": Pool((7, 6), (3, 2), (1, 2), dilation=(2, 3)),
    "one_window": Pool((3, 3), (3, 3)),
    "size_1": Pool((1,), (1,)),
    "large, overlapping": Pool((17, 13), (11, 7), (1, 2), ((3, 2), (0, 3))),
    "large, in blocks": Pool((23, 19), (7, 8), (3, 5), ((2, 1), (3, 3)), ceil_mode=True),
    "large, side by side": Pool((16, 12), (8, 4)),
    "large, with gaps": Pool((25,), (11,), (13,)),
    "large, dilated": Pool((40, 9), (12, 2), (3, 1), ((5, 0), (1, 1)), (3, 2)),
    "3d": Pool((4, 3, 2), (2, 2, 2), (1, 1, 1), ceil_mode=True),
}


def draw_images(pool: Pool, seed: int, ties: bool = False) -> np.ndarray:
    values = np.random.default_rng(seed).integers(-2 if ties else -30, 3 if ties else 31, (2, *pool.in_size, 2))
    return values.astype(np.float32)


@cache
def compiled(pool: Pool) -> Any:
    def everything(x: Any, y_bar: Any) -> Any:
        y, vjp, indices = jax.vjp(
            lambda x: max_pool(x, pool.window, return_indices=True, **pool.options), x, has_aux=True
        )
        return y, indices, vjp(y_bar)[0]

    return jax.jit(everything)


def check_max(pool: Pool, x: np.ndarray) -> None:
    """Values, positions and gradient against the loop over windows."""
    winners = oracles.max_winners(x, pool.seen)
    y_bar = np.random.default_rng(0).integers(-4, 5, winners.shape).astype(np.float32)
    y, indices, x_bar = compiled(pool)(x, y_bar)
    equal(indices, winners)
    assert indices.dtype == jnp.int32
    flat = x.reshape(len(x), -1, x.shape[-1])
    equal(y, np.take_along_axis(flat, winners.reshape(len(x), -1, x.shape[-1]), axis=1).reshape(winners.shape))
    equal(x_bar, (oracles.selection(winners, pool.in_size).T @ y_bar.ravel()).reshape(x.shape))


@given(pools(), seeds)
def test_the_vjp_of_max_pool_is_the_transposed_selection(pool, seed):
    check_max(pool, draw_images(pool, seed))


@given(pools(), seeds)
def test_ties_go_to_the_first_position(pool, seed):
    x = draw_images(pool, seed, ties=True)
    _, indices = jax.jit(lambda x: max_pool(x, pool.window, return_indices=True, **pool.options))(x)
    equal(indices, oracles.max_winners(x, pool.seen))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("pool", CORNERS.values(), ids=CORNERS)
def test_max_pool_in_the_corners(pool):
    check_max(pool, draw_images(pool, 0, ties=True))


@pytest.mark.parametrize("share", [0.2, 0.8, 1.0])
@pytest.mark.parametrize("special", [np.nan, -np.inf, np.inf])
@pytest.mark.parametrize("name", ["overlapping", "padded", "ceil", "large, overlapping", "large, in blocks"])
def test_max_pool_of_nan_and_infinities(name, special, share):
    """NaN wins, the first one where there are several; −inf loses to everything but the padding."""
    x = draw_images(CORNERS[name], 1)
    x[np.random.default_rng(2).random(x.shape) < share] = special
    check_max(CORNERS[name], x)


def test_unpooling_at_the_winners_is_the_vjp():
    pool = CORNERS["overlapping"]
    x = draw_images(pool, 0, ties=True)
    y, indices, _ = compiled(pool)(x, np.zeros((2, 3, 3, 2), np.float32))
    _, _, x_bar = compiled(pool)(x, y)
    equal(max_unpool(y, indices, pool.in_size), x_bar)


@pytest.mark.parametrize("of", [jnp.asarray, np.asarray, jax.jit])
def test_booleans_are_not_unpooled(of):
    y, indices = np.ones((2, 1), bool), np.array([[0], [3]])
    call = of(lambda y: max_unpool(y, indices, (4,))) if of is jax.jit else lambda y: max_unpool(of(y), indices, (4,))
    with pytest.raises(TypeError, match=r"`y` is bool: convert it to numbers with y\.astype"):
        call(y)
    equal(call(y.astype(int)).ravel(), [1, 0, 0, 1])


def test_overlapping_windows_add():
    x = np.array([0.0, 9.0, 0.0]).reshape(3, 1)
    x_bar = jax.grad(lambda x: max_pool(x, (2,), stride=1).sum())(x)
    equal(x_bar.ravel(), [0, 2, 0])


def test_the_selection_at_an_image_is_the_matrix_of_max_pool():
    pool = CORNERS["padded"]
    x = draw_images(pool, 0, ties=True)[0]
    S = max_pool_map_at(jnp.asarray(x), pool.window, **pool.options)
    expected = oracles.selection(oracles.max_winners(x[None], pool.seen), pool.in_size)

    def everything(S, x):
        jacobians = [j(lambda x: max_pool(x, pool.window, **pool.options))(x) for j in (jax.jacfwd, jax.jacrev)]
        return S.matrix(), jacobians, S(x), max_pool(x, pool.window, **pool.options)

    matrix, jacobians, Sx, y = jax.jit(everything)(S, x)
    equal(S.to_scipy().toarray(), expected)
    for M in (matrix, *jacobians):
        equal(M.reshape(expected.shape), expected)
    equal(Sx, y)


@pytest.mark.parametrize("dtype", [np.int32, np.int8, np.uint8])
def test_max_pool_of_integers(dtype):
    pool = CORNERS["padded"]
    x = np.random.default_rng(0).integers(np.iinfo(dtype).min, 5, (2, *pool.in_size, 2)).astype(dtype)
    y, indices = max_pool(x, pool.window, return_indices=True, **pool.options)
    winners = oracles.max_winners(x, pool.seen)
    assert y.dtype == dtype
    equal(indices, winners)
    flat = np.take_along_axis(x.reshape(2, -1, 2), winners.reshape(2, -1, 2), axis=1)
    equal(np.ravel(y), flat.ravel())


def test_the_lowest_integer_beats_the_padding():
    lowest = np.iinfo(np.int32).min
    y, indices = max_pool(np.full((3, 1), lowest, np.int32), (3,), stride=1, padding=1, return_indices=True)
    equal(np.ravel(y), [lowest] * 3)
    equal(np.ravel(indices), [0, 0, 1])


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
def test_max_pool_is_laxs_reduce_window(padding):
    x = draw_images(Pool((7, 6), (3, 2)), 0)
    ours = max_pool(x, (3, 2), stride=2, padding=padding)
    equal(ours, jax.lax.reduce_window(x, -np.inf, jax.lax.max, (1, 3, 2, 1), (1, 2, 2, 1), padding))


def check_average(pool: Pool, seed: int) -> None:
    x = draw_images(pool, seed)
    both = jax.jit(
        lambda x: [avg_pool(x, pool.window, count_include_pad=include, **pool.options) for include in (False, True)]
    )(x)
    for include, y in zip((False, True), both, strict=True):
        expected = oracles.avg_pool(x, pool.seen, include)
        np.testing.assert_allclose(y, expected, rtol=2 * EPS)  # the sum is exact; XLA may multiply by 1/count


@given(pools(), seeds)
def test_avg_pool_is_the_loop_over_windows(pool, seed):
    check_average(pool, seed)


@pytest.mark.parametrize("pool", CORNERS.values(), ids=CORNERS)
def test_avg_pool_in_the_corners(pool):
    check_average(pool, 0)


def test_the_overhang_is_never_counted():
    x = jnp.arange(1.0, 6.0).reshape(5, 1)
    for include, last in ((False, 5.0), (True, 5.0)):
        y = avg_pool(x, (2,), ceil_mode=True, count_include_pad=include)
        equal(y.ravel(), [1.5, 3.5, last])
    padded = {"padding": ((1, 1),), "stride": 2, "ceil_mode": True}  # windows 0-2, 2-4, 4-6 of 7, none overhangs
    equal(avg_pool(x, (3,), **padded).ravel(), [1.5, 3.0, 4.5])
    equal(avg_pool(x, (3,), count_include_pad=True, **padded).ravel(), [1.0, 3.0, 3.0])


@given(pools(), seeds)
def test_the_01_part_of_avg_pool_sums_and_its_transpose_spreads(pool, seed):
    x = draw_images(pool, seed)
    S = avg_pool_map((*pool.in_size, 2), pool.window, **pool.options).S
    y_bar = np.random.default_rng(seed).integers(-4, 5, (2, *S.out_shape)).astype(np.float32)
    positions, channels = int(np.prod(pool.in_size)), np.eye(2)
    windows = pool.seen.reshape(S.shape[0] // 2, -1)
    expected = np.kron((windows[:, :, None] == np.arange(positions)).any(axis=1), channels)

    def everything(x, y_bar):
        _, vjp = jax.vjp(S, x)
        return S(x), S.T(y_bar), vjp(y_bar)[0], S.matrix(), S.T.matrix()

    y, spread, x_bar, M, M_T = jax.jit(everything)(x, y_bar)
    equal(M, expected)
    equal(M_T, expected.T)
    equal(np.reshape(y, (2, -1)), x.reshape(2, -1) @ expected.T)
    equal(np.reshape(spread, (2, -1)), y_bar.reshape(2, -1) @ expected)
    equal(x_bar, spread)


@pytest.mark.parametrize("include", [False, True])
def test_the_matrix_of_avg_pool_is_the_01_part_over_the_counts(include):
    pool = CORNERS["padded"]
    A = avg_pool_map((*pool.in_size, 1), pool.window, count_include_pad=include, **pool.options)
    counts = np.broadcast_to(A.count, A.out_shape).ravel()
    equal(A.matrix(), np.asarray(A.S.matrix()) / counts[:, None])
    x = draw_images(pool, 0)[..., :1]
    equal(A(jnp.asarray(x)), avg_pool(x, pool.window, count_include_pad=include, **pool.options))


def test_the_vjp_of_avg_pool_is_the_transposed_matrix():
    pool = Pool((6, 5), (2, 2), (1, 1))  # counts are powers of two, so that nothing rounds
    x = draw_images(pool, 0)
    M = np.asarray(avg_pool_map((*pool.in_size, 2), pool.window, **pool.options).matrix())
    y, vjp = jax.vjp(lambda x: avg_pool(x, pool.window, **pool.options), x)
    y_bar = np.random.default_rng(0).integers(-4, 5, y.shape).astype(np.float32)
    equal(np.reshape(vjp(y_bar)[0], (2, -1)), y_bar.reshape(2, -1) @ M)
    for jacobian in (jax.jacfwd, jax.jacrev):
        equal(jacobian(lambda x: avg_pool(x, pool.window, **pool.options))(x[0]).reshape(M.shape), M)


@pytest.mark.parametrize("batch", [(), (0,), (2, 3)], ids=str)
@pytest.mark.parametrize("pool", [max_pool, avg_pool])
def test_leading_axes_are_a_batch(pool, batch):
    x = np.random.default_rng(0).integers(-4, 5, (*batch, 4, 6, 2)).astype(np.float32)
    y = pool(x, (2, 2))
    assert y.shape == (*batch, 2, 3, 2)
    for place in np.ndindex(*batch):
        equal(y[place], pool(x[place], (2, 2)))


@pytest.mark.parametrize("stride", [1, 2, 64])
@pytest.mark.parametrize("pool", [max_pool, avg_pool, lp_pool])
def test_programs_do_not_grow_with_the_window(pool, stride):
    """Beyond a few taps the steps of a window grow with the logarithm of its size, in the gradient too."""
    x = jnp.zeros((1, 260, 260, 1))

    def gradient(x: Any, window: int) -> Any:
        return jax.vjp(lambda x: pool(x, (window, window), stride=stride), x)

    small, large = (len(list(equations(jax.make_jaxpr(lambda x, k=k: gradient(x, k)[0])(x)))) for k in (8, 255))
    assert large < 3 * small + 100


def test_a_window_as_long_as_the_input_is_pooled_without_a_table_of_windows():
    x = np.random.default_rng(0).integers(-9, 10, (200_000, 1)).astype(np.float32)
    seen = np.lib.stride_tricks.sliding_window_view(x[:, 0], 1000)
    y, x_bar = jax.jit(jax.value_and_grad(lambda x: max_pool(x, (1000,), stride=1).sum()))(x)
    assert (y, x_bar.sum()) == (seen.max(1).sum(dtype=np.float64), len(seen))
    equal(max_pool(x, (33_000,), stride=1000).ravel(), [x[n : n + 33_000].max() for n in range(0, 167_001, 1000)])


@pytest.mark.parametrize("pool", [max_pool, avg_pool])
def test_padding_that_no_window_needs_is_not_stored(pool):
    far, x = 10**8, jnp.arange(5.0).reshape(5, 1)
    equal(pool(x, (3,), stride=1, padding=far, dilation=far), x)
    with pytest.raises(ValueError, match="window 0 on axis 0 lies wholly in the padding"):
        pool(x, (3,), padding=far, stride=far)
    with pytest.raises(ValueError, match="window 5 on axis 0 lies wholly in the padding"):
        pool(x, (12,), stride=1, padding=6 * far, dilation=far)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("far", [10**3, 10**6])
@pytest.mark.parametrize("pool", [max_pool, avg_pool, *(partial(lp_pool, p=p) for p in (1, 2, 3, 7, np.inf))])
def test_what_is_stored_does_not_grow_with_the_padding(pool, far):
    """A window of padding but for a few entries holds what a window of these alone does."""
    x = jnp.arange(1.0, 21).reshape(4, 5, 1)
    one = partial(pool, window=(2 * far, 2 * far), padding=far - 2)
    four = partial(pool, window=(far + 2, far + 2), padding=far, stride=far)
    slope = lambda pool: jax.grad(lambda x: pool(x).sum())
    for padded in (one, four):
        once = slope(padded)
        twice = lambda x, f=once: jax.jvp(f, (x,), (x,))
        for call in (padded, once, twice):
            program = jax.make_jaxpr(call)(x)
            assert max(o.aval.size for each in equations(program) for o in each.outvars) < 20 * x.size
    alone = partial(pool, window=(4, 5))
    np.testing.assert_allclose(one(x), alone(x), rtol=1e-6)
    np.testing.assert_allclose(slope(one)(x), slope(alone)(x), rtol=1e-6)


def test_sums_of_windows_see_nothing_but_their_own_window():
    """What is not finite, or so large that all else is lost beside it, stays in the windows that hold it."""
    x = np.ones((40, 1), np.float32)
    x[20], x[33] = np.inf, 1e30
    y, x_bar = jax.value_and_grad(lambda x: avg_pool(x, (7,), stride=1)[:13].sum())(jnp.asarray(x))
    assert (y, x_bar[33]) == (13, 0)
    y = avg_pool(x, (7,), stride=1).ravel()
    equal(y[:14], 1)
    equal(np.isinf(y), [14 <= o <= 20 for o in range(34)])
    equal(y[21:27], 1)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_short_floats_are_summed_in_float32(dtype):
    assert avg_pool(jnp.ones((512, 1), dtype), (512,)) == 1
    assert avg_pool(jnp.full((65_536, 1), 2, dtype), (65_536,)) == 2
    x = jnp.ones((799, 1), dtype).at[399].set(2)  # all 400 windows choose the one in the middle
    assert jax.grad(lambda x: max_pool(x, (400,), stride=1).sum())(x)[399] == 400
    S = max_pool_map_at(x, (400,), stride=1)
    assert S.T(jnp.ones(S.out_shape, dtype))[399] == 400
    assert max_unpool(jnp.ones((512, 1), dtype), jnp.zeros((512, 1), int), (1,)) == 512


def test_derivatives_of_derivatives_of_large_windows():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(20, 1)))
    f = lambda x: (max_pool(x, (12,), stride=2) ** 3).sum() + (avg_pool(x, (12,), stride=2) ** 3).sum()
    M = np.stack([np.eye(20)[o + np.argmax(x[o : o + 12])] for o in (0, 2, 4, 6, 8)])
    A = np.stack([np.isin(range(20), range(o, o + 12)) / 12 for o in (0, 2, 4, 6, 8)])
    expected = sum(6 * W.T @ np.diag(W @ np.asarray(x)[:, 0]) @ W for W in (M, A))
    hessians = [outer(inner(f))(x).reshape(20, 20) for outer, inner in product((jax.jacfwd, jax.jacrev), repeat=2)]
    for hessian in hessians:
        np.testing.assert_allclose(hessian, expected, atol=1e-4)
    y = jax.vmap(lambda x: max_pool(x, (12,), stride=2))(jnp.stack([x, -x]))
    equal(y, max_pool(jnp.stack([x, -x]), (12,), stride=2))


def test_the_golden_pools_of_dumoulin_and_visin():
    x = jnp.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]], jnp.float32)
    means = avg_pool(x[..., None], (3, 3), stride=1)[..., 0]
    np.testing.assert_allclose(means, [[1.7, 1.7, 1.7], [1.0, 1.2, 1.8], [1.1, 0.8, 1.3]], atol=0.05)
    equal(max_pool(x[..., None], (3, 3), stride=1)[..., 0], [[3, 3, 3], [3, 3, 3], [3, 2, 3]])


@pytest.mark.parametrize("special", [0.0, np.nan, -np.inf])
@pytest.mark.parametrize("shape", [(2, 4, 6, 3), (4, 6, 3)])
def test_short_windows_side_by_side_are_reductions(shape, special):
    """Where a derivative is taken they are shifts, with the same values."""
    x = np.random.default_rng(0).integers(-9, 10, shape).astype(np.float32)
    x[..., 1, 2, :] = special
    blocks = x.reshape(*shape[:-3], 2, 2, 3, 2, shape[-1])
    counts = {max_pool: (2, 1), avg_pool: (0, 2)}  # maxima: taps of the last axis as slices; averages: both axes
    for pool, expected in ((max_pool, blocks.max((-4, -2))), (avg_pool, blocks.mean((-4, -2)))):
        alone = str(jax.make_jaxpr(lambda x, pool=pool: pool(x, (2, 2)))(x))
        assert (alone.count(" slice["), alone.count(" reduce")) == counts[pool]
        equal(pool(x, (2, 2)), expected)
        equal(jax.vjp(lambda x, pool=pool: pool(x, (2, 2)), x)[0], expected)


def test_windows_that_are_not_asked_for_are_not_computed():
    program = jax.make_jaxpr(lambda x: avg_pool(x, (8, 8), stride=256))(jnp.ones((1, 256, 256, 1)))
    assert "f32[1,8,256,1]" in str(program)
    assert "f32[1,32," not in str(program)  # all that there are on the first axis


@pytest.mark.parametrize("pool", [max_pool, avg_pool])
def test_a_program_is_exported_for_any_number_of_channels(pool):
    images, channels = jax.export.symbolic_shape("b, c")
    x = np.random.default_rng(0).integers(-9, 10, (2, 9, 9, 3)).astype(np.float32)
    exported = jax.export.export(jax.jit(lambda x: pool(x, (3, 3))))(
        jax.ShapeDtypeStruct((images, 9, 9, channels), jnp.float32)
    )
    np.testing.assert_allclose(exported.call(x), pool(x, (3, 3)), rtol=2.0**-22)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("channels", [3, 40])
@pytest.mark.parametrize(("window", "size"), [(5, 11), (9, 19), (64, 64), (64, 129)])
@pytest.mark.parametrize("at", ["first", "middle", "last"])
def test_a_nan_is_the_maximum_of_its_window_however_long(window, size, channels, at):
    x = np.random.default_rng(0).normal(size=(1, size, size, channels)).astype(np.float32)
    x[0, *divmod({"first": 0, "middle": window**2 // 2, "last": window**2 - 1}[at], window)] = np.nan
    pool = lambda x: max_pool(x, (window, window))
    for y in (pool(x), jax.vjp(pool, x)[0]):
        assert np.isnan(y[0, 0, 0]).all()
        assert not np.isnan(y[0, 1:]).any()


@pytest.mark.parametrize("channels", [1, 16])
@pytest.mark.parametrize(("window", "size"), [(49, 50), (56, 113), (59, 60), (60, 149), (64, 129)])
def test_maxima_of_long_windows_are_those_of_their_parts_whatever_is_left_over(window, size, channels):
    """With many channels 56 entries are two parts of 28; 59 have none, and what 60 leave of 149 is less than a part."""
    x = np.random.default_rng(0).permutation(size**2 * channels).astype(np.float32).reshape(1, size, size, channels)
    count = size // window
    tiles = x[:, : count * window, : count * window].reshape(1, count, window, count, window, channels)
    equal(max_pool(x, (window, window)), tiles.max((2, 4)))


@pytest.mark.parametrize("over", [(0, 2), (5, 0), (-1, -5)])
def test_long_windows_side_by_side_may_leave_entries_over_or_reach_beyond_the_end(over):
    """They are tiles of the image without what they leave over; where they reach beyond, padding is in them."""
    sizes = tuple(12 + more for more in over)
    x = np.random.default_rng(0).integers(-9, 10, (2, *sizes, 3)).astype(np.float32)
    padding = tuple((0, max(-more, 0)) for more in over)
    whole = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=-np.inf)[:, :12, :12]
    tiles = whole.reshape(2, 2, 6, 2, 6, 3)
    equal(max_pool(x, (6, 6), padding=padding), tiles.max((2, 4)))
    zeros = np.where(np.isinf(tiles), 0, tiles)
    means = avg_pool(x, (6, 6), padding=padding, count_include_pad=True)
    np.testing.assert_allclose(36 * means, zeros.sum((2, 4)), rtol=2.0**-22)  # sums of integers; two roundings
    norms = lp_pool(x, (6, 6), padding=padding, p=3) ** 3
    np.testing.assert_allclose(norms, (np.abs(zeros) ** 3).sum((2, 4)), rtol=36 * 2.0**-24)


@pytest.mark.parametrize("p", [1.5, 3])
def test_the_gradient_of_a_norm_stores_no_windows(p):
    x = jnp.zeros((1, 64, 64, 1))
    for stride in (1, 4):
        gradient = jax.jit(jax.grad(lambda x, s=stride: lp_pool(x, (16, 16), p=p, stride=s).sum()))
        memory = gradient.lower(x).compile().memory_analysis()
        assert memory is not None
        assert memory.temp_size_in_bytes < 40 * x.nbytes


@pytest.mark.parametrize("pool", ["overlapping", "padded", "large, in blocks", "3d"])
def test_of_equal_maxima_the_first_in_row_major_order_wins(pool):
    """A window whose first row has its maximum further right than a later row has it all the same in the first."""
    x = np.zeros((1, *CORNERS[pool].in_size, 1), np.float32)
    x[(0, *np.indices(CORNERS[pool].in_size))] = (np.indices(CORNERS[pool].in_size).sum(0) % 3 == 2)[..., None]
    check_max(CORNERS[pool], np.concatenate([x, np.full_like(x, -np.inf)]))


@pytest.mark.parametrize("kind", [np.array, jnp.array, list])
def test_padding_may_be_an_array_of_pairs(kind):
    x = jnp.arange(16.0).reshape(4, 4, 1)
    expected = max_pool(x, (2, 2), padding=((1, 1), (0, 0)))
    np.testing.assert_array_equal(max_pool(x, (2, 2), padding=kind([[1, 1], [0, 0]])), expected)
    w = jnp.ones((2, 2, 1, 1))
    expected = conv(x, w, padding=((1, 1), (0, 0)))
    np.testing.assert_array_equal(conv(x, w, padding=kind([[1, 1], [0, 0]])), expected)


@pytest.mark.parametrize(
    ("shape", "window", "options"),
    [
        ((1, 24, 24, 8), (12, 12), {}),
        ((1, 28, 28, 33), (9, 9), {"stride": 3}),
        ((1, 5, 41, 8), (10, 1), {"stride": (2, 1), "padding": "FULL"}),
        ((1, 24, 24, 8), (7, 7), {"stride": 2}),
    ],
)
def test_winners_of_windows_of_any_size_are_entries_that_their_maxima_are_of(shape, window, options):
    random = np.random.default_rng(0)
    x = random.integers(-4, 5, shape).astype(np.float32)
    x[random.random(shape) < 0.02] = np.nan
    y, winner = max_pool(x, window, return_indices=True, **options)
    flat, at = x.reshape(1, -1, shape[-1]), np.asarray(winner).reshape(1, -1, shape[-1])
    np.testing.assert_array_equal(np.take_along_axis(flat, at, 1).reshape(y.shape), y)


@pytest.mark.parametrize("pool", [max_pool, avg_pool, lp_pool])
def test_a_number_of_channels_may_be_a_symbol(pool):
    f = jax.jit(lambda x: pool(x, (6,), stride=3))
    shape = jax.export.symbolic_shape("2, 20, c")
    exported = jax.export.export(f)(jax.ShapeDtypeStruct(shape, jnp.float32))
    x = jax.random.normal(jax.random.key(0), (2, 20, 5))
    np.testing.assert_allclose(exported.call(x), f(x), rtol=1e-6)


def normalised(y):
    """Images as batch normalisation leaves them: cheap enough for XLA to compute them once for each reader."""
    centred = y - y.mean((0, 1, 2))
    return centred * jax.lax.rsqrt((centred**2).mean((0, 1, 2)) + 1e-5)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("window", [(2, 3), (3, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_winners_are_those_of_what_the_program_before_computes_however_xla_joins_it(seed, window):
    with jax.enable_x64(True):
        y = jax.random.normal(jax.random.key(seed), (2, 7, 13, 5))
        options = {"stride": (2, 1), "padding": "SAME"}
        pool = lambda y: max_pool(normalised(y), window, **options)
        reduced = lambda y: jax.lax.reduce_window(
            normalised(y), -jnp.inf, jax.lax.max, (1, *window, 1), (1, 2, 1, 1), "SAME"
        )
        found, expected = (jax.jit(jax.grad(lambda y, f=f: (f(y) ** 2).sum()))(y) for f in (pool, reduced))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * float(abs(expected).max()))
        _, indices = jax.jit(lambda y: max_pool(normalised(y), window, return_indices=True, **options))(y)
        assert int(indices.max()) < 7 * 13
