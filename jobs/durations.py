"""Durations in words."""


def span(ms: int) -> str:
    """Say a duration in its largest unit.

    >>> span(400), span(90_000), span(7_200_000), span(400_000_000)
    ('400 ms', '90 s', '120 min', '4 d')
    """
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if ms >= 3 * length or (unit == "s" and ms >= length):
            return f"{ms // length} {unit}"
    return f"{max(0, ms)} ms"
