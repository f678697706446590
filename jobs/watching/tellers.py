"""Who tells the fields of a job's progress: buckets of users and of devices, of all branches or of one."""

from typing import NamedTuple, Self

from operators.routed import ACCOUNTANT, DEVICES, devices_of


class Teller(NamedTuple):
    """Who tells a field of the progress."""

    bucket: str
    branch: str
    """Empty where one operator hosts all branches."""
    devices: bool
    """Whether it is the operator of devices."""

    @classmethod
    def of(cls, field_name: str) -> Self:
        """The teller of a field.

        >>> Teller.of("7"), Teller.of("7/devices-cart")
        (Teller(bucket='7', branch='', devices=False), Teller(bucket='7', branch='cart', devices=True))
        """
        bucket, _, operator = field_name.partition("/")
        devices = operator == DEVICES or operator.startswith(f"{DEVICES}-")
        branch = operator[len(DEVICES) + 1 :] if devices else operator
        return cls(bucket, branch, devices)

    @property
    def field(self) -> str:
        """The field that it tells.

        >>> Teller("7", "", devices=False).field, Teller("7", "cart", devices=True).field
        ('7', '7/devices-cart')
        """
        operator = devices_of(self.branch) if self.devices else self.branch
        return f"{self.bucket}/{operator}" if operator else self.bucket

    @property
    def apart(self) -> bool:
        """Whether branches run apart."""
        return self.branch != ""

    @property
    def accounts(self) -> bool:
        """Whether it gives each record that it counts as read its verdict."""
        return self.branch in ("", ACCOUNTANT)
