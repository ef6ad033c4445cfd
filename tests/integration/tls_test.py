#!/usr/bin/env python3
"""The daemons over TLS, with Python's ssl module as a client that we did not write."""

import collections
import pathlib
import signal
import socket
import ssl
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, real_lines, wait_until  # noqa: E402
from remoting import Client, GET_ROUTE, SUCCESS, frame  # noqa: E402
from tls_files import Authority, TlsClient  # noqa: E402

LINES = 3000


class Tls(DaemonTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)
        self.authority.issue("server", "broker.example")
        self.authority.issue("client", "somebody")
        self.keys = self.authority.server_keys()

    def server_name(self, port):
        """The common name of the certificate that a server shows."""
        with TlsClient(port, self.authority.context()) as client:
            subject = client.socket.getpeercert()["subject"]
        return dict(pair for (pair,) in subject)["commonName"]

    def wait_for_route(self, namesrv, topic):
        def known():
            with TlsClient(namesrv.port, self.authority.context()) as client:
                return client.request(GET_ROUTE, {"topic": topic}).code == SUCCESS
        wait_until(known, 30, f"the route of {topic}")

    def test_tls_and_plain_clients_share_the_ports_of_a_permissive_cluster(self):
        namesrv = self.start_namesrv(**self.keys)
        broker = self.start_broker(namesrv, **self.keys)
        self.assertIn("TLS permitted, certificate CN=broker.example, valid until 20", broker.log())
        large = bytes(range(256)) * 4000
        with TlsClient(broker.port, self.authority.context()) as client:
            self.assertIn(client.socket.version(), ("TLSv1.2", "TLSv1.3"))
            for body in (b"over tls", large):
                self.assertEqual(SUCCESS, client.send_message("shared", body, queue_id=0).code)
        self.wait_for_route(namesrv, "shared")
        with Client(broker.port) as client:
            self.assertEqual(SUCCESS, client.send_message("shared", b"plain", queue_id=0).code)
            self.assertEqual([b"over tls", large, b"plain"],
                             [message.body for message in client.read_queue("shared", 0)])
        with TlsClient(broker.port, self.authority.context()) as client:
            self.assertEqual(3, len(client.read_queue("shared", 0)))
            client.send_raw(frame(GET_ROUTE) * 50)  # a burst in one record
            self.assertEqual(50, len([client.read_reply() for _ in range(50)]))
        self.assertEqual(0, broker.stop())
        self.assertEqual(0, namesrv.stop())

    def test_our_programs_carry_lines_through_an_enforcing_cluster(self):
        self.keys["tls.server.mode"] = "enforcing"
        namesrv = self.start_namesrv(**self.keys)
        broker = self.start_broker(namesrv, **self.keys)
        lines = real_lines(LINES)
        lines.append(" | ".join(lines[:300]))  # more than 4 KiB: compressed
        source, target = self.folder / "lines.txt", self.folder / "read.txt"
        source.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        tls = ["--namesrv", namesrv.address, "--tls", "--tls-ca", self.folder / "ca.pem", "--topic", "lines"]
        self.run_program("example-send_lines", *tls, "--file", source, "--window", 64, "--show", 0)
        self.run_program("example-read_queue", *tls, "--count", len(lines), "--output", target)
        read = target.read_bytes().split(b"\n")[:-1]
        sent = source.read_bytes().split(b"\n")[:-1]
        self.assertEqual(collections.Counter(sent), collections.Counter(read))
        self.run_program("comet-bench", "produce", *tls, "--count", 500, "--json")

        for port in (namesrv.port, broker.port):
            with Client(port) as client:
                client.send_raw(frame(GET_ROUTE, {"topic": "lines"}))
                self.assertTrue(client.closed_by_peer(), "a plain client is closed")
        # A client that does not know the authority does not send.
        done = self.run_program("example-send_lines", "--namesrv", namesrv.address, "--tls", "--topic", "lines",
                                "--file", source, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("certificate", done.stderr)
        # The broker tells the name server, over TLS, that it goes.
        self.assertEqual(0, broker.stop())
        with TlsClient(namesrv.port, self.authority.context()) as client:
            self.assertNotEqual(SUCCESS, client.request(GET_ROUTE, {"topic": "lines"}).code)

    def test_a_server_that_requires_certificates_of_clients_checks_them(self):
        self.keys.update({"tls.server.need.client.auth": "require", "tls.server.trustCertPath": self.folder / "ca.pem"})
        broker = self.start_broker(None, **self.keys)
        known = self.authority.context()
        known.load_cert_chain(self.folder / "client.pem", self.folder / "client.key")
        with TlsClient(broker.port, known) as client:
            self.assertEqual(SUCCESS, client.send_message("checked", b"x").code)
        with self.assertRaises((OSError, EOFError)):  # TLS 1.3 tells clients with the first answer
            with TlsClient(broker.port, self.authority.context()) as client:
                client.send_message("checked", b"x")
        wait_until(lambda: "closed: the peer has no certificate" in broker.log(), 30, "the line in the log")

    def test_sighup_puts_a_new_certificate_in_use_without_a_restart(self):
        namesrv = self.start_namesrv(**self.keys)
        self.assertEqual("broker.example", self.server_name(namesrv.port))
        with TlsClient(namesrv.port, self.authority.context()) as old:
            self.authority.issue("server", "renewed.example")
            namesrv.process.send_signal(signal.SIGHUP)
            wait_until(lambda: self.server_name(namesrv.port) == "renewed.example", 30, "the new certificate")
            (self.folder / "server.pem").write_text("nonsense", encoding="utf-8")
            namesrv.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "the old ones stay in use" in namesrv.log(), 30, "the refusal of the bad file")
            wait_until(lambda: f"TLS certificate {self.folder}/server.pem" in namesrv.log(), 30, "the file's name")
            self.assertEqual("renewed.example", self.server_name(namesrv.port))
            self.assertNotEqual(None, old.request(GET_ROUTE, {"topic": "none"}).remark)
        self.assertEqual(0, namesrv.stop())

    def test_replaced_certificates_are_noticed_and_bad_ones_are_not_used(self):
        namesrv = self.start_namesrv(**self.keys)
        self.authority.issue("server", "renewed.example")
        wait_until(lambda: self.server_name(namesrv.port) == "renewed.example", 30, "the new certificate")
        (self.folder / "server.key").write_text("nonsense", encoding="utf-8")
        wait_until(lambda: "the old ones stay in use" in namesrv.log(), 30, "the refusal of the bad file")
        self.assertEqual("renewed.example", self.server_name(namesrv.port))
        self.assertEqual(0, namesrv.stop())

    def test_ciphers_without_forward_secrecy_are_refused_unless_they_are_named(self):
        def version_with(namesrv, cipher):
            context = self.authority.context()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(cipher)
            with TlsClient(namesrv.port, context) as client:
                return client.socket.cipher()[0]
        self.authority.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rsa", "-days", "2",
                               "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.folder / "rsa.key",
                               "-out", self.folder / "ca.pem")
        rsa = {"tls.server.certPath": self.folder / "ca.pem", "tls.server.keyPath": self.folder / "rsa.key"}
        strict = self.start_namesrv(**rsa)
        self.assertEqual("ECDHE-RSA-AES128-GCM-SHA256", version_with(strict, "ECDHE-RSA-AES128-GCM-SHA256"))
        for weak in ("AES128-SHA", "ECDHE-RSA-AES128-SHA"):
            with self.assertRaises((ssl.SSLError, OSError)):
                version_with(strict, weak)
        strict.stop()
        wide = self.start_namesrv(**rsa, **{"tls.ciphers": "ECDHE+AESGCM,TLS_RSA_WITH_AES_128_CBC_SHA"})
        self.assertEqual("AES128-SHA", version_with(wide, "AES128-SHA"))

    def test_peers_that_say_nothing_or_nonsense_hurt_nobody(self):
        broker = self.start_broker(None, **self.keys)
        silent = [socket.create_connection(("127.0.0.1", broker.port)) for _ in range(50)]
        for peer in silent[:25]:
            peer.sendall(b"\x16\x03\x01\x02\x00\x01\x00")  # the beginning of a hello
        for nonsense in (b"\x16\x03\x01\x00\x05hello", b"\x16" * 100_000):
            with Client(broker.port) as client:
                client.send_raw(nonsense)
                self.assertTrue(client.closed_by_peer())
        with TlsClient(broker.port, self.authority.context()) as client:
            self.assertEqual(SUCCESS, client.send_message("alive", b"x").code)
        for peer in silent:
            peer.close()
        self.assertTrue(broker.alive())

    def test_settings_that_do_not_fit_end_the_start_and_name_the_key_or_file(self):
        def failure(**keys):
            arguments = self.broker_arguments(None, **keys)
            done = self.run_program("comet-broker", *arguments, check=False, timeout=60)
            self.assertEqual(2, done.returncode, done.stderr)
            return done.stderr
        cert, key = self.keys["tls.server.certPath"], self.keys["tls.server.keyPath"]
        self.assertIn("needs tls.server.certPath", failure(**{"tls.server.mode": "enforcing"}))
        self.assertIn("needs tls.server.keyPath", failure(**{"tls.server.certPath": cert}))
        self.assertIn("nowhere.pem", failure(**{"tls.server.certPath": self.folder / "nowhere.pem", "tls.server.keyPath": key}))
        self.assertIn("needs tls.server.trustCertPath", failure(**self.keys, **{"tls.server.need.client.auth": "require"}))

    def test_keys_may_come_from_a_file_of_their_own_and_passwords_are_not_printed(self):
        self.authority.openssl("ec", "-aes256", "-passout", "pass:s3cret-word", "-in", self.folder / "server.key",
                     "-out", self.folder / "locked.key")
        tls = self.write_properties("tls.properties", **{
            "tls.server.certPath": self.folder / "server.pem", "tls.server.keyPath": self.folder / "locked.key",
            "tls.server.keyPassword": "s3cret-word", "tls.test.mode.enable": "false"})
        namesrv = self.start_namesrv(**{"tls.config.file": tls})
        self.assertEqual("broker.example", self.server_name(namesrv.port))
        config = self.folder / "namesrv.conf"
        printed = self.run_program("comet-namesrv", "-c", config, "-p").stdout
        self.assertIn("tls.server.keyPassword=***", printed)
        self.assertNotIn("s3cret-word", printed + namesrv.log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
