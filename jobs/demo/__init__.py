"""The demo: recorded events, then a synthetic shop, through the whole pipeline on this machine."""
