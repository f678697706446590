"""The job on a Flink cluster: tried, handed over, kept running, asked how it does, followed by the next."""
