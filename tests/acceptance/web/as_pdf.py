"""For Schemathesis, which knows no PDF: such a body is sent as the bytes that it made up."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/pdf")
def as_pdf(_context: Any, value: Any) -> bytes:
    """The bytes."""
    return value if isinstance(value, bytes) else str(value).encode()
