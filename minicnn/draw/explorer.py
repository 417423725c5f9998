"""The interactive page, of one map."""

from typing import TYPE_CHECKING

from jaxtyping import Array, Shaped

from minicnn.maps import LinearMap

if TYPE_CHECKING:
    from minicnn.explore import Exploration


def explore(
    A: LinearMap, x: Shaped[Array, "*in c"] | None = None, y_bar: Shaped[Array, "*out c"] | None = None
) -> "Exploration":
    """Show a map in the explorer: point at any number, step forward and backward, type over everything.

    A notebook shows the page in place; `.save(path)` writes it to a file. It needs no network.

    Args:
        A: a convolution, padded in any way, or the transpose of one; a locally connected or tiled layer; an average.
            The page shows its weights. The selection of a max pool is shown with the x at which it was made.
        x: the input, `A.in_shape`; small integers if None.
        y_bar: the cotangent, `A.out_shape`; small integers if None.

    Returns:
        What a notebook shows.

    Raises:
        TypeError: for any other map, or complex numbers.
        ValueError: for what is too large for the page, or arrays of another shape.

    >>> explore(minicnn.conv_map(jnp.array([1.0, -1.0]).reshape(2, 1, 1), (4,))).setting
    {'dims': '1', 'input': '4', 'kernel': '2', 'w': '1,-1'}
    """
    from minicnn.explore import Exploration, setting_of

    return Exploration(setting_of(A, x, y_bar))
