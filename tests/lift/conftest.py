"""Where flax is absent, its networks are not looked into for examples."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("flax") else ["networks.py"]
