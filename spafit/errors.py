"""The one exception type whose text is written for the person at the keyboard."""

from spafit import access


class SpafitError(ValueError):
    """Something a person can put right: ``str(error)`` is one sentence saying what, where and what is allowed.

    On a shared server it does not say where on the machine.
    """

    def __str__(self) -> str:
        return access.shown(super().__str__())
