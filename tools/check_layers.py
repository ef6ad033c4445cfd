#!/usr/bin/env python3
"""Keeps the arrows between the libraries pointing down (docs/architecture.md).

Checked are the #include lines of libs, apps and examples, and the link lists of libs/*/CMakeLists.txt:

  - a library includes and links only the libraries below it, and never another one's private files;
  - apps and examples are seen by nobody; examples see only what a user of the producer sees;
  - files that must work without an event loop never reach Asio, directly or through our headers:
    all of message, and remoting's codec and header files;
  - the store never opens a connection: no Asio sockets, no streams of base;
  - the broker's rooms (folders of libs/broker/src) see only the rooms that ROOMS allows; the composition root, which
    lies beside them, sees all.

  tools/check_layers.py               checks the project
  tools/check_layers.py --self-test   checks the check
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Who may see whom, besides itself.
ALLOWED = {
    "base": set(),
    "message": {"base"},
    "remoting": {"base", "message"},
    "routing": {"base", "message"},
    "store": {"base", "message"},
    "replication": {"base", "message", "store"},
    "filter": {"base", "message"},
    "access": {"base", "message", "remoting"},
    "namesrv": {"base", "message", "remoting", "routing"},
    "broker": {"base", "message", "remoting", "routing", "store", "filter", "replication", "access"},
    "client": {"base", "message", "remoting", "routing"},
    "producer": {"base", "message", "remoting", "routing", "client"},
    "consumer": {"base", "message", "remoting", "routing", "client"},
    "monitor": {"base", "message", "remoting"},
    "admin": {"base", "message", "remoting", "routing", "client"},
}
# The broker's rooms, from the ground up: who may see whom, besides itself.
GROUND = {"request", "records"}
TABLES = GROUND | {"tables", "stats", "subscriptions"}
ROOMS = {
    "request": set(),
    "access": {"request"},
    "records": {"request"},
    "tables": GROUND,
    "stats": GROUND,
    "subscriptions": GROUND | {"tables"},
    "clients": TABLES,
    "registration": TABLES,
    "delay": TABLES,
    "transaction": TABLES | {"clients"},
    "pull": TABLES | {"clients"},
    "offsets": TABLES | {"clients", "pull", "delay"},
    "assignment": TABLES | {"clients", "registration"},
    "send": TABLES | {"clients", "delay", "transaction"},
    "replication": TABLES | {"assignment", "delay"},
}
ROOMS["admin"] = set(ROOMS)  # and nobody sees it
EXAMPLES_MAY_SEE = {"base", "message", "remoting", "routing", "client", "producer", "consumer", "admin"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.M)
# Sans-io files of remoting: the frame and header codecs and the descriptions of the headers.
CODEC_FILE = re.compile(r"(codec|codes|command|header|json|frame)[^/]*$")
ASIO = re.compile(r"^boost/(asio|beast)[/.]")
ASIO_SOCKETS = re.compile(
    r"^boost/(beast|asio/(ip|local|ssl|generic|windows|basic_\w*(socket|acceptor|stream)|[^/]*(socket|connect|acceptor|read|write)))")
BASE_STREAMS = re.compile(r"^comet/base/(stream|tcp_network|memory_network|tls)\w*\.hpp$")


class Tree:
    """The project's sources: path (relative to the root, with slashes) to text."""

    def __init__(self, files):
        self.files = files
        self.includes = {path: INCLUDE.findall(text) for path, text in files.items()
                         if path.endswith((".cpp", ".hpp", ".h", ".ipp"))}

    @staticmethod
    def load(root):
        files = {}
        for folder in ("libs", "apps", "examples"):
            for path in sorted((root / folder).rglob("*")):
                if path.suffix in (".cpp", ".hpp", ".h", ".ipp") or path.name == "CMakeLists.txt":
                    files[path.relative_to(root).as_posix()] = path.read_text("utf-8")
        return Tree(files)

    def resolve(self, includer, name):
        """The path of our own file that this include means, or None for one from elsewhere."""
        if name.startswith("comet/"):
            library = name.split("/")[1]
            return f"libs/{library}/include/{name}"
        folder = includer.rsplit("/", 1)[0]
        source = re.match(r"libs/\w+/", includer)
        for candidate in (f"{folder}/{name}", f"{source.group(0)}src/{name}" if source else ""):
            if candidate in self.files:
                return candidate
        return None

    def reach(self, start):
        """Every include that `start` reaches through our own files: name to the way there."""
        found, waiting, visited = {}, [(start, [start])], {start}
        while waiting:
            path, way = waiting.pop()
            for name in self.includes.get(path, []):
                found.setdefault(name, way)
                target = self.resolve(path, name)
                if target in self.includes and target not in visited:
                    visited.add(target)
                    waiting.append((target, way + [target]))
        return found


