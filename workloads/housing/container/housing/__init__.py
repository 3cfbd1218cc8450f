"""A least squares regression on any CSV with a numeric target: how it is trained, and how it is served."""
