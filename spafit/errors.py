"""The one exception type whose text is written for the person at the keyboard."""


class SpafitError(ValueError):
    """Something a person can put right: ``str(error)`` is one sentence saying what, where and what is allowed."""
