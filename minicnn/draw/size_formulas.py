"""The size formulas of convolution arithmetic, with the numbers put in."""

from minicnn.axis import Sliding


def out_size(sliding: Sliding, in_size: int) -> str:
    """Say how many outputs an input has (Dumoulin & Visin, relationships 1 to 7 and 15).

    >>> out_size(Sliding(3, stride=2, padding=1), 5)
    'o = ⌊(i + 2p − k)/s⌋ + 1 = ⌊(5 + 2·1 − 3)/2⌋ + 1 = 3'
    >>> out_size(Sliding(3, dilation=2), 7)
    'o = i − k̂ + 1 = 7 − 5 + 1 = 3, with k̂ = d(k − 1) + 1 = 2·(3 − 1) + 1 = 5'
    """
    s, o = sliding.stride, sliding.out_size(in_size)
    i, i_shown = ("i", f"{in_size}") if sliding.stretch == 1 else ("u(i − 1) + 1", f"{sliding.stretched(in_size)}")
    p, p_shown = _padding(sliding, in_size, "+")
    k, k_shown = ("k", f"{sliding.kernel_size}") if sliding.dilation == 1 else ("k̂", f"{sliding.extent}")
    room, shown = f"{i}{p} − {k}", f"{i_shown}{p_shown} − {k_shown}"
    if s > 1:
        room, shown = f"⌊({room})/s⌋", f"⌊({shown})/{s}⌋"
    return f"o = {room} + 1 = {shown} + 1 = {o}" + _extent(sliding)


def in_size(sliding: Sliding, out_size: int, in_size: int) -> str:
    """Say what size a transposed convolution returns to (relationships 8 to 14); i′ is the size that it starts from.

    >>> in_size(Sliding(3, stride=2, padding=1), 3, 6)
    'o′ = s(i′ − 1) + a + k − 2p = 2·(3 − 1) + 1 + 3 − 2·1 = 6'
    >>> in_size(Sliding(3), 2, 4)
    'o′ = i′ + k − 1 = 2 + 3 − 1 = 4'
    """
    s, a = sliding.stride, sliding.remainder(in_size)
    p, p_shown = _padding(sliding, in_size, "−")
    k, k_shown = ("k", f"{sliding.kernel_size}") if sliding.dilation == 1 else ("k̂", f"{sliding.extent}")
    if sliding.stretch > 1:
        steps, shown = "(s(i′ − 1) + a + ", f"({s}·({out_size} − 1) + {a} + "
        tail, tail_shown = " − 1)/u + 1", f" − 1)/{sliding.stretch} + 1"
    elif s == 1:
        steps, shown, tail, tail_shown = "i′ + ", f"{out_size} + ", " − 1", " − 1"
    else:
        more, more_shown = (" + a", f" + {a}") if a else ("", "")
        steps, shown = f"s(i′ − 1){more} + ", f"{s}·({out_size} − 1){more_shown} + "
        tail = tail_shown = ""
    formula = f"o′ = {steps}{k}{p}{tail} = {shown}{k_shown}{p_shown}{tail_shown} = {in_size}"
    return formula + _extent(sliding)


def _padding(sliding: Sliding, in_size: int, sign: str) -> tuple[str, str]:
    low, high = sliding.widths(in_size)
    if (low, high) == (0, 0):
        return "", ""
    if low == high:
        return f" {sign} 2p", f" {sign} 2·{_signed(low)}"
    return f" {sign} p_lo {sign} p_hi", f" {sign} {_signed(low)} {sign} {_signed(high)}"


def _signed(width: int) -> str:
    return f"{width}" if width >= 0 else f"(−{-width})"


def _extent(sliding: Sliding) -> str:
    if sliding.dilation == 1:
        return ""
    d, k = sliding.dilation, sliding.kernel_size
    return f", with k̂ = d(k − 1) + 1 = {d}·({k} − 1) + 1 = {sliding.extent}"
