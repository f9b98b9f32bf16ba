"""The story, one file a step: deposit (lock, attest, mint) and exit (ask, reserve, attest, settle, execute)."""
