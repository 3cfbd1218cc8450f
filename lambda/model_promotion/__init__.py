"""Brings the latest approved version of a model package group into service, and the one before back."""
