"""The identities: what the matrices claim, checked entry by entry."""
