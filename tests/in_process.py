"""What helper processes do, done in the test's own, which has PyTorch imported already: starting one takes seconds."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from typing import Any

import pytest

from spafit.errors import SpafitError
from spafit.helper import HelperError


class InProcess:
    """In the place of `spafit.helper.Helper`: it is over when it has been made. Limits are not held."""

    def __init__(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        environment: Mapping[str, str] | None = None,
        **_limits: Any,
    ) -> None:
        module, _, name = function.partition(":")
        with pytest.MonkeyPatch.context() as patched:
            for variable, value in (environment or {}).items():
                if os.environ.get(variable) != value:
                    patched.setenv(variable, value)
            self._error: str | None = None
            try:
                found = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(dict(arguments))))
                self._found = json.loads(json.dumps(found))
            except SpafitError as error:
                self._error = str(error)

    def poll(self) -> bool:
        return True

    def wait(self, seconds: float) -> None: ...

    def end(self, why: str) -> None: ...

    def result(self) -> Any:
        if self._error is not None:
            raise HelperError(self._error)
        return self._found
