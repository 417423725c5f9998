"""Networks as people write them in flax."""

from functools import partial

import flax.linen as nn


class Block(nn.Module):
    """Two 3×3 convolutions around which the input passes by."""

    features: int
    stride: int

    @nn.compact
    def __call__(self, x):
        norm = partial(nn.BatchNorm, use_running_average=True)
        y = nn.Conv(self.features, (3, 3), self.stride, padding=1, use_bias=False, name="conv1")(x)
        y = nn.relu(norm(name="bn1")(y))
        y = norm(name="bn2")(nn.Conv(self.features, (3, 3), padding=1, use_bias=False, name="conv2")(y))
        if x.shape != y.shape:
            x = nn.Conv(self.features, (1, 1), self.stride, use_bias=False, name="shortcut")(x)
            x = norm(name="bn3")(x)
        return nn.relu(x + y)


class ResNet18(nn.Module):
    """He, Zhang, Ren & Sun, *Deep residual learning for image recognition*, table 1."""

    width: int = 64
    classes: int = 1000

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(self.width, (7, 7), 2, padding=3, use_bias=False, name="conv1")(x)
        x = nn.relu(nn.BatchNorm(use_running_average=True, name="bn1")(x))
        x = nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))
        for stage in range(4):
            for block in range(2):
                stride = 2 if stage and not block else 1
                x = Block(self.width * 2**stage, stride, name=f"layer{stage + 1}_{block}")(x)
        return nn.Dense(self.classes, name="fc")(x.mean((1, 2)))
