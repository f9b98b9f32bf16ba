"""One file a step, run in the order that their `down_revision` gives."""
