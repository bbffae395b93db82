"""Runs functions: worker, then output bindings, then one log line."""

import asyncio
import logging
import time
from collections.abc import Mapping
from types import SimpleNamespace

from devhost import log
from devhost.functions import Function
from devhost.outputs import OutputError, OutputWriter
from devhost.rpc import ParameterBinding, TypedData
from devhost.storage import StorageError
from devhost.worker import NO_RETRY, Outcome, Worker, new_invocation

logger = logging.getLogger("devhost")


class Invoker:
    """The one way to run a function, whoever asks for it. Knows how many run."""

    def __init__(self, worker: Worker, outputs: OutputWriter) -> None:
        self.worker, self.outputs = worker, outputs
        self.running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(
        self,
        function: Function,
        argument: TypedData,
        metadata: Mapping[str, TypedData] | None = None,
        *,
        trace_parent: str | None = None,
        retry: SimpleNamespace = NO_RETRY,
    ) -> Outcome:
        """Run it and apply its outputs; a failed output write fails the invocation. Never raises for what a function did."""
        invocation = new_invocation(function.name)
        token = log.current.set(invocation)
        self.running += 1
        self._idle.clear()
        started = time.perf_counter()
        try:
            outcome = await self.worker.invoke(
                invocation,
                function.id,
                ParameterBinding(name=function.trigger.name, data=argument),
                metadata or {},
                trace_parent=trace_parent,
                retry=retry,
            )
            if outcome.failure is None:
                outcome = await self._apply_outputs(function, outcome)
            _log_end(outcome, time.perf_counter() - started)
        finally:
            self.running -= 1
            if not self.running:
                self._idle.set()
            log.current.reset(token)
        return outcome

    async def wait_until_idle(self, seconds: float) -> bool:
        """Wait until nothing runs; False when something still does after `seconds`."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _apply_outputs(self, function: Function, outcome: Outcome) -> Outcome:
        values = list(outcome.outputs)
        if "$return" in function.outputs and outcome.return_value is not None:
            values.append(ParameterBinding(name="$return", data=outcome.return_value))
        try:
            await self.outputs.apply(function.outputs, values)
        except (OutputError, StorageError) as error:
            return Outcome(outputs=[], failure=f"Error while writing the function's outputs: {error}")
        return outcome


def _log_end(outcome: Outcome, seconds: float) -> None:
    if outcome.failure is None:
        value = outcome.return_value
        answer = f": {value.value.status_code}" if value is not None and value.kind == "http" else ""
        logger.info("Succeeded in %d ms%s", seconds * 1000, answer)
    else:
        logger.error("Failed after %d ms: %s", seconds * 1000, outcome.failure)
