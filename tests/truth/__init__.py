"""A package: what its tests share, by `scope="package"` in conftest.py, ends with the last of them."""
