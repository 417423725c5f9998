"""Priors: what a convolution and a pool take for granted, and what happens where it is not so."""
