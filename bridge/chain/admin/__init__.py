"""Acts of the admin: as calls, as operations of the timelock, and as files that the multisig's owners sign from."""
