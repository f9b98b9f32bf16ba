"""The story, one file a step: deposit (lock, attest, mint), exit (ask, reserve, attest, settle, execute), reversal."""
