"""A master and its slaves as processes, what is sent to them with a ledger outside, and a link between them that can be held."""

import contextlib
import json
import re
import socket
import threading
import time

from daemons import DaemonTest, wait_until
from remoting import SUCCESS, Client

HA_STATUS = 907
SLAVE_NOT_AVAILABLE, FLUSH_SLAVE_TIMEOUT = 11, 12
SENDERS = 4


class Ledger:
    """Who sends what, and what was answered 0."""

    def __init__(self, port, topic, lines):
        self.port, self.topic, self.lines = port, topic, lines
        self.acknowledged, self.answers, self.lock = set(), {}, threading.Lock()
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)]

    def _send(self, number):
        mine = self.lines[number::SENDERS]
        try:
            with Client(self.port) as client:
                for line in mine:
                    if self.stopped.is_set():
                        return
                    code = client.send_message(self.topic, line.encode(), queue_id=number).code
                    with self.lock:
                        self.answers[code] = self.answers.get(code, 0) + 1
                        if code == SUCCESS:
                            self.acknowledged.add(line)
        except (OSError, EOFError, AssertionError):
            return  # the master is gone; what was not answered is not acknowledged

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join(60)


class Link:
    """A proxy in front of an HA port. What is held in a direction is not read, as with a cut cable; nothing is lost."""

    def __init__(self, port):
        self.target = port
        self.held = {"to slave": False, "to master": False}
        self.connections = 0
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                slave, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                master = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                slave.close()
                continue
            self.sockets += [slave, master]
            for direction, source, target in (("to master", slave, master), ("to slave", master, slave)):
                threading.Thread(target=self._carry, args=(direction, source, target), daemon=True).start()

    def _carry(self, direction, source, target):
        with contextlib.suppress(OSError, ValueError):
            while True:
                data = source.recv(65536)
                while self.held[direction]:
                    time.sleep(0.01)
                if not data:
                    break
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def hold(self, *directions):
        for direction in directions:
            self.held[direction] = True

    def release(self):
        self.held = dict.fromkeys(self.held, False)

    def close(self):
        self.listener.close()
        self.release()
        for one in self.sockets:
            one.close()


class PairTest(DaemonTest):
    """A nameserver, and brokers of one name: each keeps its data in a folder that has its own name."""

    def setUp(self):
        super().setUp()
        self.namesrv = self.start_namesrv()

    def start_master(self, name="master", **keys):
        keys = {"brokerRole": "SYNC_MASTER", "monitorPort": 0, "brokerName": "broker-a"} | keys
        return self.start_broker(self.namesrv, self.folder / name, name, **keys)

    def start_slave(self, name="slave", **keys):
        keys = {"brokerRole": "SLAVE", "brokerId": 1, "monitorPort": 0, "brokerName": "broker-a"} | keys
        return self.start_broker(self.namesrv, self.folder / name, name, **keys)

    def start_linked_pair(self, **keys):
        """A master, its slave and the link between both."""
        master = self.start_master(**keys)
        link = Link(self.ha_port(master))
        self.addCleanup(link.close)
        slave = self.start_slave(haMasterAddress=link.address, **keys)
        self.wait_in_sync(master)
        return master, slave, link

    @staticmethod
    def ha_port(master):
        return int(re.search(r"HA port on [\d.]+:(\d+)", master.log()).group(1))

    @staticmethod
    def status(daemon):
        with Client(daemon.port) as client:
            return json.loads(client.request(HA_STATUS, {}).body)

    def wait_in_sync(self, master, count=1):
        wait_until(lambda: self.status(master)["inSyncSlaveNums"] == count, 60, f"{count} slaves in sync")

    @staticmethod
    def bodies(daemon, topic):
        """Every message of the topic, by queue, in order."""
        with Client(daemon.port) as client:
            return [[message.body.decode() for message in client.read_queue(topic, queue)] for queue in range(4)]

    def wait_equal(self, master, slave, topic):
        wait_until(lambda: self.bodies(master, topic) == self.bodies(slave, topic), 60, "equal queues")

    def check_nothing_is_missing(self, acknowledged, daemon, topic):
        there = {line for queue in self.bodies(daemon, topic) for line in queue}
        self.assertEqual(set(), set(acknowledged) - there, "acknowledged, and not there")

    @staticmethod
    def send_timed(client, topic, body, **more):
        """The answer's code and how many seconds it took."""
        begin = time.monotonic()
        return client.send_message(topic, body.encode(), **more).code, time.monotonic() - begin

    @staticmethod
    def problems(daemon, word):
        """The WARN and ERROR lines of its log that hold the word."""
        return [line for line in daemon.log().splitlines() if word in line and re.search(r" [WE] ", line)]
