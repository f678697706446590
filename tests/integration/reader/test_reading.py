"""What the real writer wrote, read back: by threads and by asyncio, from every kind of Redis."""
