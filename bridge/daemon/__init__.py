"""The operator's bridge as a service: turns by itself, says what it does, and can be looked at from outside."""
