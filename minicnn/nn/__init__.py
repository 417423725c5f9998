"""Layers: init, apply, and the matrix of each."""
