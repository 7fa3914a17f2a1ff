"""What client and server say to each other: length and JSON, and beside the first message file descriptors."""

import json
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("!I")
_MOST = 8 * 2**20
"""Bytes of a message: more than any environment has."""


def say(to: socket.socket, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
    """Send a message. Raises: OSError: the other one is gone."""
    body = json.dumps(message).encode()
    head = _LENGTH.pack(len(body))
    if descriptors:
        socket.send_fds(to, [head], descriptors)
    else:
        to.sendall(head)
    to.sendall(body)


def hear(from_: socket.socket, descriptors: int = 0) -> tuple[dict[str, Any], list[int]]:
    """Receive a message. Raises: EOFError: the other one is gone; OSError: it is silent."""
    if descriptors:
        head, passed, _, _ = socket.recv_fds(from_, _LENGTH.size, descriptors)
    else:
        head, passed = from_.recv(_LENGTH.size), []
    (length,) = _LENGTH.unpack(head + _exactly(from_, _LENGTH.size - len(head)) if head else _exactly(from_, 4))
    if length > _MOST:
        raise EOFError(f"a message of {length} bytes")
    message: dict[str, Any] = json.loads(_exactly(from_, length))
    return message, passed


def _exactly(from_: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        more = from_.recv(min(size - len(found), 2**20))
        if not more:
            raise EOFError("the connection is closed")
        found += more
    return bytes(found)
