"""Meters what teams and people run, and refuses and stops what goes beyond what they may spend."""
