"""The upgrade assistant on public files: how much of what is expected it does, and how fast."""
