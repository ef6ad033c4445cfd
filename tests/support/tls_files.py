"""Certificates for the process tests, made with the openssl program."""

import pathlib
import ssl
import subprocess

from remoting import Client


class Authority:
    """A certificate authority in a folder: ca.pem, and NAME.key and NAME.pem for each issued."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
                     "-keyout", self.folder / "ca.key", "-out", self.certificate)

    @property
    def certificate(self):
        return self.folder / "ca.pem"

    @staticmethod
    def openssl(*arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"openssl {arguments[0]} ended with {done.returncode}: {done.stderr}")

    def issue(self, name, common_name):
        """A key and a certificate, valid for 127.0.0.1: that is where the brokers are found."""
        names = self.folder / "names.cnf"
        names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n", encoding="utf-8")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-subj", f"/CN={common_name}", "-keyout", self.folder / f"{name}.key",
                     "-out", self.folder / "request.pem")
        self.openssl("x509", "-req", "-days", "2", "-in", self.folder / "request.pem", "-CA", self.certificate,
                     "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-extfile", names,
                     "-out", self.folder / f"{name}.pem")

    def server_keys(self, name="server"):
        """Configuration keys of a daemon that shows this certificate and trusts the authority."""
        return {"tls.server.certPath": self.folder / f"{name}.pem", "tls.server.keyPath": self.folder / f"{name}.key",
                "tls.client.trustCertPath": self.certificate}

    def context(self):
        """Of a client that trusts the authority."""
        return ssl.create_default_context(cafile=self.certificate)


class TlsClient(Client):
    """The remoting client with a TLS socket."""

    def __init__(self, port, context, timeout=20.0):
        super().__init__(port, timeout)
        plain = self.socket
        try:
            self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        except BaseException:
            plain.close()
            raise
