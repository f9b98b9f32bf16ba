"""Reads chains, registries and others' claims at pinned moments, trusts none of them, and says what does not agree."""
