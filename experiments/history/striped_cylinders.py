"""What do cells learn to see that were raised among stripes of one orientation?

Blakemore and Cooper raised kittens in darkness, but for some hours a day in a cylinder painted with upright or with
level stripes; later their cortex had cells for the orientations that they had seen, and hardly any across. Here two
learners that know nothing of orientation, sparse coding and Hebb's rule with competition, start from noise and are
raised on patches of stripes within a few degrees of one orientation, as heads tilt, or on the controls: stripes of all
orientations, and photographs turned by every angle. All patches pass the same retina. Cells are tested as the kittens'
were: each answers to gratings of every orientation, and those that are selective are counted by the one they prefer. At
last the ones that have seen upright stripes learn from photographs.

What it says: experience alone can make the gap, in a learner that begins with nothing. Kittens begin with selective
cells, which here have no part, and the learners have no critical period: they go on learning at the same rate, so
that how much they repair is not what an animal would. Sparse coding leaves cells unused, which are the first to learn
anew; Hebb's rule, whose competition has given stripes to all of them, must turn each.

What counts as a gap, a quarter of a flat distribution's share, what counts as cells for what was seen, twice that
share, and what counts as repaired, half of it, are bounds of our own.

Sources: Blakemore & Cooper (1970), Development of the brain depends on the visual environment; Olshausen & Field (1996)
for sparse coding.
"""

import numpy as np
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.gabor import across, apart
from experiments.learned_cells import COLOURS, NEAR, preferred, tiled
from experiments.learners import LEARNERS, Kernels, Patches, random_kernels
from experiments.patches import DISC, seen, turned_photographs, windows

ROWS = (71,)
SMALL = {"seeds": 2, "updates": 120, "patches": 6_000}
FULL = {"seeds": 20, "updates": 2_000}

FLAT = 2 * NEAR / 180  # share of the orientations that are so near to one
ANEW = (1, 1, 2, 4, 8, 16, 32, 64)  # updates between the tests of cells that learn anew
WORLDS = {"photographs": None, "all stripes": None, "upright stripes": 90, "level stripes": 0}
RAISED = {world: angle for world, angle in WORLDS.items() if angle is not None}
AGAIN = "upright, then photographs"


def run(seeds: int = 5, updates: int = 500, patches: int = 20_000, cells: int = 64) -> Result:
    """Raise cells in every world, and some of them again.

    Args:
        seeds: litters that are raised.
        updates: of the kernels in one life, each with 200 patches.
        patches: that are seen in one world.
        cells: of each animal.
    """
    # Products of matrices as small as these are slower on several threads.
    with threadpool_limits(1, "blas"):
        litters = [_litter(seed, updates, patches, cells) for seed in range(seeds)]
    lives = {name: [litter[name] for litter in litters] for name in LEARNERS}
    angles = {
        (name, world): [preferred(kernels[world][-1]) for kernels in litter]
        for name, litter in lives.items()
        for world in (*WORLDS, AGAIN)
    }
    repair = {
        name: np.array([[near(preferred(C), 0) for C in kernels[AGAIN]] for kernels in litter])
        for name, litter in lives.items()
    }
    claims = [claim for name in LEARNERS for claim in _claims(name, angles, cells)]
    table = Table(
        f"Share of selective cells within {NEAR}° of an orientation, mean ± deviation of {seeds} litters",
        ("learner", "world", "selective", "level", "upright"),
        tuple(_row(name, world, found, cells) for (name, world), found in angles.items()),
    )
    first = {name: litter[0] for name, litter in lives.items()}
    return Result(claims, (table,), (_orientations(angles), _kernels(first), _repair(repair)))


def stripes(orientation: float | None, images: int, rng: np.random.Generator, side: int = 62) -> np.ndarray:
    """Black and white stripes of many widths, (images, side, side), tilted by some degrees from an orientation."""
    tilted = 180 * rng.random(images) if orientation is None else orientation + 8 * rng.standard_normal(images)
    pictures = []
    for place in across(side, tilted):
        edges = np.cumsum(rng.uniform(2, 10, side)) - side
        after = np.searchsorted(edges, place)
        distance = np.minimum(place - edges[after - 1], edges[after] - place)
        # Edges are one pixel soft, so that slanted ones have no steps.
        pictures.append((1 - 2 * (after % 2)) * np.minimum(2 * distance, 1))
    return np.stack(pictures)


def world_of(world: str, patches: int, rng: np.random.Generator) -> Patches:
    """What is seen in a world."""
    if world == "photographs":
        return windows(turned_photographs(), 2 * patches, rng)
    return windows(seen(stripes(WORLDS[world], 60, rng)), 2 * patches, rng)


def _litter(seed: int, updates: int, patches: int, cells: int) -> dict[str, dict[str, list[Kernels]]]:
    """For each learner and life the kernels at its end, or as they were from time to time while they learned anew."""
    rng = np.random.default_rng(seed)
    worlds = {world: world_of(world, patches, rng) for world in WORLDS}
    born = random_kernels(cells, int(DISC.sum()), rng)
    lives = {}
    for name, learn in LEARNERS.items():
        kernels = {world: [learn(born, seen_there, updates, rng)] for world, seen_there in worlds.items()}
        again = kernels["upright stripes"]
        for more in ANEW:
            again = [*again, learn(again[-1], worlds["photographs"], more, rng)]
        lives[name] = kernels | {AGAIN: again}
    return lives


