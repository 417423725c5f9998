"""Receptive fields in closed form are those that the matrix shows, away from the borders."""

import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import ops
from minicnn.autodiff import make_program
from minicnn.autodiff.receptive_field import receptive_fields


def reads(f, size: int) -> tuple[int, int]:
    """What the centre output of a function of one axis reads: in closed form, and counted in its row of the matrix."""
    P = make_program(f, jnp.zeros((size, 1)))
    ((length,),) = [receptive_fields(P)[n] for n in P.outputs]
    shape = P.nodes[P.outputs[0]].shape
    centre = np.zeros(shape, np.float32)
    centre[shape[0] // 2] = 1
    return length, int(np.count_nonzero(P.T(jnp.asarray(centre))))


def conv(x, kernel: int, stride: int = 1, **options):
    return minicnn.conv(x, jnp.ones((kernel, 1, 1)), stride=stride, padding=kernel // 2, **options)


def vgg16(x):
    """Simonyan & Zisserman, *Very deep convolutional networks for large-scale image recognition*, configuration D."""
    for count in (2, 2, 3, 3, 3):
        for _ in range(count):
            x = conv(x, 3)
        x = minicnn.avg_pool(x, (2,))
    return x


def resnet18(x):
    """He, Zhang, Ren & Sun, *Deep residual learning for image recognition*, table 1."""
    x = minicnn.avg_pool(conv(x, 7, 2), (3,), stride=2, padding=1)
    for stage in range(4):
        for block in range(2):
            stride = 2 if stage and not block else 1
            y = conv(conv(x, 3, stride), 3)
            x = y + (conv(x, 1, stride) if stride > 1 else x)
    return x


def resnet50(x):
    """The same table's network of 50 layers."""
    x = minicnn.avg_pool(conv(x, 7, 2), (3,), stride=2, padding=1)
    for stage, count in enumerate((3, 4, 6, 3)):
        for block in range(count):
            stride = 2 if stage and not block else 1
            y = conv(conv(conv(x, 1, stride), 3), 1)  # where the paper has its strides; others give 427
            x = y + (conv(x, 1, stride) if not block else x)
    return x


@pytest.mark.parametrize("network, length", [(vgg16, 212), (resnet18, 435), (resnet50, 483)])
def test_networks_have_the_published_receptive_fields(network, length):
    """Araujo, Norris & Sim, *Computing receptive fields of convolutional neural networks*, Distill 2019."""
    assert reads(network, 1024) == (length, length)


STEPS = {
    "dilated": lambda x: conv(conv(x, 3, dilation=2), 3),
    "of an even size": lambda x: minicnn.conv(conv(x, 3, 2), jnp.ones((4, 1, 1))),
    "maximum": lambda x: minicnn.max_pool(conv(x, 3), (3,), stride=2),
    "through other axes": lambda x: conv(ops.transpose(ops.transpose(conv(x, 3), (1, 0)), (1, 0)) * 2, 3),
    "past a slice": lambda x: conv(conv(x, 3)[::2], 3),
    "blocks": lambda x: conv(ops.mean(ops.reshape(conv(x, 3), (8, 4, 1)), 1), 3),
    "blocks of blocks": lambda x: ops.mean(ops.mean(ops.reshape(conv(x, 3), (8, 2, 2, 1)), 2), 1),
    "blocks of other sizes": lambda x: ops.mean(ops.reshape(ops.reshape(conv(x, 3), (4, 8, 1)), (8, 4, 1)), 1),
    "put together": lambda x: conv(ops.reshape(ops.reshape(conv(x, 3), (8, 4, 1)), (32, 1)), 3),
    "put together and pooled": lambda x: minicnn.avg_pool(
        ops.reshape(ops.reshape(conv(x, 3), (8, 4, 1)), (32, 1)), (2,)
    ),
    "every second of a block": lambda x: conv(ops.reshape(conv(x, 3), (8, 4, 1))[:, 1], 3),
    "blocks put together again": lambda x: conv(ops.reshape(ops.reshape(conv(x, 3), (8, 4, 1)), (8, 4))[:, :1], 3),
    "a sum of all": lambda x: conv(x, 3) + ops.mean(x, 0, keepdims=True),
}


GAPS = {"dilated", "past a slice", "every second of a block", "blocks put together again"}


@pytest.mark.parametrize("name", STEPS)
def test_each_step_on_the_way_is_followed(name):
    length, counted = reads(STEPS[name], 32)
    if name == "maximum":
        assert length == 5 >= counted  # one entry of a window is read at a point, and all can be
    elif name == "a sum of all":
        assert (length, counted) == (32, 32)
    else:
        assert length >= counted
        assert length == counted or name in GAPS


def test_axes_that_were_flat_are_themselves_again():
    def f(x):
        x = minicnn.conv(x, jnp.ones((3, 3, 1, 1)), padding=1)
        return minicnn.conv(ops.reshape(ops.reshape(x, (64,)), (8, 8, 1)), jnp.ones((3, 5, 1, 1)), padding=2)

    P = make_program(f, jnp.zeros((8, 8, 1)))
    assert receptive_fields(P)[P.outputs[0]] == (5, 7)


def test_what_windows_read_of_an_axis_of_two_orders_is_not_known():
    """Blocks, transposed and laid side by side: windows of three inputs that lie up to 28 apart."""
    blocks = lambda x: ops.transpose(ops.reshape(x, (8, 4, 1)), (1, 0, 2))
    P = make_program(lambda x: conv(ops.reshape(blocks(x), (32, 1)), 3), jnp.zeros((32, 1)))
    assert P.outputs[0] not in receptive_fields(P)
    P = make_program(lambda x: ops.mean(ops.reshape(blocks(conv(x, 3)), (32, 1)), 0), jnp.zeros((32, 1)))
    assert receptive_fields(P)[P.outputs[0]] == (34,)


def test_what_moves_entries_in_no_order_is_not_followed():
    P = make_program(lambda x: x[np.array([2, 0, 1])], jnp.zeros((3,)))
    assert P.outputs[0] not in receptive_fields(P)
    assert receptive_fields(make_program(lambda x, w: x + w, jnp.zeros(3), jnp.zeros(3))) == {}
