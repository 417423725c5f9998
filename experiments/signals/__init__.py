"""Convolution of signals: what it is, and the codes that compute it."""
