"""Pooling: which matrix it is, what it is invariant to, and how its regions are chosen."""
