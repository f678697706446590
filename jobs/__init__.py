"""Wiring and entry points: settings, the live job, replay, the demo and the `shopper` command line."""
