"""Does one learner become an eye or an ear by what reaches it?

A learner of kernels is put twice, as the visual and as the auditory module: they differ only in the noise that they are
born with. Photographs turned by every angle are sent to the visual module, spectrograms of made sounds to the auditory
one; or, routed anew, photographs to the auditory module; or nothing, or noise. The learner is the same function each
time, with the same constants. Spectrograms are made by our own convolutions, Gabor kernels in time whose energy is
taken as in complex cells, and pass the same retina as photographs. What the kernels have become is measured by how much
of new patches of either kind they leave unexplained, by how many are selective, by their orientations, where those of
sounds keep to the axes of time and pitch, and by how nearly each is a product of a profile in pitch and one in time.

What Sur, Garraghty and Roe did: in newborn ferrets they made the nerve of the eye grow into the auditory thalamus, with
its own input removed. One way only: nothing of the ear was sent to the visual cortex. Cells of the auditory cortex
then answered to light, with long latencies and large fields, and some chose orientations or directions as complex cells
do. What this experiment says: that a learner without knowledge of its input is enough for that, and that its kernels
then have the statistics of what it saw. What it cannot say: that cortex is such a learner; our modules are the same by
construction, which is the hypothesis and not a finding, and the animals' cells were alike in some ways and not in all.

The paper has no numbers for kernels. That a learner leaves less by 5 or 10 %, which shares are selective or near an
axis, and the level of the tests are bounds of our own: they say that there is a difference, not how large it must be.

Sources: Sur, Garraghty & Roe (1988), Experimentally induced visual projections into auditory thalamus and cortex,
Science 242; a lecture from the visual cortex to LeNet, which speaks of inputs swapped both ways, as was not done.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from threadpoolctl import threadpool_limits

from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.gabor import apart
from experiments.learned_cells import NEAR, preferred, tiled
from experiments.learners import LEARNERS, Kernels, Patches, activities, random_kernels
from experiments.patches import DISC, seen, squares, turned_photographs, windows
from experiments.sounds import PITCHES, scene, spectrogram, tones

ROWS = (75,)
SMALL = {"seeds": 2, "updates": 100, "patches": 4_000}
FULL = {"seeds": 20, "updates": 2_000}

# The module, and what arrives there.
ROUTES = {
    "eye → visual": ("visual", "photographs"),
    "eye → auditory": ("auditory", "photographs"),
    "ear → auditory": ("auditory", "sounds"),
    "noise → auditory": ("auditory", "noise"),
    "nothing → auditory": ("auditory", None),
}
HELD_OUT = 500  # patches of either kind that no module has learned from
COLOURS = {"photographs": "#0072B2", "sounds": "#D55E00"}


def run(seeds: int = 5, updates: int = 400, patches: int = 20_000, cells: int = 64) -> Result:
    """Send each world along each route.

    Args:
        seeds: animals.
        updates: of the kernels, each with 200 patches.
        patches: that are seen or heard.
        cells: of each module.
    """
    # Products of matrices as small as these are slower on several threads.
    with threadpool_limits(1, "blas"):
        animals = [_animal(seed, updates, patches, cells) for seed in range(seeds)]
    found = {
        (name, route): _statistics([animal[name, route] for animal in animals]) for name in LEARNERS for route in ROUTES
    }
    highest = spectrogram(tones(PITCHES)).mean(2).argmax(1)
    claims = [
        equal("pitch channels that pure tones excite most", highest, np.arange(len(PITCHES))[::-1], "their own"),
        *(claim for name in LEARNERS for claim in _claims(name, found)),
    ]
    table = Table(
        f"What became of the cells, mean ± deviation of {seeds} animals",
        ("learner", "route", "left of photographs", "left of sounds", "selective", "near an axis", "separable"),
        tuple((name, route, *map(_spread, numbers.values())) for (name, route), numbers in found.items()),
    )
    first = {route: animals[0]["sparse coding", route][0] for route in ROUTES}
    return Result(claims, (table,), (_kernels(first), _unexplained(found), _sounds()))


def world_of(world: str, patches: int, rng: np.random.Generator) -> Patches:
    """What reaches a module from the eye, from the ear, or from nowhere."""
    if world == "photographs":
        return windows(turned_photographs(), 2 * patches, rng)
    if world == "sounds":
        scenes = [scene(40, 8.0, rng) for _ in range(1 + patches // 5_000)]
        return windows(seen(spectrogram(np.stack(scenes))), 2 * patches, rng)
    return windows(rng.standard_normal((4, 200, 200)), 2 * patches, rng)


def _animal(
    seed: int, updates: int, patches: int, cells: int
) -> dict[tuple[str, str], tuple[Kernels, dict[str, float]]]:
    """For each learner and route the kernels, and how much of new patches of each kind they leave unexplained."""
    rng = np.random.default_rng(seed)
    worlds = {world: world_of(world, patches + HELD_OUT, rng) for world in ("photographs", "sounds", "noise")}
    born = {module: random_kernels(cells, int(DISC.sum()), rng) for module in ("visual", "auditory")}
    animal = {}
    for name, learn in LEARNERS.items():
        for route, (module, world) in ROUTES.items():
            C = born[module] if world is None else learn(born[module], worlds[world][HELD_OUT:], updates, rng)
            animal[name, route] = C, {kind: unexplained(C, worlds[kind][:HELD_OUT]) for kind in COLOURS}
    return animal


def unexplained(C: Kernels, x: Patches) -> float:
    """The share of patches that a sparse code leaves, |x − Cᵀ·a|² where |x| is 1."""
    return float(((x - activities(C, x) @ C) ** 2).sum(1).mean())


def separability(C: Kernels) -> np.ndarray:
    """The share of each kernel's energy in its best product of a column and a row: of its largest singular value."""
    values = np.linalg.svd(squares(C), compute_uv=False) ** 2
    return values[:, 0] / values.sum(1)


