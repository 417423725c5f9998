"""Worked examples of every kind: images and signals, padding of every mode, groups, transposes and pools."""

import numpy as np

from minicnn.draw.worked_example import worked_conv, worked_pool

X = np.random.default_rng(0).integers(0, 9, (4, 5, 2))
EXAMPLES = {
    "image": lambda: worked_conv((5, 4), (3, 2), stride=2, padding=((1, 0), (0, 2)), channels=(2, 4), groups=2),
    "flipped signal": lambda: worked_conv((7,), (3,), stride=2, dilation=2, padding=2, flip=True),
    "cropped": lambda: worked_conv((6, 5), (3, 2), padding=(-1, (1, -2))),
    "transposed": lambda: worked_conv((2, 3), (3, 2), stride=2, transpose=True, channels=(2, 1), output_padding=(1, 0)),
    "reflected": lambda: worked_conv(
        (4, 3), (3, 2), stride=(2, 1), padding=(1, (0, 1)), padding_mode="reflect", flip=True
    ),
    "replicated": lambda: worked_conv(
        (3, 2), (3, 3), padding="SAME", padding_mode="replicate", channels=(2, 2), groups=2
    ),
    "circular, transposed": lambda: worked_conv(
        (2,), (3,), stride=2, padding=1, padding_mode="circular", transpose=True
    ),
    "circular, with pixels unread": lambda: worked_conv((5,), (1,), stride=3, padding=1, padding_mode="circular"),
    "replicated, transposed": lambda: worked_conv(
        (3, 2), (3, 2), padding=((1, 1), (2, 0)), padding_mode="replicate", transpose=True, channels=(2, 1)
    ),
    "average": lambda: worked_pool("average", X[..., :1] * 12, (2, 2), stride=1),
    "max": lambda: worked_pool("max", X, (2, 3), stride=(2, 1)),
}
