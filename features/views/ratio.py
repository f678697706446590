"""The one ratio of the catalogue."""


def ratio(part: int, whole: int) -> float | None:
    """`part / whole`, None where there is no whole.

    >>> ratio(1, 4), ratio(1, 0)
    (0.25, None)
    """
    return part / whole if whole else None
