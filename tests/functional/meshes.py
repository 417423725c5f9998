"""What a process with four simulated devices finds out about functions whose images are spread over them.

Each function is asked for its value, its gradients and second derivatives, and what vmap makes of it, on a mesh and on
one device. JSON on stdout says how far apart the answers are, in units of the largest number among them, and how often
a device receives what others hold, other than a sum: an answer for each pair of a way and a name in the argument.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

import minicnn
from minicnn import autodiff, ops
from minicnn.forms.form import Costed
from tests.functional.test_family import FAMILY, Member, arrays
from tests.simulated import attempt


def lax_conv(x: Any, w: Any, stride: tuple[int, int] = (2, 2)) -> Any:
    return jax.lax.conv_general_dilated(x, w, stride, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


ORACLES = {"conv": lax_conv, "compat": partial(lax_conv, stride=(2, 1))}  # one device computes the others themselves
ONE_OF_A_KIND = (
    "conv",
    "compat",
    "conv_transpose_reflect",
    "local_conv",
    "tiled_conv",
    "unfold",
    "fold",
    "max_pool",
    "avg_pool",
    "max_pool_of_many_taps",
    "avg_pool_of_many_taps",
    "unfold_of_many_taps",
    "lp_pool",
    "max_unpool",
    "adaptive_max_pool",
)
MEMBERS = {name: FAMILY[name] for name in ONE_OF_A_KIND} | {
    "unpooled": Member(
        lambda x: minicnn.max_unpool(*minicnn.max_pool(x, (2, 2), return_indices=True), (4, 4)), (4, 4, 2)
    ),
    "conv with a bias": Member(lambda x, w: minicnn.add_bias(minicnn.conv(x, w), w[0, 0, 0]), (5, 4, 2), (3, 3, 2, 3)),
    "conv_map": Member(lambda x, w: minicnn.conv_map(w, (5, 4), padding=1)(x), (5, 4, 2), (3, 3, 2, 3)),
    "conv_map.T": Member(lambda y, w: minicnn.conv_map(w, (5, 4), stride=2).T(y), (2, 1, 3), (3, 3, 2, 3)),
    "patch_map": Member(lambda x, w: minicnn.patch_map(x, w.shape)(w), (5, 4, 2), (3, 3, 2, 3)),
    "patch_map.T": Member(
        lambda x, y: jax.vmap(lambda x: minicnn.patch_map(x, (3, 3, 2, 3)).T(y))(x), (4, 4, 2), (2, 2, 3)
    ),
}
MEMBERS |= {
    f"long kernel as {form}": Member(lambda x, w, f=form: minicnn.conv(x, w, form=f), (60, 1), (40, 1, 2))
    for form in ("tiles", "diagonals")
}
BY_KERNELS = {"patch_map.T"}  # an image of these is a kernel to `jax.vmap`, as which it is the same on every device
AUTOMATIC = (
    "conv",
    "conv_transpose_reflect",
    "tiled_conv",
    "max_pool_of_many_taps",
    "avg_pool_of_many_taps",
    "long kernel as tiles",
)
TRACED: dict[str, Callable[[Any, Any, Any], Any]] = {  # of minicnn.ops or jax.numpy, images and what they share
    "conv": lambda m, x, w: minicnn.conv(x, w),
    "max_pool": lambda m, x, w: minicnn.max_pool(x * m.sum(w), (2, 2)),
    "elementwise": lambda m, x, w: m.where(x > 0, m.tanh(x * w.mean()), m.power(1 + x * x, w[0, 0, 0, 0])),
    "products": lambda m, x, w: m.einsum("bijc,klcd->bijkld", x, w),
    "chosen": lambda m, x, w: m.where(jnp.arange(x.size).reshape(x.shape) % 3 == 0, x * x, m.mean(w)),
    "indexed": lambda m, x, w: x[:, jnp.array([0, 0, 2])] * m.mean(w),
    "pieces": lambda m, x, w: m.concatenate([w.reshape(-1), m.max(x, axis=0).reshape(-1)]),
}
QUICK = {"xla_backend_optimization_level": 0}  # what is compared runs once


def mesh_of(shape: tuple[int, ...], kind: AxisType) -> Mesh:
    names, devices = ("i", "j")[: len(shape)], jax.devices()[: int(np.prod(shape))]
    return jax.make_mesh(shape, names, axis_types=(kind,) * len(shape), devices=devices)


def derivatives(f: Callable[..., Any], *operands: Any) -> dict[str, Any]:
    """The value of f, the gradients of its square, and those of their square."""
    every = tuple(range(len(operands)))

    def loss(*a: Any) -> Any:
        y = f(*a)
        return (y**2).sum(), y

    def slope(*a: Any) -> Any:
        gradients, y = jax.grad(loss, every, has_aux=True)(*a)
        return sum((g**2).sum() for g in gradients), (y, gradients)

    second, (y, gradients) = jax.grad(slope, every, has_aux=True)(*operands)
    return {"y": y, "gradients": gradients, "second": second}


def inside(f: Callable[..., Any], axes: tuple[str, ...], x: Any, *w: Any) -> dict[str, Any]:
    """What is asked within `jax.shard_map`: there too the gradient of what all devices share is a sum over them."""
    loss = lambda *a: jax.lax.psum((f(*a) ** 2).sum(), axes)
    return {
        "gradients inside": jax.grad(loss, tuple(range(1 + len(w))))(x, *w),
        "vmap": jax.vmap(lambda image: f(image[None], *w)[0])(x),
        "vmap over w": jax.vmap(f, (None, *(0 for _ in w)))(x, *(jnp.stack([v, 2 * v]) for v in w)) if w else (),
    }


def alone(name: str) -> dict[str, Any]:
    """The answers of one device."""
    x, *w = map(jnp.asarray, arrays(MEMBERS[name], batch=4))
    f = ORACLES.get(name, MEMBERS[name].function)
    found = jax.jit(partial(derivatives, f), compiler_options=QUICK)(x, *w)
    twice = jnp.stack([found["y"], 2 * found["y"]]) if w else ()  # every function here is linear in w
    return found | {"gradients inside": found["gradients"], "vmap": found["y"], "vmap over w": twice}


def varying(name: str, mesh: Mesh) -> dict[str, Any]:
    """The answers of a mesh over which `jax.shard_map` spreads the images; w is the same everywhere."""
    x, *w = map(jnp.asarray, arrays(MEMBERS[name], batch=4))
    f, axes = MEMBERS[name].function, mesh.axis_names
    images, shared = P(axes), [P() for _ in w]
    out = {"gradients inside": (images, *shared), "vmap": images, "vmap over w": P(None, axes)}
    spread = jax.shard_map(f, mesh=mesh, in_specs=(images, *shared), out_specs=images)
    within = jax.shard_map(partial(inside, f, axes), mesh=mesh, in_specs=(images, *shared), out_specs=out)
    return jax.jit(lambda *a: derivatives(spread, *a) | within(*a), compiler_options=QUICK)(x, *w)


def explicit(name: str, mesh: Mesh) -> dict[str, Any]:
    """The answers where the type of x says over which devices its images are spread."""
    x, *w = map(jnp.asarray, arrays(MEMBERS[name], batch=4))
    f = MEMBERS[name].function
    with jax.set_mesh(mesh):
        x = jax.reshard(x, P(mesh.axis_names))
        found = compiled(name, x, *w)
        for a, expected in zip((found["y"], *found["gradients"]), ("i", "i", *(None for _ in w)), strict=True):
            assert jax.typeof(a).sharding.spec[0] == expected, (name, jax.typeof(a))
        return found | {"vmap": jax.jit(jax.vmap(lambda image: f(image[None], *w)[0]))(x)}


def automatic(name: str, mesh: Mesh) -> dict[str, Any]:
    """The answers where XLA settles what each device does, and JAX's types say nothing about it."""
    x, *w = map(jnp.asarray, arrays(MEMBERS[name], batch=4))
    put = lambda a, *axes: jax.device_put(a, NamedSharding(mesh, P(*axes)))
    return compiled(name, put(x, "i"), *map(put, w))


