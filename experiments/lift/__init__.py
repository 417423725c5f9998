"""Lifted networks: what the matrices of a network at a point show that its layers do not."""
