"""The registry as a process of its own: the port over HTTP, for bridges, depositors, holders and readers."""
