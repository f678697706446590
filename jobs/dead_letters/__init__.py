"""Dead letters in Kafka: read, selected, judged again, replayed."""
