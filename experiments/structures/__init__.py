"""Outputs with a structure: a label for every pixel, and labels that have to fit together."""
