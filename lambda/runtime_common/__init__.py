"""What the functions share, from the standard library alone."""
