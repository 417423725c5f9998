"""One small case of every operation."""

from minicnn.bench import Case

SMALL = (
    Case("conv", "convolution", "conv", 2, (8, 7), 4, 6, (3, 3), 2, "SAME", 1, 2),
    Case("dilated", "convolution", "conv", 2, (9,), 2, 3, (3,), 1, 2, 2),
    Case("transposed", "transposed", "conv_transpose", 2, (4, 4), 3, 2, (4, 4), 2, "SAME"),
    Case("max", "pool", "max_pool", 2, (7, 7), 3, 3, (3, 3), 2),
    Case("average", "pool", "avg_pool", 2, (6, 6), 3, 3, (2, 2), 2),
    Case("NCHW", "scan", "conv", 2, (6, 6), 2, 3, (3, 3), layout="NCHW"),
    Case("mapped", "other", "conv", 2, (6, 6), 2, 3, (3, 3), mapped=3),
)
