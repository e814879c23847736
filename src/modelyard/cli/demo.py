"""x."""
def demo() -> None:
    """y."""
