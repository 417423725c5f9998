"""A function's equations with some of them replaced: what stands for other equations is entered, the rest stays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from minicnn import jax_internals
from minicnn.acceleration import calls
from minicnn.acceleration.decision import Decision, Setting
from minicnn.acceleration.replacements import RULES, decide
from minicnn.jax_internals import ClosedJaxpr, Jaxpr
from minicnn.lift.evaluation import evaluated


@dataclass(frozen=True, eq=False)
class Rewriting:
    """One way to replace equations.

    Attributes:
        setting: what decides which are replaced.
        of_rule: what becomes of the backward functions of `jax.custom_vjp`, which are Python still.
        known: what equations inside of others became. Compiled programs are found by identity, so that the same
            equations have to become the same again.
    """

    setting: Setting
    of_rule: Callable[[Callable[..., Any]], Callable[..., Any]]
    known: WeakKeyDictionary[Any, ClosedJaxpr] = field(default_factory=WeakKeyDictionary)

    @cached_property
    def looped(self) -> "Rewriting":
        """The same inside of a loop."""
        return Rewriting(replace(self.setting, looped=True), self.of_rule)

    def evaluate(self, jaxpr: Jaxpr, constants: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        """The results of a list of equations, computed by what replaces them."""
        return evaluated(jaxpr, constants, arguments, self._results)

    def _results(self, equation: Any, operands: list[Any]) -> list[Any]:
        decision = decide(equation, self.setting)
        with jax_internals.traced_as(equation):
            if decision is not None and decision.apply is not None:
                return [decision.apply(*operands)]
            if not any(_concerns(closed.jaxpr) for closed in calls.inside(equation)):
                return jax_internals.bound(equation, operands)
            if calls.is_sharded(equation):
                return calls.over_shards(equation, self.evaluate, operands)
            within = self.looped if calls.is_loop(equation) else self
            params, constants = calls.entered(equation, within._rewritten, self.of_rule)
            return jax_internals.bound(equation, [*constants, *operands], params)

    def _rewritten(self, closed: ClosedJaxpr) -> ClosedJaxpr:
        """The equations that replace those that another one holds."""
        if not _concerns(closed.jaxpr):
            return closed
        key = closed if closed.consts else closed.jaxpr
        if key not in self.known:
            evaluate = lambda *arguments: self.evaluate(closed.jaxpr, closed.consts, arguments)
            self.known[key] = jax_internals.retraced(evaluate, closed)
        return self.known[key]

    def decisions(self, jaxpr: Jaxpr) -> Iterator[tuple[Any, Decision]]:
        """Every convolution and pool, and what is decided about it."""
        for equation in jaxpr.eqns:
            decision = decide(equation, self.setting)
            if decision is not None:
                yield equation, decision
            within = self.looped if calls.is_loop(equation) else self
            for closed in calls.inside(equation):
                yield from within.decisions(closed.jaxpr)


def _concerns(jaxpr: Jaxpr) -> bool:
    """Whether there is a convolution or a pool."""
    return any(
        equation.primitive.name in RULES or any(_concerns(closed.jaxpr) for closed in calls.inside(equation))
        for equation in jaxpr.eqns
    )
