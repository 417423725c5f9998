"""Can a maximum over channels make a unit tolerate rotation?

A detector correlates the image with one template. Maxout pools three detectors, whose templates are the same digit
turned by three angles: its response is the largest of theirs, so that it answers wherever one of them does. The
responses are measured while the digit turns. Where rotation is exact the statement is, too: with the four quarter
turns of any template the maximum is invariant without rounding, and with three of them it is not. The derivative of
the unit is the template that won.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.3, pooling over separately parametrized
convolutions; Goodfellow et al. (2013), Maxout networks.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage
from sklearn.datasets import load_digits

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, differs, equal

ROWS = (50,)
SMALL = {"step": 6}
FULL = {"step": 1}

TURNS = (-40.0, 0.0, 40.0)
SIZE = 32
# Of a sum in float32 of so many products, whose absolute values add up to no more than 1 between two unit vectors.
ROUNDINGS = SIZE**2 * float(np.finfo(np.float32).eps) / 2
RESPONDS = 0.75  # of the response to the template itself; all curves are compared at this one level


def run(step: int = 2, seed: int = 0) -> Result:
    """Turn a digit.

    Args:
        step: degrees between two measurements.
        seed: of the integers that are turned by quarters.
    """
    digit = load_digits(return_X_y=True)[0][5].reshape(8, 8)
    angles = np.arange(-90, 91, step)
    templates = np.stack([standardised(turned(digit, angle)) for angle in TURNS])
    images = np.stack([standardised(turned(digit, float(angle))) for angle in angles])
    alone, unit = responses(images, templates)
    ranges = [range_of(alone[:, n], step) for n in range(len(TURNS))]
    whole = range_of(unit, step)
    between = (angles >= TURNS[0]) & (angles <= TURNS[-1])
    worst = [float(alone[between, n].min()) for n in range(len(TURNS))]
    claims: list[Claim] = [
        equal(
            "the unit is the largest of the three responses",
            unit,
            (images_dot(images, templates)).max(1),
            "maxout",
            ROUNDINGS,
        ),
        at_least("degrees to which the unit responds, over the best single template", whole / max(ranges), 2, "three"),
        at_least(
            f"smallest response from {TURNS[0]:.0f}° to {TURNS[-1]:.0f}°: the unit, over the best single template",
            float(unit[between].min()) / max(worst),
            1.2,
            "one of three always answers",
        ),
        *_quarter_turns(np.random.default_rng(seed)),
    ]
    rows = [*((f"template at {t:.0f}°", r, w) for t, r, w in zip(TURNS, ranges, worst, strict=True))]
    rows.append(("maximum of the three", whole, float(unit[between].min())))
    title = f"Responses above {RESPONDS}, and the smallest from {TURNS[0]:.0f}° to {TURNS[-1]:.0f}°"
    table = Table(title, ("unit", "degrees", "smallest"), tuple(rows))
    return Result(claims, (table,), (_picture(angles, alone, unit, templates),))


def turned(digit: np.ndarray, angle: float) -> np.ndarray:
    """The digit enlarged to 32 × 32 and turned, without leaving the image."""
    framed = np.pad(np.asarray(ndimage.zoom(digit, 2, order=1)), (SIZE - 16) // 2)
    return ndimage.rotate(framed, angle, reshape=False, order=1)


def standardised(image: np.ndarray) -> np.ndarray:
    """Mean 0 and norm 1, so that a template's response to itself is 1 and no image has a larger one."""
    centred = image - image.mean()
    return centred / np.linalg.norm(centred)


def responses(images: np.ndarray, templates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The responses of all detectors, one channel each, and their maximum."""
    w = jnp.moveaxis(jnp.asarray(templates), 0, -1)[:, :, None, :]
    y = minicnn.conv(jnp.asarray(images)[..., None], w)
    alone, unit = np.asarray(y), np.asarray(minicnn.channel_pool(y, len(templates)))
    return alone.reshape(len(images), -1), unit.ravel()


def images_dot(images: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """The inner products of images and templates, by NumPy."""
    return np.einsum("nij,tij->nt", images, templates)


def range_of(response: np.ndarray, step: float) -> float:
    """Degrees at which a unit responds."""
    return float((response >= RESPONDS).sum() * step)


def _quarter_turns(rng: np.random.Generator) -> list[Claim]:
    template, image = (rng.integers(-9, 10, (5, 5)).astype(np.float32) for _ in range(2))
    four = np.stack([np.rot90(template, n) for n in range(4)])
    images = np.stack([np.rot90(image, n) for n in range(4)])
    unit = responses(images, four)[1]
    # The image is the template: the turn that is left out has no template of its own.
    three = responses(four, four[:3])[1]
    w = jnp.moveaxis(jnp.asarray(four), 0, -1)[:, :, None, :]
    gradient = jax.grad(lambda x: minicnn.channel_pool(minicnn.conv(x[..., None], w), 4).sum())(jnp.asarray(image))
    winner = four[int(np.einsum("ij,tij->t", image, four).argmax())]
    return [
        equal("four quarter turns: responses to an image turned by quarters", unit, [unit[0]] * 4, "a group orbit"),
        differs("three of them: response to the turn left out", three[3], three[0], "not a group"),
        equal("the gradient is the template that won", gradient, winner, "S(x)·C, one row of C"),
    ]


def _picture(angles: np.ndarray, alone: np.ndarray, unit: np.ndarray, templates: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        grid = figure.add_gridspec(3, 2, width_ratios=(1, 4.5))
        for n, (template, angle) in enumerate(zip(templates, TURNS, strict=True)):
            axes = figure.add_subplot(grid[n, 0])
            axes.imshow(template, cmap="gray_r")
            axes.set(xticks=[], yticks=[], ylabel=f"{angle:.0f}°")
        axes = figure.add_subplot(grid[:, 1])
        for n, (style, color) in enumerate(zip(("--", "-.", ":"), ("#0072B2", "#D55E00", "#009E73"), strict=True)):
            axes.plot(angles, alone[:, n], style, color=color, label=f"template at {TURNS[n]:.0f}°")
        axes.plot(angles, unit, color="0.6", linewidth=5, alpha=0.5, label="maximum", zorder=0)
        axes.axhline(RESPONDS, color="0.3", linewidth=0.8)
        axes.set(
            xlabel="the digit is turned by (degrees)", ylabel="response", ylim=(None, 1.42), xticks=range(-90, 91, 30)
        )
        axes.legend(frameon=False, ncols=2, loc="upper center")

    return Picture("maxout", "Three turned templates, their responses to a turning digit, and the maximum.", draw, 0.5)
