"""Asking the process that keeps models warm, from a process that must stay light (no torch)."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from spafit.errors import SpafitError
from spafit.helper import exit_words, module_command, module_environment

IDLE_SECONDS = 300.0
"""Without a request, after which the process leaves and its memory is free again."""
ANSWER_SECONDS = 120.0
"""For one answer, loading the libraries and a large model included."""
WAIT_SECONDS = 30.0
"""For one's turn, while others' requests are answered."""


class TryoutError(SpafitError):
    """No answer, said in one sentence."""


class _LeftError(TryoutError):
    """The process had been idle for so long that it left, just when it was asked."""


class Client:
    """One warm process; requests take turns. It is started when first asked, and again when it has left."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._idle_seconds, self._answer_seconds = idle_seconds, answer_seconds
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def predict(
        self,
        run_id: str,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        trained: bool = True,
        factors: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Return a run's predictions for these texts (see `spafit.tryout.worker.Answers.answer`).

        Raises:
            TryoutError: the worker's own sentence, that others are asking, or that no answer came.
        """
        request = {"run": run_id, "texts": list(texts), "pairs": pairs and list(pairs), "trained": trained}
        if not self._turn.acquire(timeout=WAIT_SECONDS):
            raise TryoutError("Others are asking; try again in a moment.")
        try:
            answer = self._ask(json.dumps(request | {"factors": dict(factors or {})}).encode() + b"\n")
        finally:
            self._turn.release()
        if "error" in answer:
            raise TryoutError(str(answer["error"]))
        return answer["predictions"]

    def start(self, runs: Sequence[str] = ()) -> None:
        """Start the process if there is none, and let it load these runs: both take seconds, as does typing a text."""
        if self._turn.acquire(blocking=False):  # whoever has the turn starts it
            try:
                self._running(runs)
            finally:
                self._turn.release()

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._end()

    def _ask(self, line: bytes) -> dict[str, Any]:
        try:
            return self._answer(line)
        except _LeftError:
            return self._answer(line)

    def _running(self, runs: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                module_command("spafit.tryout.worker", str(self._idle_seconds), *runs),
                env=module_environment(os.environ) | {"TOKENIZERS_PARALLELISM": "false", "GOMP_SPINCOUNT": "1000"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _answer(self, line: bytes) -> dict[str, Any]:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except OSError as error:
            self._end()
            raise _LeftError("The process that keeps models ready ended; try again.") from error
        deadline = time.monotonic() + self._answer_seconds
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not waiting.select(timeout=max(0.0, deadline - time.monotonic())):
                    self._end()
                    raise TryoutError(f"No answer came within {self._answer_seconds:.0f} s; try again.")
                part = os.read(process.stdout.fileno(), 1 << 16)
                if not part:
                    code = process.wait()
                    self._end()
                    kind = TryoutError if code else _LeftError
                    raise kind(f"The process that keeps models ready ended ({exit_words(code)}); try again.")
                self._rest += part
        answer, _, self._rest = self._rest.partition(b"\n")
        return json.loads(answer)

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
        self._process, self._rest = None, b""
