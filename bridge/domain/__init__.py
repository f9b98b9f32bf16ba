"""Pure knowledge of the field: no input or output, no clock, no randomness."""
