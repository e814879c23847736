"""What runs on machines: the processes that serve model versions."""