def compiled(name: str, *operands: Any) -> dict[str, Any]:
    """The answers of one program, and how often a device receives in it what others hold, other than a sum."""
    answer = jax.jit(partial(derivatives, MEMBERS[name].function), compiler_options=QUICK)
    program = answer.lower(*operands).compile()
    received = len(re.findall(r" (?:all-gather|all-to-all|collective-permute)\(", program.as_text()))
    return program(*operands) | {"received": 0 if name in BY_KERNELS else received}


def in_portions(way: str) -> bool:
    """Whether a batch that is spread over two devices in this way is convolved in a loop over portions."""
    x, w = map(jnp.asarray, arrays(MEMBERS["conv"], batch=4))
    mesh, f = mesh_of((2,), AxisType.Explicit if way == "explicit" else AxisType.Auto), MEMBERS["conv"].function
    if way == "shard_map":
        f = jax.shard_map(f, mesh=mesh, in_specs=(P("i"), P()), out_specs=P("i"))
    with jax.set_mesh(mesh):
        return "stablehlo.while" in jax.jit(f).lower(jax.device_put(x, NamedSharding(mesh, P("i"))), w).as_text()


def no_images(spread: str) -> list[bool]:
    """Whether a convolution of no images, spread over two devices, has no results, and zeros for gradients."""
    with jax.set_mesh(mesh_of((2,), AxisType.Explicit)):
        x, w = jax.reshard(jnp.zeros((0, 4, 2)), P("i") if spread == "images" else P(None, "i")), jnp.ones((3, 2, 5))
        loss = lambda x, w: minicnn.conv(x, w, padding="SAME").sum()
        y, (x_bar, w_bar) = jax.jit(jax.value_and_grad(loss, (0, 1)), compiler_options=QUICK)(x, w)
    return [bool(y == 0), x_bar.shape == x.shape, not w_bar.any()]


