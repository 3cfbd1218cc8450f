"""Stops what people have left running who leave Studio, and takes their rights."""
