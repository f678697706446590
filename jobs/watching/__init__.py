"""How the job does, by what it tells Redis and by what Kafka holds."""
