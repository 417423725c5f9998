"""Training: the loop, metrics and runs."""
