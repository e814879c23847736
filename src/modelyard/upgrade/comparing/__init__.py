"""Old and new on the same inputs: how far they agree, and whether that is enough."""
