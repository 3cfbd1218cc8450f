"""Brings files of records into a feature group: its history as files, its latest records one by one."""
