"""Moving a flat registry into the catalog: what is there, what becomes of it, and what was done already."""
