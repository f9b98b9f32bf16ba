"""Everything that knows web3: connection, contract, keys, transactions, events."""
