"""Evidence of chains as Parquet that can be kept: read by pages, decoded by the ABI into columns, each piece whole."""
