#!/usr/bin/env python3
"""Our producer, broker and reader together with ali-ons, a Node.js client that we did not write."""

import base64
import collections
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from daemons import DaemonTest, real_lines, wait_until  # noqa: E402
from remoting import Client, GET_ROUTE, SUCCESS  # noqa: E402
from tls_files import Authority, TlsClient  # noqa: E402

LINES = 10000
NODE_MESSAGES = 1000


def digest(body):
    return hashlib.sha256(body).hexdigest()


def differences(sent, received):
    """(lost, strange) bodies of two collections, doubles counted."""
    sent, received = collections.Counter(map(digest, sent)), collections.Counter(map(digest, received))
    return sum((sent - received).values()), sum((received - sent).values())


class Interop(DaemonTest):
    """Everything over plain TCP."""

    daemon_keys = {}
    program_options = []
    node_environment = {}

    def setUp(self):
        super().setUp()
        self.namesrv = self.start_namesrv(**self.daemon_keys)
        self.broker = self.start_broker(self.namesrv, **self.daemon_keys)

    def client(self, daemon):
        return Client(daemon.port)

    def run_client(self, name, *arguments):
        self.run_program(name, "--namesrv", self.namesrv.address, *self.program_options, *arguments)

    def check_node_log(self, text):
        """Looks at what a Node program has written to stderr."""

    def node(self, script, *arguments, stdin=None, timeout=240):
        done = subprocess.run(["node", str(HERE / script), *map(str, arguments)], input=stdin or b"", timeout=timeout,
                              capture_output=True, env=os.environ | self.node_environment, check=False)
        if done.returncode != 0:
            self.fail(f"{script} ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-4000:]}")
        self.check_node_log(done.stderr.decode("utf-8", "replace"))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def node_consume(self, topic, group, count, tags=None):
        messages = self.node("consume.js", self.namesrv.address, topic, group, count,
                             *([tags] if tags else []))
        for message in messages:
            message["body"] = base64.b64decode(message["body"])
        return messages

    def wait_for_route(self, topic):
        def known():
            with self.client(self.namesrv) as client:
                return client.request(GET_ROUTE, {"topic": topic}).code == SUCCESS
        wait_until(known, 30, f"the route of {topic}")

    def read_all(self, topic, *options):
        """Everything our reader finds in the topic: a list of bodies."""
        path = self.folder / f"{topic}.read"
        self.run_client("example-read_queue", "--topic", topic, "--output", path, *options)
        data = path.read_bytes()
        return data.split(b"\n")[:-1]

    def test_ten_thousand_lines_arrive_whole_at_our_reader_and_at_the_node_consumer(self):
        self.send_and_read_lines("lines", "json")

    def test_with_binary_headers_of_our_programs_they_arrive_whole_as_well(self):
        self.send_and_read_lines("binary-lines", "rocketmq")

    def send_and_read_lines(self, topic, serialize):
        """Our programs with the given headers, the Node consumer with JSON, as it has no other."""
        lines = [line.encode() for line in real_lines(LINES)]
        self.assertGreaterEqual(len(lines), LINES)
        # Longer than 4 KiB, so that the producer compresses it: 300 lines as one.
        lines.append(b" | ".join(lines[:300]))
        path = self.folder / "lines.txt"
        path.write_bytes(b"\n".join(lines) + b"\n")
        self.run_client("example-send_lines", "--topic", topic, "--file", path, "--window", 64,
                        "--serialize", serialize)

        read = self.read_all(topic, "--serialize", serialize)
        self.assertEqual((0, 0), differences(lines, read), "our reader: (lost, strange)")

        messages = self.node_consume(topic, f"node-{topic}", len(lines))
        self.assertEqual((0, 0), differences(lines, [message["body"] for message in messages]),
                         "Node consumer: (lost, strange)")
        queues = collections.defaultdict(list)
        for message in messages:
            queues[message["queueId"]].append(message["queueOffset"])
        for queue_id, offsets in queues.items():
            self.assertEqual(list(range(len(offsets))), sorted(offsets), f"offsets of queue {queue_id}")
        print(f"{len(lines)} lines over {len(queues)} queues, {serialize} headers of ours: 0 lost, 0 "
              "altered at our reader and at the Node consumer")

    def test_messages_of_the_node_producer_arrive_whole_with_tags_and_keys(self):
        noise = random.Random(7)
        lines = [line.encode() for line in real_lines(NODE_MESSAGES)]
        sent = []
        for number, line in enumerate(lines):
            body = line
            if number % 100 == 50:  # longer than 4 KiB: the Node producer compresses it
                body = b" | ".join(lines[number:number + 100])
            elif number % 100 == 51:
                body = bytes(noise.randrange(256) for _ in range(1000))
            sent.append({"tag": ("red", "green", "blue")[number % 3],
                         "keys": [f"key-{number}", f"group-{number % 10}"], "body": body})
        stdin = b"".join(json.dumps({**one, "body": base64.b64encode(one["body"]).decode()}).encode() + b"\n"
                         for one in sent)
        with self.client(self.broker) as client:  # ali-ons cannot create topics
            self.assertEqual(SUCCESS, client.create_topic("from-node", 4).code)
        self.wait_for_route("from-node")
        acknowledged = self.node("produce.js", self.namesrv.address, "from-node", stdin=stdin)
        self.assertEqual(len(sent), len({one["index"] for one in acknowledged}))
        self.assertEqual({"SEND_OK"}, {one["status"] for one in acknowledged})

        stored = {}
        with self.client(self.broker) as client:
            for queue_id in range(4):
                for message in client.read_queue("from-node", queue_id):
                    stored[queue_id, message.queue_offset] = message
        self.assertEqual(len(sent), len(stored))
        for one in acknowledged:
            want = sent[one["index"]]
            found = stored[int(one["queueId"]), int(one["queueOffset"])]
            self.assertEqual(want["body"], found.body, f"message {one['index']}")
            self.assertEqual(want["tag"], found.properties["TAGS"])
            self.assertEqual(" ".join(want["keys"]), found.properties["KEYS"])
            self.assertTrue(found.crc_ok)

        without_line_breaks = [one["body"] for one in sent if b"\n" not in one["body"]]
        read = [body for body in self.read_all("from-node")]
        lost, _ = differences(without_line_breaks, read)
        self.assertEqual(0, lost, "our reader lost or altered messages of the Node producer")

        everything = self.node_consume("from-node", "node-all", len(sent))
        self.assertEqual((0, 0), differences([one["body"] for one in sent], [one["body"] for one in everything]))
        red = [one["body"] for one in sent if one["tag"] == "red"]
        filtered = self.node_consume("from-node", "node-red", len(red), tags="red")
        self.assertEqual({"red"}, {message["tags"] for message in filtered})
        self.assertEqual((0, 0), differences(red, [message["body"] for message in filtered]))
        some = [one["body"] for one in sent if one["tag"] != "red"]
        filtered = self.node_consume("from-node", "node-some", len(some), tags="green || blue")
        self.assertEqual((0, 0), differences(some, [message["body"] for message in filtered]))
        print(f"{len(sent)} messages of the Node producer: 0 lost, 0 altered, tags and keys kept; "
              f"filtered {len(red)} red, {len(some)} green or blue")

    def test_batches_ordered_delayed_and_compressed_messages_arrive_at_the_node_consumer(self):
        if self.program_options:
            return  # the examples have no TLS
        with self.client(self.broker) as client:
            self.assertEqual(SUCCESS, client.create_topic("ways", 4).code)
        self.wait_for_route("ways")
        for example in ("batch", "ordered", "delayed"):
            self.run_program(f"example-{example}", self.namesrv.address, "ways")
        self.run_program("comet-bench", "produce", "--namesrv", self.namesrv.address, "--topic", "ways",
                         "--size", "5000-9000", "--count", 50)
        expected = [f"together {i}" for i in range(3)] + [f"one of many {i}" for i in range(1000)]
        expected += [f"{who} step {i}" for who in ("alice", "bob") for i in range(5)]
        expected += ["tea is ready", "the eggs are ready"]
        messages = self.node_consume("ways", "node-ways", len(expected) + 50)
        large = [message for message in messages if len(message["body"]) >= 5000]
        self.assertEqual(50, len(large), "compressed by the producer")
        small = [message["body"].decode() for message in messages if len(message["body"]) < 5000]
        self.assertEqual(collections.Counter(expected), collections.Counter(small))
        for who in ("alice", "bob"):
            steps = [message for message in messages if message["body"].startswith(f"{who} step".encode())]
            self.assertEqual(1, len({message["queueId"] for message in steps}))
            steps.sort(key=lambda message: message["queueOffset"])
            self.assertEqual([f"{who} step {i}".encode() for i in range(5)], [step["body"] for step in steps])
        print(f"{len(messages)} messages of batches, ordered, delayed and compressed: 0 lost, 0 altered")

    def test_a_node_consumer_goes_on_where_its_group_stopped(self):
        path = self.folder / "lines.txt"
        lines = [line.encode() for line in real_lines(60)]
        for part in (lines[:40], lines[40:]):
            path.write_bytes(b"\n".join(part) + b"\n")
            self.run_client("example-send_lines", "--topic", "resumed", "--file", path)
            messages = self.node_consume("resumed", "node-group", len(part))
            self.assertEqual((0, 0), differences(part, [message["body"] for message in messages]))


class InteropOverTls(Interop):
    """The same with daemons that take nothing but TLS; the Node client uses Node's own `tls`."""

    def setUp(self):
        keys = pathlib.Path(tempfile.mkdtemp(prefix="comet-keys-"))
        self.addCleanup(shutil.rmtree, keys)
        authority = Authority(keys)
        authority.issue("server", "broker.example")
        self.context = authority.context()
        self.daemon_keys = authority.server_keys() | {"tls.server.mode": "enforcing"}
        self.program_options = ["--tls", "--tls-ca", authority.certificate]
        self.node_environment = {"NODE_OPTIONS": f"--require {HERE / 'over_tls.js'}",
                                 "COMET_TEST_CA": str(authority.certificate)}
        super().setUp()

    def client(self, daemon):
        return TlsClient(daemon.port, self.context)

    def check_node_log(self, text):
        for daemon in (self.namesrv, self.broker):
            self.assertRegex(text, rf"TLS TLSv1\.[23] to 127.0.0.1:{daemon.port}, authorized: true")


if __name__ == "__main__":
    os.environ.setdefault("NODE_NO_WARNINGS", "1")
    unittest.main(verbosity=2)
