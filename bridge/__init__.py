"""Carbon credits locked in their registry, minted one to one, reconciled serial by serial."""
