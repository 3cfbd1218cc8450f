"""The page where a person tries the models: one answer, the same for everybody, without any of their data."""
