"""What is asked and what is answered, as the OpenAPI document describes it."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

LONGEST_ID: Final = 1000
"""Longer ids are dead letters to the job, so no row can be theirs."""

ShopperId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_ID,
        description="The `user_id`, else the device's own id; any characters.",
        examples=["ann"],
    ),
]


_WINDOWS: Final = Field(
    description="Labels of windows; left out: all, or those that have one of the features.",
    examples=[["5min", "session"]],
)
_FEATURES: Final = Field(
    description="Names of features; left out: all.", examples=[["product_view_count", "cart_value"]]
)


class Choice(BaseModel):
    """Which part of a shopper's features is wanted. Names are repeated or separated by commas."""

    model_config = ConfigDict(extra="forbid")

    windows: Annotated[list[str] | SkipJsonSchema[None], _WINDOWS] = None
    features: Annotated[list[str] | SkipJsonSchema[None], _FEATURES] = None


class Asked(BaseModel):
    """Many shoppers at once, and which part of their features is wanted."""

    model_config = ConfigDict(extra="forbid")

    shoppers: list[ShopperId] = Field(
        min_length=1, description="Ids; each is told once, in the order of its first place."
    )
    windows: Annotated[list[str] | None, _WINDOWS] = None
    features: Annotated[list[str] | None, _FEATURES] = None


class Money(BaseModel):
    """An exact amount."""

    amount: str = Field(
        description="Major units with all digits, as decimal text.", pattern=r"^-?\d+(\.\d+)?$"
    )
    currency: str = Field(description="ISO 4217; empty where the row names none.")


Told = bool | int | float | str | list[str] | Money


class RowTold(BaseModel):
    """The features of one window, and whether they hold. All times are epoch milliseconds."""

    verdict: Literal["FRESH", "STALE", "PARTIAL", "MISSING"] = Field(
        description="FRESH: the values hold now. STALE: they were to change, or the pipeline is silent. "
        "PARTIAL: they hold for what the job has read, and the window begins before that. "
        "MISSING: there is no row."
    )
    why: str = Field(description="The verdict's reason in words.")
    same_as: str | None = Field(
        description="The user whose row this is, where the id is that of a device of theirs; else null."
    )
    now: int = Field(
        description="The clock by which the row was judged: Redis', or the job's if that is ahead."
    )
    at: int | None = Field(description="As of when the values were computed; null: no row.")
    next: int | None = Field(description="When they next change if no event comes.")
    until: int | None = Field(description="When the row expires.")
    age_ms: int | None = Field(description="`now - at`; values that are old may hold all the same.")
    capped: bool = Field(description="Whether a cap kept something out of the values.")
    features: dict[str, Told] = Field(
        description="By name; a feature without a value is not in it. Types and units are in /v1/catalogue."
    )
    unreadable: dict[str, str] | None = Field(
        None, description="Features whose fields hold no such value, since something else wrote them."
    )


EXAMPLE: Final[dict[str, Any]] = {
    "shopper": "ann",
    "windows": {
        "5min": {
            "verdict": "FRESH",
            "why": "right as of 1840 ms ago and until the next change",
            "same_as": None,
            "now": 1767225601840,
            "at": 1767225600000,
            "next": 1767225610000,
            "until": 1767225900000,
            "age_ms": 1840,
            "capped": False,
            "features": {"product_view_count": 3, "cart_value": {"amount": "42.99", "currency": "EUR"}},
        }
    },
}


class ShopperTold(BaseModel):
    """One shopper's windows."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    shopper: str = Field(description="The id that was asked for.")
    windows: dict[str, RowTold] = Field(description="By label, `session` among them.")


class ShoppersTold(BaseModel):
    """Many shoppers, in the order they were asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"shoppers": [EXAMPLE]}]})

    shoppers: list[ShopperTold]
