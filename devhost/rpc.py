"""Stand-ins for the protobuf messages that the Functions host and the Python worker exchange.

Microsoft's worker library builds and reads these by attribute only, so plain records do, and gRPC is not needed.
Names and fields are those of the protocol (FunctionRpc.proto); this module is handed to the library as its `protos`.
"""

from types import SimpleNamespace
from typing import Any, Literal

TypedDataKind = Literal["string", "bytes", "json", "http", "int", "double"]


class TypedData:
    """One value on the wire, of exactly one kind: `TypedData(string="…")`, `TypedData(json="…")`, and so on."""

    __slots__ = ("bytes", "double", "http", "int", "json", "kind", "string", "value")

    kind: TypedDataKind
    value: Any

    def __init__(self, **one_field: Any) -> None:
        ((kind, value),) = one_field.items()
        self.kind, self.value = kind, value  # type: ignore[assignment]  # __slots__ refuses any other kind below
        setattr(self, kind, value)

    def WhichOneof(self, _oneof: str) -> TypedDataKind:  # noqa: N802  # the protobuf name
        """The kind that is set."""
        return self.kind


class ParameterBinding:
    """A named value: an argument going in, or the value of an output binding coming back."""

    __slots__ = ("data", "name")

    def __init__(self, *, name: str, data: TypedData) -> None:
        self.name, self.data = name, data

    def WhichOneof(self, _oneof: str) -> Literal["data"]:  # noqa: N802  # the protobuf name
        """Always inline data; shared memory is not used."""
        return "data"


class BindingInfo(SimpleNamespace):
    """What a function's binding looks like to the host."""

    undefined = 0
    out = 1
    inout = 2


class StatusResult(SimpleNamespace):
    """Whether a request worked, and the exception if not."""

    Failure = 0
    Success = 1

    exception: "RpcException | None" = None


class RpcException(SimpleNamespace):
    """An exception as text: `message` and `stack_trace`."""

    message: str
    stack_trace: str


class RpcHttp(SimpleNamespace):
    """An HTTP request going in, or a response coming back."""


class RpcHttpCookie(SimpleNamespace):
    """One cookie of a response."""

    class SameSite:
        """Values of the attribute; `None` stands for not given."""

        Lax = "Lax"
        Strict = "Strict"
        ExplicitNone = "None"


setattr(RpcHttpCookie.SameSite, "None", None)  # `None` cannot be written as an attribute in Python


class NullableString(SimpleNamespace):
    """A string that may be absent."""


class NullableBool(SimpleNamespace):
    """A truth value that may be absent."""


class NullableDouble(SimpleNamespace):
    """A number that may be absent."""


class NullableTimestamp(SimpleNamespace):
    """An instant that may be absent."""


class Timestamp(SimpleNamespace):
    """Seconds since 1970."""


class RpcFunctionMetadata(SimpleNamespace):
    """A function as the worker indexed it; `raw_bindings` are JSON texts."""

    name: str
    function_id: str
    raw_bindings: list[str]
    retry_options: "RpcRetryOptions | None"


class RpcRetryOptions(SimpleNamespace):
    """A function's `@retry` policy; intervals are timedeltas."""


class WorkerMetadata(SimpleNamespace):
    """What the worker says of itself."""


class WorkerInitResponse(SimpleNamespace):
    """The answer to starting the worker: the app has been imported and indexed, or has not."""

    capabilities: dict[str, str]
    result: StatusResult


class FunctionMetadataResponse(SimpleNamespace):
    """The functions found."""

    function_metadata_results: list[RpcFunctionMetadata] | None


class InvocationResponse(SimpleNamespace):
    """The outcome of one invocation."""

    result: StatusResult
    return_value: TypedData | None = None
    output_data: list[ParameterBinding] = []  # noqa: RUF012  # a default for failures, never written to
