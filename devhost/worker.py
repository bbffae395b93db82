"""The Python half: Microsoft's own worker library, which indexes and invokes the app exactly as it does in Azure."""

import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime

from devhost import log, rpc

NO_RETRY = SimpleNamespace(retry_count=0, max_retry_count=0, exception=None)


class IndexingError(RuntimeError):
    """The app could not be imported or indexed, so no function runs. The text is the worker's own, with the traceback."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one invocation ended. `failure` is None after success, otherwise the exception as text, with its traceback."""

    return_value: rpc.TypedData | None = None
    outputs: list[rpc.ParameterBinding]
    failure: str | None = None


class Worker:
    """One app, loaded into this process. There can be only one: the library keeps its functions in module variables."""

    def __init__(self, app_dir: Path) -> None:
        self.app_dir = app_dir

    async def load(self) -> list[rpc.RpcFunctionMetadata]:
        """Import and index `function_app.py`. Raises IndexingError, in which case nothing of it may be run."""
        if not (self.app_dir / "function_app.py").exists():
            raise IndexingError(f"There is no function_app.py in {self.app_dir}.")
        sys.path.insert(0, str(self.app_dir))
        runtime.start_threadpool_executor()
        init = SimpleNamespace(capabilities={}, function_app_directory=str(self.app_dir))
        request = SimpleNamespace(
            request=SimpleNamespace(worker_init_request=init), properties={"host": "127.0.0.1", "protos": rpc}
        )
        try:
            response: rpc.WorkerInitResponse = await runtime.worker_init_request(request)
        except SystemExit as error:
            raise IndexingError(f"The app ended the process while it was imported (sys.exit({error.code!r})).") from error
        if response.result.status != rpc.StatusResult.Success:
            raise IndexingError(_text(response.result.exception))
        if "HttpUri" in response.capabilities:
            raise IndexingError("The app uses HTTP streaming (azurefunctions.extensions.http), which devhost does not run.")
        listing: rpc.FunctionMetadataResponse = await runtime.functions_metadata_request(request)
        return listing.function_metadata_results or []

    async def invoke(
        self,
        invocation: log.Invocation,
        function_id: str,
        argument: rpc.ParameterBinding,
        metadata: Mapping[str, rpc.TypedData],
        *,
        trace_parent: str | None = None,
        retry: SimpleNamespace = NO_RETRY,
    ) -> Outcome:
        """Run a function: async on this loop, sync in the worker's thread pool. Whatever it raises is in the outcome."""
        request = SimpleNamespace(
            invocation_id=invocation.id,
            function_id=function_id,
            input_data=[argument],
            trigger_metadata=metadata,
            trace_context=SimpleNamespace(
                trace_parent=trace_parent or _new_trace_parent(invocation.id), trace_state="", attributes={}
            ),
            retry_context=retry,
        )
        log.running[invocation.id] = invocation
        try:
            response = await runtime.invocation_request(SimpleNamespace(request=SimpleNamespace(invocation_request=request)))
        except SystemExit as error:  # the library lets it pass; here it must not end the host
            return Outcome(outputs=[], failure=f"SystemExit: {error.code!r}")
        finally:
            del log.running[invocation.id]
        if response.result.status != rpc.StatusResult.Success:
            return Outcome(outputs=[], failure=_text(response.result.exception))
        return Outcome(return_value=response.return_value, outputs=response.output_data)

    def stop(self) -> None:
        """Take no more sync work, and do not wait for what runs."""
        pool = runtime.get_threadpool_executor()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def new_invocation(function: str) -> log.Invocation:
    """A run of `function` with an id of its own."""
    return log.Invocation(function, str(uuid.uuid4()))


def _new_trace_parent(invocation_id: str) -> str:
    trace = invocation_id.replace("-", "")
    return f"00-{trace}-{trace[:16]}-00"


def _text(exception: Any) -> str:
    """The exception for the log: its traceback ends with the message, so that is enough when there is one."""
    return str(exception.stack_trace or exception.message).rstrip()
