"""Network namespaces of a test's own: servers with fixed ports, or on hosts of their own, disturb nobody there.

As a program it turns on the loopback device of the namespace that it is in, and becomes the program that follows.
"""

import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys


def loopback_up():
    """Turns on the only device of a new network namespace; elsewhere it is on already."""
    siocgifflags, siocsifflags, iff_up = 0x8913, 0x8914, 1
    with socket.socket() as any_socket:
        request = struct.pack("16sh", b"lo", 0) + b"\0" * 22
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, siocgifflags, request)[:18])[1]
        if not flags & iff_up:
            fcntl.ioctl(any_socket, siocsifflags, struct.pack("16sh", b"lo", flags | iff_up) + b"\0" * 22)


def unshare(*more):
    """The words in front of a command that give it namespaces of its own; as root in them."""
    return ["unshare", "--user", "--map-root-user", "--net", *more]


def why_not():
    """Why there is no namespace to be had, or an empty text."""
    if not shutil.which("unshare"):
        return "unshare is not installed"
    done = subprocess.run([*unshare(), "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "this system gives no network namespace of one's own"


def inside(*command):
    """The command in a network of its own, whose loopback device is on."""
    here = str(pathlib.Path(__file__).resolve())
    return [*unshare("--fork", "--kill-child=SIGTERM"), sys.executable, here, *map(str, command)]


if __name__ == "__main__":
    loopback_up()
    os.execvp(sys.argv[1], sys.argv[1:])
