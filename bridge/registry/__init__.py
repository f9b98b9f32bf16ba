"""Registries behind one port: the embedded ledger here, other organisations' registries beside it."""
