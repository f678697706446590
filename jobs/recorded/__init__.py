"""Recorded events: read, and moved to another time."""