def library_of(path):
    match = re.match(r"libs/(\w+)/", path)
    return match.group(1) if match else None


def check_direct(tree):
    for path, names in tree.includes.items():
        library = library_of(path)
        may_see = ALLOWED.get(library, set()) | {library} if library else None
        if library and library not in ALLOWED:
            yield f"{path}: library '{library}' has no place in the layers; add it to tools/check_layers.py"
            continue
        for name in names:
            if ".." in name.split("/"):
                yield f"{path}: '{name}' leaves its library; include the public header"
            if re.match(r"(apps|examples|tests)/", name):
                yield f"{path}: '{name}' belongs to a program"
            match = re.match(r"comet/(\w+)/", name)
            if not match:
                continue
            if library and match.group(1) not in may_see:
                yield f"{path}: {library} must not see {match.group(1)} ('{name}')"
            if path.startswith("examples/") and match.group(1) not in EXAMPLES_MAY_SEE:
                yield f"{path}: an example shows what users see, not {match.group(1)} ('{name}')"


def room_of(path):
    match = re.match(r"libs/broker/src/(\w+)/", path)
    return match.group(1) if match else None


def check_rooms(tree):
    for path, names in tree.includes.items():
        room = room_of(path)
        if room is None:
            continue
        if room not in ROOMS:
            yield f"{path}: room '{room}' has no place in the broker; add it to ROOMS in tools/check_layers.py"
            continue
        for name in names:
            target = tree.resolve(path, name) or ""
            other = room_of(target)
            if other is None and target.startswith("libs/broker/src/"):
                yield f"{path}: a room must not see the composition root ('{name}')"
            elif other not in (None, room) and other not in ROOMS[room]:
                yield f"{path}: room {room} must not see room {other} ('{name}')"


def check_links(tree):
    for path, text in tree.files.items():
        library = library_of(path)
        if not library or not path.endswith("CMakeLists.txt"):
            continue
        for other in re.findall(r"\bcomet(?:::|_)(\w+)", re.sub(r"#[^\n]*", "", text)):
            if other in ALLOWED and other != library and other not in ALLOWED.get(library, set()):
                yield f"{path}: {library} must not link {other}"


def check_event_loop(tree):
    for path in tree.includes:
        library = library_of(path)
        name = path.rsplit("/", 1)[-1]
        sans_io = library == "message" or library == "remoting" and CODEC_FILE.search(name.rsplit(".", 1)[0])
        if not sans_io and library != "store":
            continue
        for include, way in tree.reach(path).items():
            chain = " -> ".join(way + [include])
            if sans_io and ASIO.match(include):
                yield f"{path}: must work without Asio, but: {chain}"
            if library == "store" and (ASIO_SOCKETS.match(include) or BASE_STREAMS.match(include)):
                yield f"{path}: the store opens no connections, but: {chain}"


def check(tree):
    return sorted(set(check_direct(tree)) | set(check_rooms(tree)) | set(check_links(tree)) | set(check_event_loop(tree)))


