#!/usr/bin/env python3
"""The nameserver as a process under what it has to bear: large and hostile registrations, many
connections, queries in vain, damaged files, a kill and a restart."""

import contextlib
import json
import pathlib
import resource
import sys
import threading
import time
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, is_sanitized, wait_until  # noqa: E402
from remoting import Client, GET_ROUTE, SUCCESS, SYSTEM_ERROR, TOPIC_NOT_EXIST, frame  # noqa: E402

REGISTER_BROKER, PUT_KV, GET_KV, GET_TOPICS, UPDATE_CONFIG, GET_CONFIG = 103, 100, 101, 206, 318, 319
NO_PERMISSION = 16


def registration(topics, version=1):
    """A registration's body as Apache's brokers write it."""
    table = {name: {"order": False, "perm": 6, "readQueueNums": 8, "topicFilterType": "SINGLE_TAG",
                    "topicName": name, "topicSysFlag": 0, "writeQueueNums": 8} for name in topics}
    wrapper = {"dataVersion": {"counter": version, "timestamp": 1}, "topicConfigTable": table}
    body = {"filterServerList": [], "topicConfigSerializeWrapper": wrapper}
    return json.dumps(body, separators=(",", ":")).encode()


def header(name="broker-a", address="127.0.0.1:20911", **more):
    return {"brokerName": name, "brokerAddr": address, "clusterName": "c", "brokerId": "0",
            "haServerAddr": "127.0.0.1:20912", "bodyCrc32": "0", "compressed": "false", **more}


