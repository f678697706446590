"""Kafka from the settings: clients, and where to read on."""
