"""The only rooms that know SQL and the bytes on disk."""
