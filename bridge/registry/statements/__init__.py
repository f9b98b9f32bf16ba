"""Registries' own files, one module per grammar."""
