"""A deployment read back from the chain: its code, its owner, and who may do what."""
