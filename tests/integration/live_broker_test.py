#!/usr/bin/env python3
"""A broker under clients that behave badly: mutated frames, readers that do not read, connections that vanish, a
stop in the middle of it all. Others are served meanwhile, and its memory stays bounded."""

import array
import fcntl
import json
import os
import pathlib
import resource
import signal
import socket
import struct
import sys
import termios
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, health, is_sanitized, wait_until  # noqa: E402
from remoting import Client, GET_MAX_OFFSET, PULL_MESSAGE, PULL_NOT_FOUND, SUCCESS, frame, records  # noqa: E402

SEED = int(os.environ.get("COMET_SEED", "20211121"))
FRAMES = int(os.environ.get("COMET_FUZZ_FRAMES", "20000" if is_sanitized() else "150000"))
QUERY_MESSAGE = 12
QUERY_NOT_FOUND = 22
SYSTEM_ERROR = 1
CREATE_GROUP = 200
SERVICE_NOT_AVAILABLE = 14
SUSPEND_AND_SUBSCRIPTION = 2 | 4


def held_pull(topic, queue_id, offset, opaque, millis=60_000, group="held"):
    return frame(PULL_MESSAGE, {
        "consumerGroup": group, "topic": topic, "queueId": queue_id, "queueOffset": offset, "maxMsgNums": 32,
        "sysFlag": SUSPEND_AND_SUBSCRIPTION, "commitOffset": 0, "suspendTimeoutMillis": millis, "subscription": "*",
        "subVersion": 0, "expressionType": "TAG"}, opaque=opaque)


def unread_bytes(peer):
    count = array.array("i", [0])
    fcntl.ioctl(peer, termios.FIONREAD, count)
    return count[0]


