"""Whole numbers that satisfy a linear relation, counted without being listed.

The triples of an axis are the lattice points of a box on a plane. Their number follows from counting the points under a
line, which takes as many steps as Euclid's algorithm, whatever the sizes are.
"""

from math import gcd


def solutions(coefficients: tuple[int, int, int], start: int, sizes: tuple[int, int, int]) -> int:
    """How many (x, y, z) of a box, 0 ≤ x < sizes[0] and so on, satisfy a·x + b·y + start = c·z.

    The coefficients a, b and c are positive. It takes min(c, sizes[0]) counts of points under lines.

    >>> solutions((1, 1, 1), 0, (2, 2, 2))
    3
    """
    (a, b, c), (n_x, n_y, n_z) = coefficients, sizes
    common = gcd(b, c)
    step = c // common  # from one y to the next that goes with the same x
    total = 0
    for x in range(min(c, n_x)):
        rest = a * x + start
        if rest % common:
            continue
        y = -rest // common * pow(b // common, -1, step) % step
        columns, rows = -(-(n_x - x) // c), -(-(n_y - y) // step)
        z = (rest + b * y) // c
        # from here z grows by a with every c in x, and by b / common with every step in y
        between = [points_in_box(a, b // common, end - z, columns, rows) for end in (n_z - 1, -1)]
        total += between[0] - between[1]
    return total


def congruent(coefficients: tuple[int, int], start: int, modulus: int, sizes: tuple[int, int]) -> int:
    """How many (x, y) with 0 ≤ x < sizes[0], 0 ≤ y < sizes[1] make a·x + b·y + start a multiple of the modulus.

    The x that have a y at all are some step apart, and their least y ≥ 0 moves round a circle by equal steps.

    >>> congruent((2, 3), 1, 4, (4, 4))
    4
    """
    (a, b), (n_x, n_y) = coefficients, sizes
    common = gcd(b, modulus)
    shared = gcd(a, common)
    if start % shared:
        return 0
    step, circle = common // shared, modulus // common
    first = -start // shared * pow(a // shared, -1, step) % step
    columns = max(-(-(n_x - first) // step), 0)
    inverse = pow(b // common, -1, circle)
    move, least = -(a * step // common) * inverse % circle, -((a * first + start) // common) * inverse % circle
    rounds, rest = divmod(n_y, circle)
    # ⌊v / circle⌋ − ⌊(v − rest) / circle⌋ is 1 where v, taken round the circle, is less than the rest, and 0 elsewhere
    within = (sum_of_quotients(columns, move, least - end, circle) for end in (0, rest))
    return columns * rounds + next(within) - next(within)


def points_in_box(a: int, b: int, most: int, columns: int, rows: int) -> int:
    """How many (x, y) with 0 ≤ x < columns and 0 ≤ y < rows satisfy a·x + b·y ≤ most.

    >>> points_in_box(1, 1, 1, 2, 2)
    3
    """
    if columns <= 0 or rows <= 0:
        return 0
    beyond_x, beyond_y = a * columns, b * rows
    ends = (0, 1), (beyond_x, -1), (beyond_y, -1), (beyond_x + beyond_y, 1)
    return sum(sign * points_in_triangle(a, b, most - end) for end, sign in ends)


def points_in_triangle(a: int, b: int, most: int) -> int:
    """How many x, y ≥ 0 satisfy a·x + b·y ≤ most.

    >>> points_in_triangle(2, 3, 6)
    7
    """
    columns = most // a + 1
    return columns + sum_of_quotients(columns, a, most % a, b) if most >= 0 else 0


def sum_of_quotients(n: int, a: int, start: int, b: int) -> int:
    """The sum of ⌊(a·j + start) / b⌋ over 0 ≤ j < n, by Euclid's algorithm on a and b.

    What is whole in a / b and start / b is a sum of an arithmetic progression; the rest counts lattice points, whose
    axes are exchanged for the next step. See Graham, Knuth and Patashnik, Concrete Mathematics, section 3.5.

    >>> sum_of_quotients(4, 3, 1, 2) == 1 // 2 + 4 // 2 + 7 // 2 + 10 // 2
    True
    """
    total = 0
    while n > 0:
        total += n * (n - 1) // 2 * (a // b) + n * (start // b)
        a, start = a % b, start % b
        n, start = divmod(a * n + start, b)
        a, b = b, a
    return total