def _statistics(animals: list[tuple[Kernels, dict[str, float]]]) -> dict[str, np.ndarray]:
    """For each number its value in each animal; of separability, that of each cell."""
    orientations = [preferred(C) for C, _ in animals]
    return {
        **{kind: np.array([left[kind] for _, left in animals]) for kind in COLOURS},
        "selective": np.array([len(o) / len(C) for o, (C, _) in zip(orientations, animals, strict=True)]),
        "near an axis": np.array([near_an_axis(o) for o in orientations]),
        "separability": np.concatenate([separability(C) for C, _ in animals]),
    }


def near_an_axis(orientations: np.ndarray) -> float:
    """The share of cells whose orientation is near level or upright."""
    return float((np.minimum(apart(orientations, 0), apart(orientations, 90)) <= NEAR).mean())


def _spread(numbers: np.ndarray) -> str:
    return f"{numbers.mean():.2f} ± {numbers.std():.2f}"


def _claims(name: str, found: dict[tuple[str, str], dict[str, np.ndarray]]) -> list[Claim]:
    normal, routed, heard, noise, nothing = (found[name, route] for route in ROUTES)
    source = "the learner follows its input"

    def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
        test: Any = stats.ks_2samp(one["separability"], other["separability"])
        return float(test.pvalue)

    return [
        equal(
            f"{name}: left of photographs, routed to the auditory module over the visual one",
            routed["photographs"].mean() / normal["photographs"].mean(),
            1,
            source,
            0.05,
        ),
        at_most(
            f"{name}: left of photographs, auditory module that saw over the one that heard",
            routed["photographs"].mean() / heard["photographs"].mean(),
            0.95,
            source,
        ),
        at_most(
            f"{name}: left of sounds, the one that heard over the one that saw",
            heard["sounds"].mean() / routed["sounds"].mean(),
            0.95,
            source,
        ),
        *(
            at_most(
                f"{name}: left of photographs, the one that saw over {control}",
                routed["photographs"].mean() / other["photographs"].mean(),
                0.9,
                "controls have not seen them",
            )
            for control, other in (("noise", noise), ("nothing", nothing))
        ),
        at_least(f"{name}: selective cells of the one that saw", routed["selective"].mean(), 0.6, "oriented detectors"),
        at_most(f"{name}: the same of the unrouted one", nothing["selective"].mean(), 0.2, "noise"),
        at_least(
            f"{name}: cells near the axes of pitch and time, heard less saw",
            heard["near an axis"].mean() - routed["near an axis"].mean(),
            0.1,
            "tones, overtones and clicks lie along them",
        ),
        at_least(f"{name}: p of equal separability, both that saw", same(normal, routed), 1e-3, "Kolmogorov–Smirnov"),
        at_most(f"{name}: the same, saw and heard", same(routed, heard), 1e-3, "Kolmogorov–Smirnov"),
    ]


def _kernels(modules: dict[str, Kernels]) -> Picture:
    def draw(figure: Figure) -> None:
        for axes, (route, C) in zip(figure.subplots(1, 5), modules.items(), strict=True):
            axes.imshow(tiled(C[:24]), cmap="gray")
            axes.set(xticks=(), yticks=())
            axes.set_title(route.replace(" → ", "\n→ "), fontsize="medium")
        figure.axes[2].set(xlabel="time in each →", ylabel="pitch →")

    return Picture("kernels", "Kernels of the first animal, learned by sparse coding along each route.", draw, 0.4)


def _unexplained(found: dict[tuple[str, str], dict[str, np.ndarray]]) -> Picture:
    def draw(figure: Figure) -> None:
        for axes, name in zip(figure.subplots(1, 2, sharey=True), LEARNERS, strict=True):
            for n, (kind, hatch) in enumerate(zip(COLOURS, (None, "//"), strict=True)):
                shares = [found[name, route][kind] for route in ROUTES]
                axes.barh(
                    np.arange(5) + 0.38 * n,
                    [share.mean() for share in shares],
                    0.36,
                    xerr=[share.std() for share in shares],
                    color=COLOURS[kind],
                    hatch=hatch,
                    edgecolor="white",
                    label=kind,
                )
            axes.set(title=name, xlabel="share left unexplained", yticks=np.arange(5) + 0.19, yticklabels=list(ROUTES))
        figure.axes[0].invert_yaxis()
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)

    return Picture("unexplained", "What each module leaves of new photographs and of new sounds.", draw, 0.5)


def _sounds() -> Picture:
    picture = spectrogram(scene(20, 4.0, np.random.default_rng(0))[None])[0]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.imshow(picture, cmap="gray", aspect="auto", extent=(0, 4, 0, 4))
        axes.set(xlabel="seconds", ylabel="pitch, Hz", yticks=range(5), yticklabels=[f"{200 * 2**n}" for n in range(5)])

    return Picture("sounds", "Four seconds of made sounds: voices, glides, overtones and clicks.", draw, 0.35)
