#!/usr/bin/env python3
"""A daemon's life: flags, signals, what it tells operators' tools over HTTP."""

import http.client
import json
import pathlib
import re
import signal
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, wait_until  # noqa: E402
from remoting import Client, GET_ROUTE, SUCCESS  # noqa: E402

DAEMONS = ("comet-namesrv", "comet-broker", "comet-standalone")


def value_of(text, name, **labels):
    """The sum of the samples of that name which have these labels."""
    total = None
    for line in text.splitlines():
        match = re.match(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if not match or match.group(1) != name:
            continue
        found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match.group(2) or ""))
        if all(found.get(key) == value for key, value in labels.items()):
            total = (total or 0) + float(match.group(3))
    return total


class DaemonLife(DaemonTest):
    def start_any(self, name, **keys):
        if name == "comet-namesrv":
            return self.start_namesrv(**keys)
        if name == "comet-broker":
            return self.start_broker(None, **keys)
        config = self.write_properties("standalone.conf", **keys)
        return self.start(name, ["--data", self.folder / "data", "--namesrv-port", 0, "--broker-port", 0,
                                 "-c", config])

    def monitor_of(self, daemon):
        match = wait_until(lambda: re.search(r"health and metrics on http://([\d.]+):(\d+)", daemon.log()), 30,
                           "the line that names the monitor's address")
        return match.group(1), int(match.group(2))

    def get(self, daemon, path):
        connection = http.client.HTTPConnection(*self.monitor_of(daemon), timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8")
        finally:
            connection.close()

    def metric(self, daemon, name, **labels):
        return value_of(self.get(daemon, "/metrics")[1], name, **labels)

    # --- signals ---

    def test_sighup_without_tls_ends_no_daemon(self):
        for name in DAEMONS:
            daemon = self.start_any(name)
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "configuration read again" in daemon.log() or not daemon.alive(), 30, name)
            self.assertTrue(daemon.alive(), f"{name} ended with {daemon.process.returncode}")
            self.assertEqual(0, daemon.stop())

    def test_sighup_sets_the_log_level_that_the_file_names(self):
        namesrv = self.start_namesrv()

        def hang_up(expected, **keys):
            self.write_properties("namesrv.conf", listenPort=0, **keys)
            begin = len(namesrv.log())
            namesrv.process.send_signal(signal.SIGHUP)
            wait_until(lambda: expected in namesrv.log()[begin:], 30, expected)

        hang_up("log level debug", logLevel="debug")
        hang_up("log level info", logLevel="info")
        hang_up("configuration not read again", logLevel="loud")
        hang_up("configuration not read again", listenPrt="x", logLevel="warn", scanNotActiveBrokerInterval="soon")
        hang_up("configuration read again")
        self.assertEqual(0, namesrv.stop())

    def test_the_command_line_has_precedence_in_the_log_level(self):
        config = self.write_properties("namesrv.conf", listenPort=0, logLevel="error")
        namesrv = self.start("comet-namesrv", ["-c", config, "--logLevel", "info"])
        namesrv.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration read again" in namesrv.log(), 30, "the log goes on")
        done = self.run_program("comet-namesrv", "--logLevel", "loud", check=False)
        self.assertEqual(2, done.returncode)
        self.assertIn("logLevel", done.stderr)

    def test_sigterm_ends_it_in_order_while_clients_are_connected(self):
        namesrv = self.start_namesrv()
        with Client(namesrv.port) as client:
            self.assertNotEqual(SUCCESS, client.request(GET_ROUTE, {"topic": "none"}).code)
            namesrv.process.send_signal(signal.SIGTERM)
            self.assertTrue(client.closed_by_peer())
            self.assertEqual(0, namesrv.process.wait(30))
        self.assertIn("comet-namesrv stopped", namesrv.log())

    def test_sigterm_may_be_repeated(self):
        broker = self.start_broker(None)
        with Client(broker.port):
            broker.process.send_signal(signal.SIGTERM)
            wait_until(lambda: "stops on signal" in broker.log(), 30, "the stop")
            self.assertEqual(0, broker.stop(30))
        self.assertIn("comet-broker stopped", broker.log())

    # --- the monitor's endpoint ---

    def test_there_is_no_endpoint_unless_it_is_asked_for(self):
        namesrv = self.start_namesrv()
        self.assertNotIn("health and metrics", namesrv.log())

    def test_the_nameserver_tells_of_its_requests_and_brokers(self):
        namesrv = self.start_namesrv(monitorPort=0)
        status, text = self.get(namesrv, "/health")
        self.assertEqual((200, {"status": "ok"}), (status, json.loads(text)))
        broker = self.start_broker(namesrv)
        wait_until(lambda: self.metric(namesrv, "comet_namesrv_brokers") == 1, 30, "the registration")
        with Client(namesrv.port) as client:
            for _ in range(3):
                self.assertNotEqual(SUCCESS, client.request(GET_ROUTE, {"topic": "none"}).code)
            self.assertEqual(3, self.metric(namesrv, "comet_namesrv_route_not_found_total"))
            self.assertEqual(3, self.metric(
                namesrv, "rocketmq_rpc_latency_milliseconds_count", request_code="get_routeinfo_by_topic",
                response_code="topic_not_exist"))
            self.assertEqual(2, self.metric(namesrv, "comet_namesrv_connections"))
        self.assertGreater(self.metric(namesrv, "comet_namesrv_topics"), 0)
        self.assertGreater(self.metric(namesrv, "comet_namesrv_registrations_total"), 0)
        self.assertGreater(self.metric(namesrv, "process_resident_memory_bytes"), 1e6)
        broker.kill()
        wait_until(lambda: self.metric(namesrv, "comet_namesrv_brokers") == 0, 30, "the broker's end")
        self.assertEqual(1, self.metric(namesrv, "comet_namesrv_brokers_removed_total",
                                        reason="connection_closed"))

    def test_the_broker_counts_messages_as_rocketmq_does(self):
        broker = self.start_broker(None, monitorPort=0)
        labels = {"cluster": "test-cluster", "node_type": "broker", "node_id": "broker-a",
                  "topic": "counted", "is_system": "false"}
        with Client(broker.port) as client:
            for _ in range(3):
                self.assertEqual(SUCCESS, client.send_message("counted", b"0123456789", queue_id=0).code)
            self.assertEqual(3, len(client.read_queue("counted", 0)))
        self.assertEqual(3, self.metric(broker, "rocketmq_messages_in_total", **labels))
        self.assertGreaterEqual(self.metric(broker, "rocketmq_throughput_in_total", **labels), 30)
        self.assertEqual(3, self.metric(broker, "rocketmq_messages_out_total", **labels))
        self.assertGreater(self.metric(broker, "rocketmq_throughput_out_total", **labels), 30)
        self.assertEqual(6, self.metric(broker, "rocketmq_broker_permission"))

    def test_the_broker_tells_of_lag_clients_and_its_store_as_rocketmq_does(self):
        broker = self.start_broker(None, monitorPort=0)
        update_offset, heart_beat = 15, 34
        with Client(broker.port) as client:
            for _ in range(5):
                self.assertEqual(SUCCESS, client.send_message("lagging", b"0123456789", queue_id=1).code)
            self.assertEqual(5, len(client.read_queue("lagging", 1)))  # as group raw-reader
            self.assertEqual(SUCCESS, client.request(update_offset, {
                "consumerGroup": "raw-reader", "topic": "lagging", "queueId": 1, "commitOffset": 2}).code)
            self.assertEqual(SUCCESS, client.send_message("lagging", b"0123456789", queue_id=1).code)
            body = {"clientID": "me", "producerDataSet": [{"groupName": "PG"}], "consumerDataSet": [{
                "groupName": "raw-reader", "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING",
                "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET", "subscriptionDataSet": [], "unitMode": False}]}
            self.assertEqual(SUCCESS, client.request(heart_beat, {}, json.dumps(body).encode()).code)
            group = {"topic": "lagging", "consumer_group": "raw-reader", "is_retry": "false", "is_system": "false"}
            text = self.get(broker, "/metrics")[1]
            for name, expected in (("lag_messages", 4), ("inflight_messages", 3), ("ready_messages", 1)):
                self.assertEqual(expected, value_of(text, f"rocketmq_consumer_{name}", **group), name)
            self.assertGreaterEqual(value_of(text, "rocketmq_consumer_lag_latency_milliseconds", **group), 0)
            self.assertEqual(6, value_of(text, "rocketmq_message_size_bucket", topic="lagging", le="1024"))
            self.assertEqual(6, value_of(text, "rocketmq_message_size_count", topic="lagging"))
            self.assertEqual(1, value_of(text, "rocketmq_consumer_connections", consumer_group="raw-reader",
                                         language="other", version="v4_9_8", consume_mode="push"))
            self.assertEqual(1, value_of(text, "rocketmq_producer_connections", producer_group="PG"))
            self.assertGreater(value_of(text, "rocketmq_storage_size_bytes", storage_type="local", storage_medium="disk"),
                               600)
            for name in ("rocketmq_storage_flush_behind_bytes", "rocketmq_storage_dispatch_behind_bytes",
                         "rocketmq_storage_message_reserve_time_milliseconds", "rocketmq_topic_number",
                         "rocketmq_consumer_group_number", "rocketmq_processor_watermark", "comet_broker_held_pulls"):
                self.assertIsNotNone(value_of(text, name), name)
            self.assertEqual(0, value_of(text, "comet_broker_store_read_only"))
            self.assertEqual(6, value_of(text, "rocketmq_rpc_latency_milliseconds_count", request_code="send_message",
                                         response_code="success"))

    def test_the_broker_says_when_another_one_has_its_directory(self):
        broker = self.start_broker(None)
        done = self.run_program("comet-broker", *self.broker_arguments(None), check=False, timeout=60)
        self.assertEqual(1, done.returncode)
        self.assertIn("broker-a-data", done.stderr)
        self.assertTrue(broker.alive())

    def test_bad_input_at_the_endpoint_hurts_nobody(self):
        namesrv = self.start_namesrv(monitorPort=0)
        address = self.monitor_of(namesrv)
        held = [socket.create_connection(address) for _ in range(200)]
        for number, peer in enumerate(held):
            try:
                peer.sendall((b"GET /metrics HTT", b"\0" * 100_000, b"x" * 10, b"POST / HTTP/1.1\r\n\r\n")[number % 4])
            except OSError:
                pass  # it has been closed: there are too many
        with Client(namesrv.port) as client:
            self.assertNotEqual(SUCCESS, client.request(GET_ROUTE, {"topic": "none"}).code)
        for peer in held:
            peer.close()
        wait_until(lambda: self.healthy(namesrv), 30, "room for others")

    def healthy(self, daemon):
        try:
            return self.get(daemon, "/health")[0] == 200
        except OSError:
            return False

    def test_a_port_that_is_taken_ends_the_start_and_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = holder.getsockname()[1]
            config = self.write_properties("namesrv.conf", listenPort=0, monitorPort=port)
            done = self.run_program("comet-namesrv", "-c", config, check=False, timeout=60)
        self.assertEqual(1, done.returncode)
        self.assertIn(f"127.0.0.1:{port}", done.stderr)

    # --- flags ---

    def test_flags_of_mqnamesrv_are_taken(self):
        config = self.write_properties("namesrv.conf", listenPort=12345, orderMessageEnable="true")
        done = self.run_program("comet-namesrv", "-c", config, "-n", "127.0.0.1:1", "-p")
        self.assertIn("listenPort=12345\n", done.stdout)
        self.assertIn("orderMessageEnable=true\n", done.stdout)
        self.assertIn("monitorPort", self.run_program("comet-namesrv", "-h").stdout)
        self.assertEqual(2, self.run_program("comet-namesrv", "--what", check=False).returncode)
        missing = self.run_program("comet-namesrv", "-c", self.folder / "none.conf", check=False)
        self.assertEqual(2, missing.returncode)
        self.assertIn("none.conf", missing.stderr)


    def test_flags_of_mqbroker_are_taken(self):
        config = self.write_properties("broker.conf", listenPort=0, brokerName="from-the-file", flushDiskType="SYNC_FLUSH",
                                       brokerRole="ASYNC_MASTER", sendMessageThreadPoolNums=4, brokerNam="x",
                                       haFlowControlEnable="true", storePathRootDir=self.folder / "store")
        done = self.run_program("comet-broker", "-c", config, "-n", "127.0.0.1:1;127.0.0.1:2", "-p")
        for line in ("brokerName=from-the-file", "flushDiskType=SYNC_FLUSH", "namesrvAddr=127.0.0.1:1;127.0.0.1:2"):
            self.assertIn(line + "\n", done.stdout)
        self.assertIn("unknown key \"brokerNam\" has no effect; did you mean brokerName?", done.stderr)
        self.assertIn("haFlowControlEnable has no effect here: ", done.stderr)
        self.assertIn("accepted without effect: sendMessageThreadPoolNums", done.stderr)
        important = self.run_program("comet-broker", "-c", config, "-m").stdout
        self.assertIn("brokerName=from-the-file\n", important)
        self.assertNotIn("cleanResourceInterval", important)
        for key, value in (("brokerRole", "SLAVE"), ("listenPort", "66000"), ("flushDiskType", "NEVER"),
                           ("maxSendBytesInFlight", "1"), ("brokerId", "1")):
            wrong = self.write_properties("wrong.conf", **{key: value})
            done = self.run_program("comet-broker", "-c", wrong, "-p", check=False)
            self.assertEqual(2, done.returncode, key)
            self.assertIn(key, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
