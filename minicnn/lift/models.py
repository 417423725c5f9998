"""Models as each library has them, read as functions of their parameters and their inputs."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax


class Model(NamedTuple):
    """A model with its parameters.

    Attributes:
        f: the function of the parameters and of the inputs, one after the other.
        params: parameters, with whatever else the library keeps beside them.
        of_inputs: the function of the inputs alone.
        opaque: whether JAX only calls it, and sees nothing of what it does.
    """

    f: Callable[..., Any]
    params: Any
    of_inputs: Callable[..., Any]
    opaque: bool = False


def read_model(model: Any, *inputs: Any, key: Any) -> Model:
    """Read a model of flax (linen or nnx), equinox, haiku, minicnn or PyTorch, or any function of arrays.

    Args:
        model: what the library calls one: a module, a transformed function, a layer, a function.
        *inputs: what it is applied to, with the axes that the library wants.
        key: for the parameters, where they are not there yet, and for dropout.

    >>> w = jnp.ones((2, 3))
    >>> read_model(lambda x: w @ x, jnp.ones(3), key=jax.random.key(0)).of_inputs(jnp.ones(3))
    Array([3., 3.], dtype=float32)
    """
    read = next((reader for package, reader in _READERS.items() if _comes_from(package, type(model))), _function)
    return read(model, inputs, key)


def made(value: Any, key: Any) -> Any:
    """Call what makes a model, until it is one: a class, or a function that takes no array.

    Whoever asks for `key` is given one, and whoever asks for `rngs` those of flax.

    Raises:
        TypeError: if something else must be given.
    """
    while inspect.isclass(value) or _takes_no_array(value):
        arguments = {name: _GIVEN[name](key) for name in _parameters(value) if name in _GIVEN}
        missing = [name for name, p in _parameters(value).items() if _is_required(p) and name not in arguments]
        if missing:
            name = getattr(value, "__name__", "it")
            needs = ", ".join(f"`{argument}`" for argument in missing)
            raise TypeError(f"{name} needs {needs}: write its arguments as well, as in {name}({missing[0]}=…)")
        value = value(**arguments)
    return value


def _parameters(value: Any) -> dict[str, inspect.Parameter]:
    """What a function or a class takes, `self` and what a partial gives left out."""
    given = value if isinstance(value, partial) else partial(value)
    if inspect.isclass(given.func):  # its own signature may be that of a metaclass
        given = partial(given.func.__init__, None, *given.args, **given.keywords)
    try:
        return dict(inspect.signature(given).parameters)
    except (TypeError, ValueError):  # code that is not Python's has none
        return {"x": inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY)}


def _is_required(parameter: inspect.Parameter) -> bool:
    variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and not variadic


def _takes_no_array(value: Any) -> bool:
    """Whether a function makes a model: everything that it needs is known, and it takes no list of arrays."""
    if not callable(value) or any(_comes_from(package, type(value)) for package in _READERS):
        return False
    parameters = _parameters(value)
    needed = {name for name, parameter in parameters.items() if _is_required(parameter)}
    return needed <= set(_GIVEN) and all(p.kind != p.VAR_POSITIONAL for p in parameters.values())


def _comes_from(package: str, kind: type) -> bool:
    return any(f"{base.__module__}.".startswith(f"{package}.") for base in kind.__mro__)


def _rngs(key: Any) -> Any:
    from flax import nnx  # pyright: ignore[reportMissingImports]

    return nnx.Rngs(int(jax.random.bits(key)) % 2**31)


_GIVEN: dict[str, Callable[[Any], Any]] = {"key": lambda key: key, "rngs": _rngs}


def _function(f: Any, inputs: Any, key: Any) -> Model:
    return Model(lambda params, *xs: f(*xs), (), f)


def _linen(module: Any, inputs: Any, key: Any) -> Model:
    rngs = {"params": key, "dropout": jax.random.fold_in(key, 1)}
    variables = module.init(rngs, *inputs)
    kept = [name for name in variables if name != "params"]  # batch norm in training writes to what it keeps
    f = lambda variables, *xs: module.apply(variables, *xs, rngs=rngs, mutable=kept)[0]
    return Model(f, variables, lambda *xs: f(variables, *xs))


def _nnx(module: Any, inputs: Any, key: Any) -> Model:
    from flax import nnx  # pyright: ignore[reportMissingImports]

    definition, params = nnx.split(module)
    f = lambda params, *xs: nnx.merge(definition, params)(*xs)
    return Model(f, params, lambda *xs: f(params, *xs))


def _haiku(transformed: Any, inputs: Any, key: Any) -> Model:
    params = transformed.init(key, *inputs)
    if type(transformed).__name__ == "TransformedWithState":
        f = lambda both, *xs: transformed.apply(*both, key, *xs)[0]
    else:
        f = lambda params, *xs: transformed.apply(params, key, *xs)
    return Model(f, params, lambda *xs: f(params, *xs))


def _equinox(module: Any, inputs: Any, key: Any) -> Model:
    import equinox as eqx  # pyright: ignore[reportMissingImports]

    arrays, others = eqx.partition(module, eqx.is_array)  # other numbers among its leaves are settings
    return Model(lambda arrays, *xs: eqx.combine(arrays, others)(*xs), arrays, module)


def _minicnn(layer: Any, inputs: Any, key: Any) -> Model:
    if len(inputs) != 1:
        raise ValueError(f"a layer of minicnn has one input, and {len(inputs)} are given: give one shape")
    (x,) = inputs
    params = layer.init(key, x.shape, x.dtype)
    return Model(layer.apply, params, lambda x: layer.apply(params, x))


def _torch(module: Any, inputs: Any, key: Any) -> Model:
    from minicnn.lift.torch_models import as_function

    f, params = as_function(module)
    return Model(f, params, lambda *xs: f(params, *xs), opaque=True)


_Reader = Callable[[Any, Any, Any], Model]

# By the package that the classes of a library's models come from.
_READERS: dict[str, _Reader] = {
    "flax.linen": _linen,
    "flax.nnx": _nnx,
    "haiku": _haiku,
    "equinox": _equinox,
    "minicnn.nn": _minicnn,
    "torch.nn": _torch,
}
