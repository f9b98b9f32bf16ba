"""A registry with screens only: officers act there by hand, and attest what they did or saw with keys of their own."""
