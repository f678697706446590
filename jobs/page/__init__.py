"""What the live page shows and does: events of Kafka, rows of Redis, a shopper to steer, things to break."""