def not_in_use(name: str, mesh: Mesh) -> dict[str, float]:
    """How far derivatives are from those of jax.numpy on a mesh that the images know of and no context names.

    Cotangents are given: without a context JAX makes none for the number that a loss is.
    """
    y = jax.device_put(jnp.arange(8.0).reshape(2, 2, 2), NamedSharding(mesh, P("i")))
    first = jnp.zeros_like(y, jnp.int32)

    def asked(f: Callable[..., Any]) -> dict[str, Any]:
        each = lambda y, b: jax.vmap(lambda y, first: f(y, b, first))(y, first)
        ways = {"alone": lambda y, b: f(y, b, first), "vmap": each}
        found = {way: jax.vjp(g, y, jnp.array([1.0, 2.0])) for way, g in ways.items()}
        return {way: (z, pullback(z)) for way, (z, pullback) in found.items()}

    return distances(*map(asked, NOT_IN_USE[name]))


NOT_IN_USE: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {  # of images, a bias and positions of zero
    "add_bias": (lambda y, b, first: minicnn.add_bias(y, b), lambda y, b, first: y + b),
    "max_unpool": (
        lambda y, b, first: minicnn.max_unpool(y * b, first, (3,)),
        lambda y, b, first: jnp.pad((y * b).sum(-2, keepdims=True), [(0, 0)] * (y.ndim - 2) + [(0, 2), (0, 0)]),
    ),
}


def asked_of(engine: Any, m: Any, name: str, x: Any, w: Any) -> dict[str, Any]:
    """The derivatives of a function of `minicnn.ops` or of `jax.numpy`, first and second, by an engine."""
    f = partial(TRACED[name], m)
    gradients = engine.grad(lambda *a: m.sum(m.square(f(*a))), (0, 1))
    slope = lambda *a: sum(m.sum(m.square(g)) for g in gradients(*a))
    y, pullback = engine.vjp(f, x, w)
    return {
        "gradients": gradients(x, w),
        "cotangents": pullback(jnp.cos(y)),
        "tangents": engine.jvp(gradients, (x, w), (jnp.ones_like(x), jnp.ones_like(w)))[1],
        "second": engine.grad(slope, (0, 1))(x, w),
    }


