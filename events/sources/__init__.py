"""Declared sources: topics whose records become events by a declaration, not by code. Pure.

`declaration` holds what a shop writes down, `checking` tells all that is wrong with it, `toml` reads it from
the text of a file, `decoder` reads records by it. What a value means (amounts, ids, times, privacy) is
decided in `events.assemble` for every source alike.
"""
