"""Where it goes: the Redis codec (pure), the fenced Redis writer, the dead-letter codec (pure)."""