class NameServer(DaemonTest):
    def start_namesrv(self, **keys):
        keys.setdefault("kvConfigPath", self.folder / "kvConfig.json")
        keys.setdefault("configStorePath", self.folder / "namesrv.properties")
        return super().start_namesrv(**keys)

    def route(self, client, topic):
        return client.request(GET_ROUTE, {"topic": topic}).code

    def test_a_gigabyte_in_a_megabyte_is_refused_and_takes_no_memory(self):
        namesrv = self.start_namesrv()
        deflater = zlib.compressobj(9)
        zeros = bytes(1 << 20)
        bomb = b"".join(deflater.compress(zeros) for _ in range(1024)) + deflater.flush()
        self.assertLess(len(bomb), 2 << 20)
        before = namesrv.resident_mb()
        with Client(namesrv.port) as client:
            for _ in range(3):
                reply = client.request(REGISTER_BROKER, header(compressed="true"), bomb)
                self.assertEqual(SYSTEM_ERROR, reply.code, reply)
                self.assertIn("the body cannot be read", reply.remark)
            if not is_sanitized():
                self.assertLess(namesrv.resident_mb() - before, 30)
            self.assertEqual(TOPIC_NOT_EXIST, self.route(client, "t"))

    def test_queries_in_vain_leave_nothing_behind(self):
        namesrv = self.start_namesrv()
        with Client(namesrv.port) as client:
            def ask(begin, end):
                for number in range(begin, end, 500):
                    client.send_raw(b"".join(
                        frame(GET_ROUTE, {"topic": f"no-such-topic-{i}"}, opaque=i) for i in range(number, number + 500)))
                    for _ in range(500):
                        reply = client.read_reply()
                        self.assertEqual(TOPIC_NOT_EXIST, reply.code)
                        self.assertIn(f"for the topic: no-such-topic-{reply.opaque}\n", reply.remark)
            ask(0, 5000)
            before = namesrv.resident_mb()
            ask(5000, 60000)
            if not is_sanitized():
                self.assertLess(namesrv.resident_mb() - before, 2)

    def test_queries_are_answered_while_a_large_registration_is_dealt_with(self):
        namesrv = self.start_namesrv()
        body = registration(f"orders-of-region-{i}" for i in range(60000))
        with Client(namesrv.port) as broker, Client(namesrv.port) as other, Client(namesrv.port) as client:
            self.assertEqual(SUCCESS, other.request(
                REGISTER_BROKER, header("small", "127.0.0.1:30911"), registration(["t", "u"])).code)
            sent, ended = threading.Event(), []

            def register():
                data = frame(REGISTER_BROKER, header(), body)
                broker.send_raw(data)
                sent.set()
                ended.append((broker.read_reply().code, time.monotonic()))

            thread = threading.Thread(target=register)
            thread.start()
            sent.wait()
            begun, answered, longest = time.monotonic(), 0, 0.0
            while not ended:
                start = time.monotonic()
                self.assertEqual(SUCCESS, self.route(client, "t"))
                longest = max(longest, time.monotonic() - start)
                answered += 1
            thread.join()
            self.assertEqual(SUCCESS, ended[0][0])
            took = ended[0][1] - begun
            print(f"registration of 60,000 topics: {took * 1e3:.0f} ms, {answered} queries meanwhile, "
                  f"the slowest in {longest * 1e3:.1f} ms", flush=True)
            if not is_sanitized() and took > 0.05:
                self.assertGreater(answered, 20)
            self.assertEqual(SUCCESS, self.route(client, "orders-of-region-59999"))

    def test_ten_thousand_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        count = min(10000, hard - 200)
        if is_sanitized():
            count = min(count, 1000)
        namesrv = self.start_namesrv()
        with contextlib.ExitStack() as stack:
            clients = []
            for _ in range(count):
                clients.append(stack.enter_context(Client(namesrv.port)))
            reply = clients[0].request(REGISTER_BROKER, header(), registration(["t", "u"]))
            self.assertEqual(SUCCESS, reply.code)
            for client in clients:
                client.send_raw(frame(GET_ROUTE, {"topic": "t"}))
            for client in clients:
                self.assertEqual(SUCCESS, client.read_reply().code)
            print(f"{count} connections: {namesrv.resident_mb():.1f} MB resident", flush=True)
        with Client(namesrv.port) as client:
            wait_until(lambda: self.route(client, "t") == TOPIC_NOT_EXIST, 20, "the broker's end")

    def test_a_damaged_kv_file_is_set_aside_and_its_backup_taken(self):
        namesrv = self.start_namesrv()
        with Client(namesrv.port) as client:
            for value in ("1", "2"):
                client.request(PUT_KV, {"namespace": "ns", "key": "k", "value": value})
        namesrv.kill()
        path = self.folder / "kvConfig.json"
        content = path.read_bytes()
        path.write_bytes(content[:len(content) // 2])
        namesrv = self.start_namesrv()
        self.assertIn("is damaged", namesrv.log())
        self.assertEqual(content[:len(content) // 2], (self.folder / "kvConfig.json.damaged").read_bytes())
        with Client(namesrv.port) as client:
            self.assertEqual("1", client.request(GET_KV, {"namespace": "ns", "key": "k"}).ext["value"])

    def test_the_configuration_is_changed_over_the_network_but_for_what_is_dangerous(self):
        namesrv = self.start_namesrv()
        outside = self.folder / "outside"
        with Client(namesrv.port) as client:
            for attack in (f"configStorePath={outside}", f"kvConfigPath={outside}", f"rocketmqHome={outside}",
                           f"savedRoutesPath={outside}", f"tls.server.keyPath={outside}", "bindAddress=0.0.0.0",
                           f"configBlackList=x\nconfigStorePath={outside}"):
                reply = client.request(UPDATE_CONFIG, {}, (attack + "\nenableTopicList=false\n").encode())
                self.assertEqual(NO_PERMISSION, reply.code, attack)
            self.assertFalse(outside.exists())
            self.assertEqual(SUCCESS, client.request(UPDATE_CONFIG, {}, b"enableAllTopicList=false").code)
            self.assertEqual("disable", client.request(GET_TOPICS).remark)
        namesrv.kill()
        with Client(self.start_namesrv().port) as client:
            self.assertEqual("disable", client.request(GET_TOPICS).remark)
            shown = client.request(GET_CONFIG).body.decode().splitlines()
            self.assertIn("enableAllTopicList=false", shown)
            self.assertIn("enableTopicList=true", shown)

    def test_a_nameserver_that_was_killed_answers_at_once_from_its_saved_routes(self):
        keys = {"savedRoutesPath": self.folder / "routes", "savedRoutesInterval": 1000}
        namesrv = self.start_namesrv(**keys)
        with Client(namesrv.port) as client:
            client.request(REGISTER_BROKER, header(), registration(["t", "u"]))
            wait_until((self.folder / "routes").exists, 20, "the routes being saved")
        namesrv.kill()
        with Client(self.start_namesrv(**keys).port) as client:
            self.assertEqual(SUCCESS, self.route(client, "t"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
