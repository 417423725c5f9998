"""Convolution of images: what its matrix looks like, what it does to a photograph, and features made with it."""
