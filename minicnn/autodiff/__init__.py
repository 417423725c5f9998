"""Autodiff from scratch: one linear map per operand of each primitive, and transposition."""
