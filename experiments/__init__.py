"""Experiments: one file for each question that the sources of minicnn raise. `python -m experiments` lists them."""
