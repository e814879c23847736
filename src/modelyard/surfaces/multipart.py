"""Bodies of `multipart/form-data` (RFC 7578), as the Databricks SDK sends files of the workspace."""

from __future__ import annotations

import base64
from email import policy
from email.parser import BytesParser
from typing import Final

import msgspec

from modelyard.errors import Malformed

FORM: Final = "multipart/form-data"
_MOST_PARTS: Final = 20


def as_json(body: bytes, content_type: str) -> bytes:
    """The same as a JSON object of texts; a part with a file name, or called `content`, is base64."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    parts = list(message.iter_parts()) if message.is_multipart() else []
    if not 0 < len(parts) <= _MOST_PARTS:
        raise Malformed(f"the body is no form with 1 to {_MOST_PARTS} parts.")
    told: dict[str, str] = {}
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            raise Malformed("a part of the form has no name.")
        is_file = name == "content" or part.get_filename() is not None
        told[name] = base64.b64encode(content).decode() if is_file else content.decode(errors="replace").strip()
    return msgspec.json.encode(told)
