"""Why does a U-Net repeat its pixels before it convolves them?

Nearest-neighbour upsampling is a matrix U, the transpose of a sum over 2 × 2 pixels, and an up-convolution is one
matrix, C·U. It is a transposed convolution, too: its kernel has 4 × 4 taps, those of C widened by 2 × 2 ones, and each
of the four phases of the output has taps of one and the same sum. So a flat input gives a flat output, whatever the
weights. The taps of a free kernel are shared out unevenly: 3 × 3 ones at stride 2 meet an input 4, 2, 2 or 1 times, a
checkerboard that repeats with the stride, and its energy lies at the three frequencies (π, 0), (0, π) and (π, π).
The share of the output's energy at these frequencies measures it, in three cases: kernels of ones, for which the share
is 1 − (k²/(s·Σ p²))², where p are the taps of each phase on an axis; independent random weights, which give each
frequency the same energy, so that it is 3/4; and U-Nets trained on images of shapes, on a page without any.

Sources: Ronneberger, Fischer & Brox (2015), U-Net: convolutional networks for biomedical image segmentation, for
up-convolutions and skip connections; Odena, Dumoulin & Olah (2016), Deconvolution and checkerboard artifacts, for
uneven overlap and for upsampling before a convolution; Dumoulin & Visin, *A guide to convolution arithmetic*.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.fitting import fitted
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.shapes import CLASSES, overlaps, shapes
from minicnn import nn, ops
from minicnn.maps import LinearMap
from minicnn.nn import losses
from minicnn.nn.initializers import he_normal

ROWS = (65,)
SMALL = {"seeds": 1, "steps": 150, "draws": 300, "ups": ("C·U", "Cᵀ, 3 × 3")}
FULL = {"seeds": 5, "steps": 2_000, "draws": 10_000}

SIZE = (32, 32)
FINE, COARSE = 8, 16  # channels before and after the pool
STRIDE = 2
SEEN = 200  # images of the training
TESTED = 32  # new images
KERNELS = ((2, 2), (3, 2), (4, 2), (4, 3))  # taps and strides of the transposed convolutions of ones


def run(seeds: int = 3, steps: int = 500, draws: int = 2_000, ups: Sequence[str] = ()) -> Result:
    """Compare C·U with transposed convolutions.

    Args:
        seeds: trainings of each U-Net.
        steps: of each training.
        draws: random kernels.
        ups: which ways to go up are compared; all if none are named.
    """
    ones = {(k, s): share(transposed(np.ones((k, k, 1, 1)), np.ones((6, 6, 1)), s), s) for k, s in KERNELS}
    random = {name: random_share(name, draws) for name in ups or UPS}
    x, labels = shapes(TESTED, SIZE, seed=999)
    pages = np.concatenate([x, np.zeros_like(x[:1])])
    outputs = {name: [_u_net(trained(name, n, steps), pages, name) for n in range(seeds)] for name in random}
    iou = {
        name: np.array([overlaps(np.asarray(scores[:-1].argmax(-1)), labels).mean() for scores, _ in each])
        for name, each in outputs.items()
    }
    flat = {name: [np.asarray(raised[-1])[INSIDE] for _, raised in each] for name, each in outputs.items()}
    learned = {name: [share(features, STRIDE) for features in each] for name, each in flat.items()}
    claims: list[Claim] = [
        *_exact(),
        equal(
            "ones: share at the stride's frequencies",
            list(ones.values()),
            list(map(by_phases, ones)),
            "1 − (k²/(s·Σ p²))²",
            1e-12,
        ),
        equal("C·U, random weights: largest share", random["C·U"], 0, "phases of one sum", 1e-10),
        *(
            equal(
                f"{name}, random weights: share", random[name], 1 - STRIDE**-2, "independent weights", 1.5 / draws**0.5
            )
            for name in random
            if name != "C·U"
        ),
        at_most("C·U, trained: largest share", max(learned["C·U"]), 1e-10, "phases of one sum"),
        at_least(
            "Cᵀ, trained: smallest share",
            min(min(shares) for name, shares in learned.items() if name != "C·U"),
            1e-3,
            "Odena, Dumoulin & Olah",
        ),
        at_least(
            "intersection over union of C·U's labels, mean of the classes, worst seed",
            iou["C·U"].min(),
            0.5,
            "PASCAL's criterion",
        ),
    ]
    tables = (
        Table(
            "Share of the energy at the stride's frequencies, flat input",
            ("up-sampling", "weights", "random", "trained, mean", "mean IoU"),
            tuple(
                (name, np.prod(UPS[name].w_shape(FINE)), random[name], np.mean(learned[name]), iou[name].mean())
                for name in outputs
            ),
        ),
        Table(
            "Transposed convolutions with kernels of ones",
            ("taps", "stride", "inputs of each phase", "share"),
            tuple((f"{k} × {k}", s, str(phases(k, s).tolist()), ones[k, s]) for k, s in KERNELS),
        ),
    )
    spectra = {name: _spectrum(each[0][1][:-1]) for name, each in outputs.items()}
    return Result(claims, tables, (_picture({name: each[0] for name, each in flat.items()}, spectra),))


def up_map(w: Any, in_size: tuple[int, int], padding_mode: str = "zeros") -> LinearMap:
    """The one matrix C(w)·U of an up-convolution."""
    U = upsampling(in_size, w.shape[2], w.dtype)
    return minicnn.conv_map(w, U.out_shape[:-1], padding="SAME", padding_mode=padding_mode) @ U


def upsampling(in_size: tuple[int, int], channels: int, dtype: Any = jnp.float32, stride: int = STRIDE) -> LinearMap:
    """U, which repeats every pixel in both directions: the transpose of a sum over windows."""
    fine = tuple(stride * n for n in in_size)
    return minicnn.weighted_pool_map(jnp.ones((stride, stride, channels), dtype), fine).T


def transposed(w: Any, y: Any, stride: int = STRIDE, padding_mode: str = "circular") -> Any:
    """The transposed convolution Cᵀ·y with an output as many times larger as the stride says."""
    size = [stride * n for n in y.shape[-3:-1]]
    return minicnn.conv_transpose(y, w, stride=stride, padding="SAME", padding_mode=padding_mode, output_size=size)


def share(y: Any, stride: int) -> float:
    """The share of the energy of an output, its mean included, that lies at the frequencies of a stride."""
    energy = np.abs(np.fft.fft2(np.asarray(y, float), axes=(-3, -2))) ** 2
    rows, columns = (n // stride for n in energy.shape[-3:-1])
    aliases = energy[..., ::rows, ::columns, :].sum() - energy[..., 0, 0, :].sum()
    return float(aliases / energy.sum())


def phases(taps: int, stride: int) -> np.ndarray:
    """How many taps each phase of the output of a transposed convolution has on an axis."""
    return np.bincount(np.arange(taps) % stride, minlength=stride)


def by_phases(kernel: tuple[int, int]) -> float:
    """The share for a kernel of ones: what the squared mean of the phases leaves of their mean square."""
    taps, stride = kernel
    return 1 - (taps**2 / (stride * (phases(taps, stride) ** 2).sum())) ** 2


def nearest(w: Any, y: Any, padding_mode: str = "zeros") -> Any:
    """The up-convolution C·U·y."""
    return up_map(w, y.shape[-3:-1], padding_mode)(y)


class Way(NamedTuple):
    """A way to go up: from a kernel and an input, with so many taps on each axis of the kernel."""

    up: Callable[..., Any]
    taps: int

    def w_shape(self, outputs: int) -> tuple[int, ...]:
        """The shape of the kernel; that of a transposed convolution has its outputs first."""
        return (self.taps, self.taps, *((COARSE, outputs) if self.up is nearest else (outputs, COARSE)))


UPS = {"C·U": Way(nearest, 3), "Cᵀ, 3 × 3": Way(transposed, 3), "Cᵀ, 4 × 4": Way(transposed, 4)}


def random_share(name: str, draws: int) -> float:
    """The share, pooled over channels with random kernels, of what they make of a flat input."""
    w = np.random.default_rng(0).normal(size=UPS[name].w_shape(draws)).astype(np.float32)
    return share(UPS[name].up(w, np.ones((4, 4, COARSE), np.float32), padding_mode="circular"), STRIDE)


ENCODER = nn.Sequential((nn.Conv(FINE, (3, 3), padding="SAME"), nn.Activation("relu")))
BOTTOM = nn.Sequential((nn.Conv(COARSE, (3, 3), padding="SAME"), nn.Activation("relu")))
DECODER = nn.Sequential((nn.Conv(FINE, (3, 3), padding="SAME"), nn.Activation("relu"), nn.Conv(len(CLASSES), (1, 1))))


def begun(name: str, key: jax.Array) -> dict[str, Any]:
    """The parameters of a U-Net before its training."""
    keys = jax.random.split(key, 4)
    h, w = SIZE
    return {
        "encoder": ENCODER.init(keys[0], (h, w, 1)),
        "bottom": BOTTOM.init(keys[1], (h // 2, w // 2, FINE)),
        "up": he_normal(keys[2], UPS[name].w_shape(FINE), jnp.float32),
        "decoder": DECODER.init(keys[3], (h, w, 2 * FINE)),
    }


def u_net(params: Any, x: Any, name: str) -> tuple[Any, Any]:
    """The scores of every pixel, and what the up-convolution gave."""
    fine = ENCODER.apply(params["encoder"], x)
    coarse = BOTTOM.apply(params["bottom"], minicnn.max_pool(fine, (STRIDE, STRIDE)))
    raised = UPS[name].up(params["up"], coarse, padding_mode="zeros")
    return DECODER.apply(params["decoder"], ops.concatenate([fine, raised], axis=-1)), raised


_u_net = jax.jit(u_net, static_argnames="name")


def loss_of(name: str, params: Any, x: Any, labels: Any) -> Any:
    """The mean over all pixels of the cross-entropy."""
    return losses.cross_entropy(u_net(params, x, name)[0], labels)


LOSSES = {name: partial(loss_of, name) for name in UPS}


def trained(name: str, seed: int, steps: int) -> Any:
    """The parameters of a U-Net after training on images of one seed."""
    x, labels = shapes(SEEN, SIZE, seed)
    key = jax.random.key(seed)
    return fitted(LOSSES[name], begun(name, key), x, labels, key, steps=steps, batch=4, rate=2e-2)[0]


# Where no border is seen: padding reaches 6 pixels at most, 1 by the encoder, so 1 after the pool, 1 more there by the
# bottom, and 2 by the up-convolution. The rest starts with the first phase and is a multiple of the stride.
INSIDE = (slice(8, -8), slice(8, -8))


def _exact() -> list[Claim]:
    """What holds for all weights, checked on integers."""
    rng = np.random.default_rng(0)
    w, x = rng.integers(-9, 10, (3, 3, 2, 3)), rng.integers(-9, 10, (4, 5, 2))
    A = up_map(jnp.asarray(w), (4, 5))
    U = upsampling((4, 5), 2, jnp.int32)
    C = minicnn.conv_matrix(jnp.asarray(w), (8, 10), padding="SAME")
    by_hand = minicnn.conv(jnp.asarray(x.repeat(2, 0).repeat(2, 1)), jnp.asarray(w), padding="SAME")
    wide = widened(jnp.asarray(w))
    phase_sums = np.asarray(wide).reshape(2, 2, 2, 2, 3, 2).sum((0, 2)).reshape(4, -1)
    merged = minicnn.conv_map(wide, (8, 10), stride=STRIDE, padding=1).T
    return [
        equal("(C·U).matrix() − C.matrix()·U.matrix(), largest", np.abs(A.matrix() - C @ U.matrix()).max(), 0, "C @ U"),
        equal("C·U·x − C of the repeated image, largest", np.abs(A(jnp.asarray(x)) - by_hand).max(), 0, "numpy.repeat"),
        equal("sums of the rows of U", np.unique(U.matrix().sum(1)), [1], "a copy each"),
        equal("entries of U", np.unique(U.matrix()), [0, 1], "a copy each"),
        equal(
            "C·U − Cᵀ of the widened kernel, 4 × 4, largest", np.abs(A.matrix() - merged.matrix()).max(), 0, "composed"
        ),
        equal(
            "sums of its phases − Σ w, largest", np.abs(phase_sums - w.sum((0, 1)).T.ravel()).max(), 0, "even overlap"
        ),
    ]


def widened(w: Any) -> Any:
    """The kernel of the transposed convolution that is C(w)·U: that of Uᵀ·Cᵀ, a convolution and a sum over windows."""
    flipped = ops.transpose(ops.flip(w, (0, 1)), (0, 1, 3, 2))
    sums = jnp.broadcast_to(jnp.eye(w.shape[2], dtype=w.dtype), (STRIDE, STRIDE, w.shape[2], w.shape[2]))
    return minicnn.compose_kernels(flipped, sums)


def _picture(flat: dict[str, np.ndarray], spectra: dict[str, np.ndarray]) -> Picture:
    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, len(flat))
        image = None
        for axes, (name, features) in zip(panels[0], flat.items(), strict=True):
            strongest = features[..., np.ptp(features, (0, 1)).argmax()]
            most = np.abs(features).max()
            axes.imshow(strongest / most, cmap="cividis", vmin=-1, vmax=1)
            axes.set(xticks=[], yticks=[], title=name)
        panels[0, 0].set_ylabel("empty page")
        for axes, spectrum in zip(panels[1], spectra.values(), strict=True):
            image = axes.imshow(np.log10(spectrum / spectrum.max()), cmap="cividis", vmin=-4, vmax=0)
            places = np.array([(0, 0), (0, SIZE[1] // 2), (SIZE[0] // 2, 0)])
            axes.plot(*places.T[::-1], "o", color="#D55E00", fillstyle="none", clip_on=False)
            axes.set(xticks=[0, SIZE[1] // 2], yticks=[0, SIZE[0] // 2])
            axes.set(xticklabels=["π", "0"], yticklabels=["π", "0"])
        panels[1, 0].set_ylabel("energy of the features\nof images, by frequency")
        assert image is not None
        figure.colorbar(image, ax=panels[1], shrink=0.8, label="log₁₀, largest = 0")

    caption = (
        "Features of trained U-Nets: of an empty page, and their spectrum; circles are at the stride's frequencies."
    )
    return Picture("checkerboard", caption, draw, 0.62)


def _spectrum(raised: Any) -> np.ndarray:
    """The energy of features by frequency, 0 in the middle, mean of images and channels."""
    energy = np.abs(np.fft.fft2(np.asarray(raised, float), axes=(1, 2))) ** 2
    return np.fft.fftshift(energy.mean((0, 3)))