def near(orientations: np.ndarray, orientation: float) -> float:
    """The share of cells whose preferred orientation is near to one."""
    return float((apart(orientations, orientation) <= NEAR).mean())


def rayleigh(orientations: np.ndarray) -> float:
    """The probability that as many orientations drawn from a flat distribution are as far from flat."""
    return float(np.exp(-len(orientations) * np.abs(np.exp(2j * np.radians(orientations)).mean()) ** 2))


def _claims(name: str, angles: dict[tuple[str, str], list[np.ndarray]], cells: int) -> list[Claim]:
    litters = len(angles[name, AGAIN])
    # Three deviations of the share among as many independent cells.
    tolerance = 3 * np.sqrt(FLAT * (1 - FLAT) / (0.6 * cells * litters))
    claims: list[Claim] = []
    for world, seen_there in RAISED.items():
        gap, kept = (_mean(angles[name, world], angle) for angle in (90 - seen_there, seen_there))
        claims += [
            at_most(f"{name}, {world}: near the unseen orientation", gap, FLAT / 4, "Blakemore & Cooper (1970): a gap"),
            at_least(f"{name}, {world}: near the seen one", kept, 2 * FLAT, "the same: cells for what was seen"),
        ]
    for world in (w for w in WORLDS if w not in RAISED):
        pooled = np.concatenate(angles[name, world])
        claims += [
            equal(f"{name}, {world}: near level", near(pooled, 0), FLAT, f"flat: {2 * NEAR} of 180 degrees", tolerance),
            at_least(f"{name}, {world}: p of a flat distribution", rayleigh(pooled), 1e-3, "Rayleigh's test"),
        ]
    claims.append(
        at_least(f"{name}, {AGAIN}: near the once unseen", _mean(angles[name, AGAIN], 0), FLAT / 2, "half of flat")
    )
    return claims


def _mean(litters: list[np.ndarray], orientation: float) -> float:
    return float(np.mean([near(found, orientation) for found in litters]))


def _row(name: str, world: str, litters: list[np.ndarray], cells: int) -> tuple[str, ...]:
    shares = [[len(found) / cells for found in litters]]
    shares += [[near(found, orientation) for found in litters] for orientation in (0, 90)]
    return (name, world, *(f"{np.mean(share):.0%} ± {np.std(share):.0%}" for share in shares))


def _orientations(angles: dict[tuple[str, str], list[np.ndarray]]) -> Picture:
    def draw(figure: Figure) -> None:
        grid = figure.subplots(2, 5, sharex=True, sharey=True)
        bins = np.arange(-10, 171, 20)
        for axes, ((name, world), litters) in zip(grid.flat, angles.items(), strict=True):
            # The bin of 0 reaches from −10 to 10 degrees, across the end of the circle.
            orientations = (np.concatenate(litters) + 10) % 180 - 10
            weights = np.full(len(orientations), 100 / len(orientations))
            axes.hist(orientations, bins=bins.tolist(), weights=weights, color=COLOURS[name], edgecolor="white")
            axes.axhline(100 / 9, color="k", linestyle=":")
            axes.set(xticks=(0, 90), xlim=(-12, 172))
            if name == "sparse coding":
                axes.set_title(world.replace(" stripes", "\nstripes").replace(", ", ",\n"), fontsize="small")
        for axes, name in zip(grid[:, 0], LEARNERS, strict=True):
            axes.set_ylabel(f"{name}\n% of cells")
        figure.supxlabel("preferred orientation", fontsize="medium")

    caption = "Orientations that selective cells prefer, all litters together; dotted: a flat distribution."
    return Picture("orientations", caption, draw, 0.5)


def _kernels(lives: dict[str, dict[str, list[Kernels]]]) -> Picture:
    def draw(figure: Figure) -> None:
        grid = figure.subplots(2, 5)
        for row, (name, kernels) in zip(grid, lives.items(), strict=True):
            for axes, (world, life) in zip(row, kernels.items(), strict=True):
                axes.imshow(tiled(life[-1][:16]), cmap="gray")
                axes.set(xticks=(), yticks=())
                if name == "sparse coding":
                    axes.set_title(world.replace(" stripes", "\nstripes").replace(", ", ",\n"), fontsize="small")
            row[0].set_ylabel(name)

    return Picture("kernels", "Sixteen cells of the first litter, after each life.", draw, 0.5)


def _repair(repair: dict[str, np.ndarray]) -> Picture:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        lived = np.cumsum([0, *ANEW])
        for (name, shares), marker in zip(repair.items(), "os", strict=True):
            axes.errorbar(
                lived,
                100 * shares.mean(0),
                100 * shares.std(0),
                marker=marker,
                capsize=3,
                color=COLOURS[name],
                label=name,
            )
        axes.axhline(100 * FLAT, color="k", linestyle=":", label="flat")
        axes.set_xscale("symlog", base=2, linthresh=1)
        axes.set_xlim(-0.3, 160)
        axes.minorticks_off()
        axes.set_xticks(lived, [f"{n}" for n in lived])
        axes.set(xlabel="updates on photographs", ylabel=f"% of cells within {NEAR}°\nof the once unseen")
        axes.legend(frameon=False, loc="lower right")

    caption = "How the gap closes, mean and deviation over litters, when cells raised on upright stripes learn anew."
    return Picture("repair", caption, draw, 0.45)