def traced_types(name: str, mesh: Mesh) -> dict[str, float]:
    """How far our derivatives are from those of JAX on one device, where the type of x says how it is spread."""
    x, w = map(jnp.asarray, arrays(FAMILY["conv"], batch=4))
    expected = jax.jit(lambda *a: asked_of(jax, jnp, name, *a), compiler_options=QUICK)(x, w)
    with jax.set_mesh(mesh):
        x = jax.reshard(x, P(mesh.axis_names))
        found = jax.jit(lambda *a: asked_of(autodiff, ops, name, *a), compiler_options=QUICK)(x, w)
        for way in ("gradients", "cotangents"):
            assert [jax.typeof(a).sharding.spec[0] for a in found[way]] == [mesh.axis_names[0], None], (name, way)
    return distances(found, expected)


def traced(name: str, mesh: Mesh) -> dict[str, float]:
    """How far our derivatives are from JAX's within `jax.shard_map`, where w is the same on every device."""
    x, w = arrays(FAMILY["conv"], batch=4)
    images = P(mesh.axis_names)
    out = dict.fromkeys(("gradients", "cotangents", "tangents", "second"), (images, P()))
    both = [
        jax.shard_map(partial(asked_of, *engine, name), mesh=mesh, in_specs=(images, P()), out_specs=out)
        for engine in ((autodiff, ops), (jax, jnp))
    ]
    return distances(*jax.jit(lambda *a: [f(*a) for f in both], compiler_options=QUICK)(x, w))


def refusal(name: str, mesh: Mesh) -> str:
    """Why a result that differs over the mesh may not leave it as if it were the same everywhere."""
    x, *w = arrays(MEMBERS[name], batch=4)
    f = jax.shard_map(MEMBERS[name].function, mesh=mesh, in_specs=(P("i"), *(P() for _ in w)), out_specs=P())
    try:
        jax.eval_shape(f, x, *w)
    except ValueError as error:
        return str(error)
    return "not refused"


def distances(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, float]:
    gap = lambda a, b: float(np.abs(np.asarray(a) - np.asarray(b)).max() / (np.abs(b).max() or 1))
    return {way: max(map(gap, *map(jax.tree.leaves, (found[way], expected[way]))), default=0.0) for way in found}


@cache
def expected(name: str) -> dict[str, Any]:
    return alone(name) | {"received": 0}


def apart(answers: Callable[[str, Mesh], dict[str, Any]], *mesh: Any) -> Callable[[str], dict[str, float]]:
    """A question: how far the answers of a mesh are from those of one device."""
    return lambda name: distances(answers(name, mesh_of(*mesh)), expected(name))


AUTO, EXPLICIT = AxisType.Auto, AxisType.Explicit
Questions = dict[str, tuple[Callable[[str], Any], Iterable[str]]]  # about which functions, or ways, each is asked
COMPARED: Questions = {
    "shard_map over 2": (apart(varying, (2,), AUTO), MEMBERS),
    "shard_map over 2 x 2": (apart(varying, (2, 2), AUTO), ("conv", "patch_map.T")),
    "explicit over 2": (apart(explicit, (2,), EXPLICIT), MEMBERS),
    "explicit over 4": (apart(explicit, (4,), EXPLICIT), ("conv", "patch_map.T")),
    "automatic over 2": (apart(automatic, (2,), AUTO), AUTOMATIC),
    "not in use": (lambda name: not_in_use(name, mesh_of((2,), EXPLICIT)), NOT_IN_USE),
    "autodiff over 2": (lambda name: traced(name, mesh_of((2,), AUTO)), TRACED),
    "autodiff over 4": (lambda name: traced(name, mesh_of((2, 2), AUTO)), ("conv", "elementwise")),
    "autodiff explicit over 2": (lambda name: traced_types(name, mesh_of((2,), EXPLICIT)), TRACED),
}
ASKED: Questions = {
    "in portions": (in_portions, ("explicit", "shard_map", "automatic")),
    "no images": (no_images, ("images", "space")),
    "refusal": (lambda name: refusal(name, mesh_of((2,), AUTO)), MEMBERS),
}

if __name__ == "__main__":
    Costed.portions = lambda *_: 2  # so that the loops over portions of a batch are asked as well
    questions = COMPARED | ASKED
    print(json.dumps([attempt(questions[way][0], name) for way, name in json.loads(sys.argv[1])]))
