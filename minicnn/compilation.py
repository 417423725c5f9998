"""How much time the compiler may take for a program."""

# Options of `jax.jit` for what runs once, or once an epoch: it is compiled fast rather than made fast. Random bits, for
# example, take a second to optimise and a millisecond to draw.
ONCE = {"xla_backend_optimization_level": 0}
