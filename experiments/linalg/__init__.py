"""Linear algebra: what the matrix of a layer knows, and what it is good for."""
