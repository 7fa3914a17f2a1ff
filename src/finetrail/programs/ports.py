"""Ports on loopback: whether one is free, who has it, and whether a server there answers."""

import socket
import urllib.request
from http.client import HTTPException

import psutil

from finetrail.errors import ConfigError

HOST = "127.0.0.1"
_TRIED = 50


def refuse_busy(port: int, how: str) -> None:
    """Refuse a port that a program has: a server of another project would answer in place of ours.

    Args:
        how: the command that takes another port, with `{port}` for its number.

    Raises:
        ConfigError: a program listens there, or has it for a connection of its own.
    """
    if _is_free(port):
        return
    free = next((other for other in range(port + 1, min(port + _TRIED, 65_535)) if _is_free(other)), None)
    remedy = f"end it, or take another port: {how.format(port=free)}" if free else "end it"
    raise ConfigError(f"port {port} is in use by {_holder(port)}; {remedy}")


def answers(address: str) -> bool:
    """Whether a server answers at an address on loopback, which no proxy of the environment knows."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=5) as answer:
            return bool(answer.status < 400)
    except (OSError, HTTPException):
        return False


def listens(pid: int, port: int) -> bool:
    """Whether a process, or one that it started, is the one that listens on a port."""
    try:
        process = psutil.Process(pid)
        return any(_listens(one, port) for one in (process, *process.children(recursive=True)))
    except psutil.Error:
        return False


def _is_free(port: int) -> bool:
    """Whether nobody answers on a port, and a server can have it: a connection's own side may hold it too."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((HOST, port)) == 0:
            return False
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def _holder(port: int) -> str:
    for process in psutil.process_iter():
        try:
            if any(one.laddr.port == port for one in process.net_connections("tcp")):
                return f"{process.name()} (process {process.pid})"
        except psutil.Error:  # another user's
            continue
    return "another program"


def _listens(process: psutil.Process, port: int) -> bool:
    found = process.net_connections("tcp")
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found)
