"""The table: for every primitive and each of its operands one linear map, the derivative there.

This is all that autodiff knows of a primitive. Forward mode multiplies by the maps, reverse mode by their transposes;
and since multiplying by a map is made of primitives again, the table gives derivatives of every order.
"""

from minicnn.autodiff.rules import elementwise, norms, structure, windows
from minicnn.autodiff.rules.rule import Entry, Rule, bilinear, diagonal, general, linear
from minicnn.primitive import Primitive

table: dict[Primitive, Rule] = elementwise.table | structure.table | windows.table | norms.table

__all__ = ["Entry", "Rule", "bilinear", "diagonal", "general", "linear", "table"]
