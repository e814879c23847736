"""Who still calls by an old name: what the server has seen, and what is written in code, as one ledger."""
