"""The settings of conf/2m-2s-sync and conf/2m-2s-async in Apache's distribution: broker-a, broker-b and their slaves.

A folder with these two, or one of them, named by COMET_APACHE_CONF has precedence: its files are taken as they are.
"""

import os
import pathlib

KINDS = {"sync": "SYNC_MASTER", "async": "ASYNC_MASTER"}
FILES = ["broker-a", "broker-a-s", "broker-b", "broker-b-s"]


def text(kind, file):
    """Of one file: KINDS and FILES say which."""
    given = os.environ.get("COMET_APACHE_CONF")
    path = pathlib.Path(given, f"2m-2s-{kind}", f"{file}.properties") if given else None
    if path and path.exists():
        return path.read_text("utf-8")
    is_slave = file.endswith("-s")
    lines = ["# As in Apache's distribution, comments apart.", "", "brokerClusterName=DefaultCluster", f"brokerName={file.removesuffix('-s')}",
             f"brokerId={int(is_slave)}", "deleteWhen=04", "fileReservedTime=48", f"brokerRole={'SLAVE' if is_slave else KINDS[kind]}",
             "flushDiskType=ASYNC_FLUSH"]
    return "\n".join(lines) + "\n"


def write(folder, kind, file, *more):
    """The file with further lines; its path."""
    path = pathlib.Path(folder) / f"{file}.properties"
    path.write_text(text(kind, file) + "".join(f"{line}\n" for line in more), encoding="utf-8")
    return path
