"""Kafka, Redis and Flink as processes of this machine: for the demo, the tests and the fault drills.

Everything listens on 127.0.0.1 only and ends with whoever started it.
"""
