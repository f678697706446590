"""What is computed: facts, views, aggregates, windows, sessions, replay and the catalogue. Pure Python."""