GOOD = {
    "libs/base/include/comet/base/error.hpp": "#include <string>\n",
    "libs/base/include/comet/base/stream.hpp": "#include <boost/asio/awaitable.hpp>\n#include \"comet/base/error.hpp\"\n",
    "libs/message/include/comet/message/message.hpp": "#include \"comet/base/error.hpp\"\n",
    "libs/remoting/include/comet/remoting/codec.hpp": "#include \"comet/base/error.hpp\"\n",
    "libs/remoting/include/comet/remoting/client.hpp": "#include \"comet/base/stream.hpp\"\n",
    "libs/remoting/src/codec.cpp": "#include \"comet/remoting/codec.hpp\"\n#include \"tables.hpp\"\n",
    "libs/remoting/src/tables.hpp": "#include <array>\n",
    "libs/store/src/log.cpp": "#include <boost/asio/awaitable.hpp>\n#include \"comet/message/message.hpp\"\n",
    "libs/broker/src/broker.cpp": "#include \"comet/store/log.hpp\"\n#include \"comet/routing/route.hpp\"\n",
    "libs/broker/src/tables/topics.hpp": "#include \"request/saved.hpp\"\n",
    "libs/broker/src/request/saved.hpp": "#include <functional>\n",
    "libs/broker/src/admin/pages.cpp": "#include \"tables/topics.hpp\"\n#include \"request/saved.hpp\"\n",
    "libs/broker/src/root.hpp": "#include \"admin/pages.hpp\"\n",
    "libs/broker/CMakeLists.txt": "comet_library(broker PUBLIC comet::store comet::routing)\n",
    "libs/producer/src/send.cpp": "#include \"comet/client/client.hpp\"\n",
    "apps/broker/main.cpp": "#include \"comet/broker/broker.hpp\"\n",
    "examples/send.cpp": "#include \"comet/producer/producer.hpp\"\n",
}
BAD = [
    ("base must not see message", "libs/base/src/x.cpp", '#include "comet/message/message.hpp"\n'),
    ("store must not see remoting", "libs/store/src/x.cpp", '#include "comet/remoting/codec.hpp"\n'),
    ("the store opens no connections", "libs/store/src/x.cpp", "#include <boost/asio/ip/tcp.hpp>\n"),
    ("the store opens no connections", "libs/store/src/x.cpp", '#include "comet/base/stream.hpp"\n'),
    ("broker must not see producer", "libs/broker/src/x.cpp", '#include "comet/producer/producer.hpp"\n'),
    ("broker must not see client", "libs/broker/src/x.cpp", '#include "comet/client/client.hpp"\n'),
    ("replication must not see broker", "libs/replication/src/x.cpp", '#include "comet/broker/broker.hpp"\n'),
    ("replication must not see remoting", "libs/replication/src/x.cpp", '#include "comet/remoting/codec.hpp"\n'),
    ("namesrv must not see store", "libs/namesrv/src/x.cpp", '#include "comet/store/log.hpp"\n'),
    ("client must not see broker", "libs/client/include/comet/client/x.hpp", '#include "comet/broker/broker.hpp"\n'),
    ("routing must not see client", "libs/routing/src/x.cpp", '#include "comet/client/client.hpp"\n'),
    ("must work without Asio", "libs/message/src/x.cpp", "#include <boost/asio/awaitable.hpp>\n"),
    ("must work without Asio", "libs/remoting/src/json_codec.cpp", "#include <boost/asio/buffer.hpp>\n"),
    ("must work without Asio", "libs/remoting/src/codec_more.cpp", '#include "comet/base/stream.hpp"\n'),
    ("leaves its library", "libs/client/src/x.cpp", '#include "../../routing/src/tables.hpp"\n'),
    ("room request must not see room tables", "libs/broker/src/request/x.cpp", '#include "tables/topics.hpp"\n'),
    ("must not see the composition root", "libs/broker/src/admin/x.cpp", '#include "root.hpp"\n'),
    ("has no place in the broker", "libs/broker/src/attic/x.cpp", '#include "tables/topics.hpp"\n'),
    ("belongs to a program", "libs/base/src/x.cpp", '#include "apps/broker/options.hpp"\n'),
    ("broker must not link producer", "libs/broker/CMakeLists.txt", "comet_library(broker PUBLIC comet::producer)\n"),
    ("an example shows what users see", "examples/x.cpp", '#include "comet/store/log.hpp"\n'),
    ("has no place in the layers", "libs/extra/src/x.cpp", "#include <string>\n"),
]


def self_test():
    wrong = [f"flagged without reason: {one}" for one in check(Tree(GOOD))]
    for expected, path, text in BAD:
        found = check(Tree({**GOOD, path: text}))
        if not any(expected in one for one in found):
            wrong.append(f"not flagged: {path} with {text.strip()} (found: {found})")
    print(f"check_layers: {len(BAD)} bad samples and a good tree, {len(wrong)} judged wrongly")
    return wrong


def main(arguments):
    if arguments == ["--self-test"]:
        problems = self_test()
    else:
        tree = Tree.load(ROOT)
        problems = check(tree)
        print(f"check_layers: {len(tree.includes)} files, {len(problems)} problems")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
