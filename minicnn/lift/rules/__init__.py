"""The table of JAX's linear primitives: one row for each, with a linear map for every operand."""

from minicnn.lift.rules import elementwise, indexing, products, structure, windows
from minicnn.lift.rules.rule import Equation, Rule

table: dict[str, Rule] = elementwise.table | structure.table | indexing.table | products.table | windows.table

__all__ = ["Equation", "Rule", "table"]
