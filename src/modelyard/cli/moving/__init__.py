"""`modelyard upgrade plan | apply | undo`: a flat registry is read, and brought into the catalog over HTTP."""
