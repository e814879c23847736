"""Jobs: their settings, their runs and what those leave, who may do what with them, and the server's own part in it."""