class LiveBroker(DaemonTest):
    def own_memory_mb(self, daemon):
        """Without mapped files."""
        with open(f"/proc/{daemon.process.pid}/status", encoding="ascii", errors="replace") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:")) * 1024 / 1e6

    def open_sockets(self, daemon):
        folder = pathlib.Path(f"/proc/{daemon.process.pid}/fd")
        targets = []
        for one in folder.iterdir():
            try:
                targets.append(os.readlink(one))
            except FileNotFoundError:  # closed meanwhile
                pass
        return sum(target.startswith("socket:") for target in targets)

    def test_mutated_frames_of_every_code_hurt_nobody(self):
        broker = self.start_broker(None, autoCreateTopicEnable="false", autoCreateSubscriptionGroup="false")
        with Client(broker.port) as client:
            for topic in ("probe", "fuzz-a", "fuzz-b", "fuzz-c"):
                self.assertEqual(SUCCESS, client.create_topic(topic).code)
            for group in ("probe", "fuzz-g", "fuzz-h"):
                body = json.dumps({"groupName": group, "consumeEnable": True, "retryQueueNums": 1})
                self.assertEqual(SUCCESS, client.request(CREATE_GROUP, {}, body.encode()).code)
        before = self.own_memory_mb(broker)
        done = self.run_program("fuzz_live", "--port", broker.port, "--pid", broker.process.pid, "--frames", FRAMES,
                                "--seed", SEED, check=False)
        print(f"{done.stdout.strip()} (before: {before:.0f} MB)")
        self.assertEqual(0, done.returncode, done.stderr)
        if not is_sanitized():
            self.assertLess(self.own_memory_mb(broker), 150)
        self.assertEqual(0, broker.stop())

    def test_a_thousand_consumers_hold_their_pulls_and_all_get_the_message(self):
        broker = self.start_broker(None)
        clients = []
        try:
            with Client(broker.port) as producer:
                self.assertEqual(SUCCESS, producer.create_topic("held", queues=1).code)
                before = self.own_memory_mb(broker)
                for number in range(1000):
                    client = Client(broker.port, timeout=120)
                    client.send_raw(held_pull("held", 0, 0, opaque=number))
                    clients.append(client)
                with Client(broker.port) as other:  # the broker has seen them all when it answers this
                    self.assertEqual(SUCCESS, other.create_topic("other").code)
                grown = self.own_memory_mb(broker) - before
                begin = time.monotonic()
                self.assertEqual(SUCCESS, producer.send_message("held", b"for everybody").code)
                for number, client in enumerate(clients):
                    reply = client.read_reply()
                    self.assertEqual((SUCCESS, number), (reply.code, reply.opaque))
                    self.assertEqual([b"for everybody"], [message.body for message in records(reply.body)])
                print(f"1,000 held pulls take {grown:.1f} MB and are answered within {time.monotonic() - begin:.2f} s")
            if not is_sanitized():
                self.assertLess(grown, 60)
        finally:
            for client in clients:
                client.close()

    def test_a_thousand_consumers_that_do_not_read_their_answers_take_no_memory(self):
        broker = self.start_broker(None)
        body = os.urandom(60_000)
        slow = []
        try:
            with Client(broker.port) as client:
                for _ in range(8):
                    self.assertEqual(SUCCESS, client.send_message("slow", body, queues=1).code)
                before = self.own_memory_mb(broker)
                pulls = b"".join(held_pull("slow", 0, 0, opaque=number) for number in range(20))  # 240 KB each
                for _ in range(1000):
                    peer = socket.create_connection(("127.0.0.1", broker.port), 60)
                    peer.sendall(pulls)
                    slow.append(peer)
                # Served while they do not read, pulls as well; more than 1,000 of its turns later they have had theirs.
                for number in range(50):
                    self.assertEqual(SUCCESS, client.send_message("other", b"small", queues=1).code)
                    client.send_raw(held_pull("slow", 0, 0, opaque=number))
                    reply = client.read_reply()
                    self.assertEqual((SUCCESS, 4), (reply.code, len(list(records(reply.body)))))
                grown = self.own_memory_mb(broker) - before
                print(f"1,000 readers that do not read, 4.8 GB of answers: {grown:.1f} MB")
                if not is_sanitized():
                    self.assertLess(grown, 150)  # maxUnsentBytes is 101 MB
            closed = []
            deadline = time.monotonic() + 60  # they may be served by another event loop than the one above
            while len(closed) <= 100 and time.monotonic() < deadline:
                closed = [line for line in broker.log().splitlines() if "bytes that it has not taken" in line]
                time.sleep(0.1)
            print(f"{len(closed)} of them were closed for maxUnsentBytes")
            self.assertGreater(len(closed), 100)
            for line in closed:
                self.assertRegex(line, r" W connection from 127\.0\.0\.1:\d+ closed with \d+ bytes that it has not taken")
        finally:
            for peer in slow:
                peer.close()

    def test_connections_that_vanish_leave_nothing_behind(self):
        broker = self.start_broker(None, serverChannelMaxIdleTimeSeconds=3)
        with Client(broker.port) as client:
            self.assertEqual(SUCCESS, client.create_topic("vanish").code)
        # Those that send nothing more are noticed by their silence; the others with their reset.
        silent, reset = [], []
        before = self.open_sockets(broker)
        for number in range(1000):
            peer = socket.create_connection(("127.0.0.1", broker.port), 60)
            peer.sendall(held_pull("vanish", number % 4, 0, opaque=1, millis=2000) +
                         b"".join(frame(10, {"half": "a frame"})[:-7] for _ in range(1)))
            (silent if number % 2 else reset).append(peer)
        for peer in reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
        with Client(broker.port) as client:
            self.assertEqual(SUCCESS, client.send_message("served", b"meanwhile").code)
        wait_until(lambda: self.open_sockets(broker) <= before, 60, "the end of silent connections")
        with Client(broker.port) as client:
            self.assertEqual(SUCCESS, client.send_message("served", b"afterwards").code)
        if not is_sanitized():
            self.assertLess(self.own_memory_mb(broker), 100)
        for peer in silent:
            peer.close()
        self.assertEqual(0, broker.stop())

    def test_a_write_that_fails_makes_it_read_only_and_it_says_so(self):
        broker = self.start_broker(None, monitorPort=0)
        self.assertEqual((200, ""), health(broker))
        with Client(broker.port) as client:
            self.assertEqual(SUCCESS, client.send_message("kept", b"before").code)
            self.limit_files(broker, 4096)
            refused = wait_until(lambda: self.refused(client), 30, "a write behind the limit")
            self.assertEqual(SERVICE_NOT_AVAILABLE, refused.code, refused)
            self.assertTrue(refused.remark.startswith(
                "service not available now. This broker's store is read-only until it is started again: "),
                refused.remark)
            self.assertIn("File too large", refused.remark, "the reason as the system gives it")
            self.assertEqual("DefaultRegion", refused.ext.get("MSG_REGION"))
            status, reason = health(broker)
            self.assertEqual(503, status)
            self.assertIn("the store is read-only: ", reason)
            self.assertIn("File too large", reason)
            self.limit_files(broker, resource.RLIM_INFINITY)
            self.assertEqual(SERVICE_NOT_AVAILABLE, client.send_message("kept", b"after").code, "it stays read-only")
            found = [message.body for message in client.read_queue("kept", 0)]
            self.assertEqual(b"before", found[0], "reading goes on")
            self.assertNotIn(b"after", found)
        broker.stop()  # what it could not write is an error of the stop, too
        again = self.start_broker(None)
        with Client(again.port) as client:
            self.assertEqual(found, [message.body for message in client.read_queue("kept", 0)][:len(found)])
            self.assertEqual(SUCCESS, client.send_message("kept", b"again").code)

    def limit_files(self, broker, size):
        resource.prlimit(broker.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def refused(self, client):
        reply = client.send_message("kept", bytes(500))
        return None if reply.code == SUCCESS else reply

    def test_a_stop_under_load_answers_what_it_has_taken(self):
        broker = self.start_broker(None)
        stored, failed = [], []

        def send_in_turn(number):
            with Client(broker.port, timeout=60) as client:
                try:
                    for count in range(1_000_000):
                        body = f"{number}-{count}".encode()
                        reply = client.send_message("load", body, queue_id=number % 4)
                        (stored if reply.code == SUCCESS else failed).append((number, body, reply))
                        if reply.code != SUCCESS:
                            return
                except (OSError, EOFError):
                    return

        senders = [threading.Thread(target=send_in_turn, args=(number,)) for number in range(8)]
        for sender in senders:
            sender.start()
        waiting = Client(broker.port, timeout=60)
        wait_until(lambda: len(stored) > 200, 60, "some sends")
        waiting.send_raw(held_pull("load", 3, 10_000_000, opaque=7) + held_pull("none", 0, 0, opaque=8))
        self.assertEqual(8, self.reply_of(waiting, 8).opaque)  # refused; the first one is answered: moved
        with Client(broker.port) as client:
            self.assertEqual(SUCCESS, client.create_topic("empty").code)
        waiting.send_raw(held_pull("empty", 0, 0, opaque=9, millis=100_000) +
                         frame(GET_MAX_OFFSET, {"topic": "empty", "queueId": 0}, opaque=10))
        self.assertEqual(SUCCESS, self.reply_of(waiting, 10).code)  # so the pull has been taken, too
        broker.process.send_signal(signal.SIGTERM)
        held = self.reply_of(waiting, 9)
        self.assertEqual(PULL_NOT_FOUND, held.code, "a held pull is answered")
        for sender in senders:
            sender.join(60)
            self.assertFalse(sender.is_alive())
        waiting.close()
        self.assertEqual(0, broker.stop())
        again = self.start_broker(None)
        with Client(again.port) as client:
            found = {message.body for queue in range(4) for message in client.read_queue("load", queue)}
        lost = [body for _, body, _ in stored if body not in found]
        self.assertEqual([], lost, "acknowledged and gone")
        print(f"{len(stored)} sends acknowledged, {len(failed)} refused, {len(found) - len(stored)} stored without")
        self.assertLessEqual(len(found), len(stored) + len(senders))

    def test_files_that_are_cut_or_removed_under_it_cost_only_what_was_in_them(self):
        count, queues = 1200, 4
        broker = self.start_broker(None, mappedFileSizeCommitLog=256 * 1024, mappedFileSizeConsumeQueue=2000,
                                   maxHashSlotNum=1000, maxIndexNum=300, flushDiskType="SYNC_FLUSH")
        bodies = [f"{number} ".encode() + os.urandom(500).hex().encode() for number in range(count)]
        with Client(broker.port) as client:
            for number, body in enumerate(bodies):
                self.assertEqual(SUCCESS, self.send_keyed(client, number, body, queues).code)
            self.assertTrue(all(self.query_key(client, number) == [body] for number, body in enumerate(bodies)))
            self.assertEqual({}, self.read_around(client, queues, bodies))
            data = self.folder / "broker-a-data"
            queue = wait_until(lambda: self.queue_files(data, queues), 30, "units are written after a second")
            log = sorted((data / "commitlog").iterdir())
            index = sorted((data / "index").iterdir())
            self.assertGreater(min(len(log), len(index)), 3)
            os.truncate(log[0], 100_000)
            os.truncate(log[1], 0)
            log[2].unlink()
            os.truncate(queue[1][0], 1000)
            queue[2][0].unlink()
            os.truncate(index[1], 1000)
            index[2].unlink()
            wrong = self.read_around(client, queues, bodies)
            print(f"{len(wrong)} of {count} messages cannot be read behind the cuts")
            self.assertLess(len(wrong), count * 2 // 3)
            self.assertEqual({SYSTEM_ERROR}, set(wrong.values()))
            self.assertEqual(wrong, self.read_around(client, queues, bodies), "asked again")
            for _ in range(2):  # the index is built anew from what is left of the log
                found = [self.query_key(client, number) for number in range(count)]
            for number, body in enumerate(bodies):
                self.assertIn(found[number], ([body], []), f"key {number}")
            self.assertGreater(sum(1 for one in found if one), count // 2)
            more = [f"{count + number} afterwards".encode() for number in range(200)]
            for number, body in enumerate(more):
                self.assertEqual(SUCCESS, self.send_keyed(client, count + number, body, queues).code)
            self.assertEqual(wrong, self.read_around(client, queues, bodies + more))
            self.assertEqual([[body] for body in more], [self.query_key(client, count + i) for i in range(len(more))])
            self.assertTrue(broker.alive())
        errors = [line.split(" E ", 1)[1] for line in broker.log().splitlines() if " E " in line]
        for of_file in ("commit log: the record at ", "consume queue cut 1: offset ", "index file "):
            self.assertTrue(any(of_file in line for line in errors), of_file)
        reads = [line for line in errors if line.startswith("store: ")]
        self.assertEqual(sorted(set(reads)), sorted(reads), "a line is said once")
        broker.kill()

    def test_a_file_that_is_cut_under_answers_ends_their_connections_and_nothing_else(self):
        """They lie in its pages: the kernel cannot send them any more."""
        broker = self.start_broker(None)
        body = os.urandom(4000).hex().encode()
        with Client(broker.port) as client:
            for number in range(300):
                self.assertEqual(SUCCESS, client.send_message("cut", b"%d " % number + body, queues=1).code)
            readers = [Client(broker.port, timeout=60) for _ in range(8)]
            for reader in readers:  # more than the sockets take
                for opaque in range(200):
                    reader.send_raw(held_pull("cut", 0, opaque % 10 * 25, opaque=opaque))
            self.assertEqual(list(range(300)), self.numbers_of(client, 0, 300))
            wait_until(lambda: len(broker.mappings("commitlog")) == 1, 10, "the log is mapped")
            wait_until(self.take_no_more(readers), 30, "each of the readers has answers that wait for it")
            log = next((self.folder / "broker-a-data" / "commitlog").iterdir())
            os.truncate(log, 500_000)
            for reader in readers:
                with self.assertRaises((EOFError, ConnectionError)):
                    for _ in range(200):
                        for message in records(reader.read_reply().body):
                            self.assertEqual(body, message.body.split(b" ")[1])
                reader.close()
            client.send_raw(held_pull("cut", 0, 200, opaque=1))
            self.assertEqual(SYSTEM_ERROR, self.reply_of(client, 1).code)
            self.assertEqual(list(range(25)), self.numbers_of(client, 0, 25))
            self.assertEqual(SUCCESS, client.send_message("cut", b"300 " + body, queues=1).code)
            self.assertEqual([300], self.numbers_of(client, 300, 301))
            self.assertTrue(broker.alive())
        lines = broker.log().splitlines()
        self.assertEqual(1, sum(" E store: commit log: " in line and " cannot be sent: " in line for line in lines))
        self.assertTrue(any(" W connection from " in line and str(log.name) + " at " in line for line in lines))
        self.assertEqual([], broker.mappings("commitlog"))
        broker.kill()

    @staticmethod
    def take_no_more(readers):
        """Whether what lies in their sockets has not grown since the time before; other loops are still at work else."""
        seen = [[]]

        def is_full():
            time.sleep(0.1)
            before, seen[0] = seen[0], [unread_bytes(reader.socket) for reader in readers]
            return seen[0] == before and min(before) > 0
        return is_full

    def numbers_of(self, client, offset, end):
        """The numbers that a queue's messages begin with, read in turn."""
        numbers = []
        while len(numbers) < end - offset:
            client.send_raw(held_pull("cut", 0, offset + len(numbers), opaque=1000 + len(numbers)))
            read = list(records(self.reply_of(client, 1000 + len(numbers)).body))
            self.assertGreater(len(read), 0)
            numbers += [int(message.body.split(b" ")[0]) for message in read]
        return numbers[:end - offset]

    def queue_files(self, data, queues):
        """Of each queue; nothing before all have three."""
        files = [sorted((data / "consumequeue" / "cut" / str(number)).iterdir()) for number in range(queues)]
        return files if min(map(len, files)) > 2 else None

    def send_keyed(self, client, number, body, queues):
        return client.send_message("cut", body, queue_id=number % queues, queues=queues, properties=f"KEYS\1k{number}")

    def query_key(self, client, number):
        reply = client.request(QUERY_MESSAGE, {"topic": "cut", "key": f"k{number}", "maxNum": 8, "beginTimestamp": 0,
                                               "endTimestamp": 2**62})
        self.assertIn(reply.code, (SUCCESS, QUERY_NOT_FOUND), reply)
        return [message.body for message in records(reply.body)] if reply.code == SUCCESS else []

    def read_around(self, client, queues, bodies):
        """The numbers of messages whose pull is answered with an error, with its code; all others are read."""
        wrong = {}
        for queue_id in range(queues):
            offset, end = 0, client.max_offset("cut", queue_id)
            self.assertEqual(len(bodies[queue_id::queues]), end)
            while offset < end:
                client.send_raw(held_pull("cut", queue_id, offset, opaque=offset + 1000))
                reply = self.reply_of(client, offset + 1000)
                if reply.code != SUCCESS:
                    wrong[offset * queues + queue_id] = reply.code
                    offset += 1
                    continue
                for message in records(reply.body):
                    self.assertEqual(bodies[offset * queues + queue_id], message.body)
                    offset += 1
        return wrong

    def reply_of(self, client, opaque):
        while True:
            reply = client.read_reply()
            if reply.opaque == opaque:
                return reply


if __name__ == "__main__":
    unittest.main(verbosity=2)
