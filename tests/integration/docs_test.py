#!/usr/bin/env python3
"""The documents say what the programs do: configuration keys and defaults, links, files."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import apache_conf  # noqa: E402
import own_network  # noqa: E402
from daemons import DaemonTest, program  # noqa: E402
from remoting import Client, NOT_SUPPORTED  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Defaults that the documents describe in words, because they depend on the machine.
IN_WORDS = {"brokerName", "brokerIP1", "bindAddress", "namesrvAddr", "storePathRootDir", "kvConfigPath", "configStorePath",
            "serverSelectorThreads"}


def documented(document, heading):
    """Key to default of the table below a heading of a document."""
    text = (ROOT / document).read_text("utf-8")
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `([\w.]+)` \| (.*?) ?\|", section, re.M)
    return {key: default.strip("`") for key, default in rows}


class Documents(DaemonTest):
    def effective(self, program):
        """Key to value of the daemon's effective configuration without any file."""
        printed = self.run_program(program, "-p", env={"HOME": "/home/somebody"}).stdout
        return dict(line.split("=", 1) for line in printed.splitlines() if "=" in line and not line.startswith("#"))

    def test_the_configuration_keys_and_their_defaults_are_documented(self):
        for program, heading in (("comet-broker", "broker.conf"), ("comet-namesrv", "namesrv.conf")):
            documents, effective = documented("docs/configuration.md", heading), self.effective(program)
            documents.update(documented("docs/tls.md", "Keys"))
            documents.update(documented("docs/configuration.md", "Keys of every daemon"))
            self.assertEqual(sorted(effective), sorted(documents), f"keys of {heading}")
            for key, default in documents.items():
                if key not in IN_WORDS:
                    self.assertEqual(effective[key], default, f"default of {key} in {heading}")

    def test_every_key_of_rocketmq_is_documented_with_what_becomes_of_it(self):
        text = (ROOT / "docs/configuration.md").read_text("utf-8")
        keys = [line.split("\t") for line in self.run_program("comet-broker", "--keys").stdout.splitlines()]
        for use, heading in (("not supported", "Keys of RocketMQ's broker that are not supported"),
                             ("no effect", "Keys of RocketMQ's broker without effect")):
            section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0].split("\n\n", 1)[1]
            self.assertEqual(sorted(key[0] for key in keys if key[1] == use and not key[0].startswith("tls.")),
                             sorted(re.findall(r"`(\w+)`", section)), heading)
            for key in keys:
                if key[1:] and key[1] == "not supported" == use:
                    self.assertRegex(section, rf"`{key[0]}`.*\| {re.escape(key[2])} \|")
        refused = text.split("## Keys of RocketMQ's broker that refuse the start\n", 1)[1].split("\n## ", 1)[0]
        rows = re.findall(r"^\| (.*) \| (.*) \|$", refused, re.M)
        for key in (key for key in keys if key[1].startswith("only ")):
            reasons = [reason for names, reason in rows if f"`{key[0]}`" in names]
            self.assertEqual([key[2]], reasons, f"the reason of {key[0]}")
        named = {name for names, _ in rows for name in re.findall(r"`(\w+)`(?=[,:])", names)} - {"brokerRole", "brokerId"}
        self.assertEqual(sorted(key[0] for key in keys if key[1].startswith("only ")), sorted(named))
        self.assertEqual(len(keys), len({key[0] for key in keys}), "a key is there twice")

    def test_the_configuration_page_names_no_key_that_does_not_exist(self):
        text = (ROOT / "docs/configuration.md").read_text("utf-8")
        section = text.split("## Keys of RocketMQ's broker that refuse", 1)[1].split("\n## namesrv.conf", 1)[0]
        listed = (ROOT / "tests/data/apache_keys.tsv").read_text("utf-8").splitlines()
        known = {line.split("\t")[1] for line in listed if not line.startswith("#")}
        known |= {line.split("\t")[0] for line in self.run_program("comet-broker", "--keys").stdout.splitlines()}
        values = {"ASYNC_MASTER", "0", "1", "false", "default", "v1"}
        self.assertEqual(set(), set(re.findall(r"`([\w.]+)`", section)) - known - values)

    def test_the_readmes_example_of_a_transaction_is_the_one_that_is_built(self):
        self.assertIn((ROOT / "examples/transaction.cpp").read_text("utf-8"), (ROOT / "README.md").read_text("utf-8"))

    def test_the_configuration_files_of_the_readmes_are_accepted_without_a_warning(self):
        for readme in ("README.md", "README.zh-CN.md"):
            text = (ROOT / readme).read_text("utf-8")
            for content in re.findall(r"```properties\n(.*?)```", text, re.S):
                name = content.split("\n", 1)[0].strip("# ")
                path = self.folder / name
                path.write_text(content, encoding="utf-8")
                program = {"broker.conf": "comet-broker", "namesrv.conf": "comet-namesrv"}[name]
                done = self.run_program(program, "-c", path, "-p")
                self.assertNotIn(" W ", done.stderr)
                for line in content.splitlines():
                    if line and not line.startswith("#"):
                        self.assertIn(line, done.stdout, f"{readme}: {name}")

    def shell(self, script, end):
        """What the lines print, with these programs in place of the release build's; `end` runs in any case."""
        reason = own_network.why_not()
        if reason:
            self.skipTest(reason)
        folder = str(pathlib.Path(program("comet-broker")).parent)
        command = own_network.inside("bash", "-ec", f"trap '{end}' EXIT\n{script}")
        environment = os.environ | {"COMET_BIN": folder, "COMET_PAIR_DIR": str(self.folder / "pair")}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=240, check=False)
        self.assertEqual(0, done.returncode, done.stdout)
        return done.stdout

    def test_the_readmes_pair_sends_is_killed_read_and_brought_back(self):
        section = (ROOT / "README.md").read_text("utf-8").split("### A master and its slave\n", 1)[1]
        lines = re.search(r"```sh\n(.*?)```", section, re.S).group(1)
        folder = str(pathlib.Path(program("comet-broker")).parent)
        typed = lines.replace("build/release/bin", folder).replace("\n", "\nsleep 0.5\n")  # not quicker than a person
        said = self.shell(typed, "scripts/pair stop >/dev/null")
        self.assertEqual(2, said.count("the slave is in sync"), said)
        self.assertIn("SEND_OK", said)
        self.assertEqual(1, said.count("one pot of green tea"), said)
        self.assertRegex(said, r"broker-a#1 .* transfer")

    def test_the_pair_uses_apaches_files_as_they_are_and_promotes_its_slave(self):
        apache = self.folder / "2m-2s-sync"
        apache.mkdir()
        for name in ("broker-a", "broker-a-s"):
            apache_conf.write(apache, "sync", name)
        control, names = program("cometctl"), "-n 127.0.0.1:9876 -t orders"
        said = self.shell(f"""scripts/pair start
            cp "$COMET_PAIR_DIR"/broker-a*.properties {self.folder}
            scripts/pair stop
            scripts/pair files {apache}
            for name in broker-a broker-a-s; do
              grep -v '^#' {apache}/$name.properties | grep . | diff - <(head -n 7 {self.folder}/$name.properties)
              cut -d= -f1 {self.folder}/$name.properties | tail -n +8 | xargs
              diff <(cat {apache}/$name.properties) <(head -n -4 "$COMET_PAIR_DIR"/$name.properties)
            done
            scripts/pair start
            {control} sendMessage {names} -p first
            sleep 0.5
            scripts/pair kill master
            scripts/pair promote
            scripts/pair start master
            {control} sendMessage {names} -p second
            {control} consumeMessage {names}""", "scripts/pair stop >/dev/null")
        self.assertEqual(2, said.count("listenPort storePathRootDir brokerIP1 namesrvAddr"), said)
        self.assertEqual(3, said.count("the slave is in sync"), said)
        self.assertEqual(2, said.count("SEND_OK"), said)
        for body in ("first", "second"):
            self.assertEqual(1, len(re.findall(rf"\b{body}\b", said)), said)

    def test_the_request_codes_that_are_served_are_documented(self):
        text = (ROOT / "docs/compatibility.md").read_text("utf-8")
        namesrv = self.start_namesrv()
        for heading, daemon in (("Nameserver", namesrv), ("Broker", self.start_broker(namesrv))):
            section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
            documents = {int(code) for code in re.findall(r"^\| (\d+) \| [A-Z0-9_]+ \|", section, re.M)}
            with Client(daemon.port) as client:
                served = {code for code in range(1000) if client.request(code, {}).code != NOT_SUPPORTED}
            self.assertEqual(sorted(served), sorted(documents), f"codes of the {heading.lower()}")

    def test_the_query_in_the_remoting_guide_is_the_one_that_is_compiled(self):
        guide = (ROOT / "docs/remoting.md").read_text("utf-8")
        source = (ROOT / "examples/query_route.cpp").read_text("utf-8")
        shown = re.findall(r"```cpp\n(.*?)```", guide, re.S)
        self.assertTrue(shown)
        for code in shown:
            self.assertIn(code, source)
            self.assertLessEqual(len(code.splitlines()), 20)

    def test_the_programs_in_the_pages_on_sending_are_those_that_are_compiled(self):
        def unindented(code):
            return "\n".join(line.strip() for line in code.splitlines())

        for page, program in (("sending", "reconcile"), ("threads", "many_threads"), ("producer", "blocking_transaction")):
            shown = re.findall(r"```cpp\n(.*?)```", (ROOT / f"docs/{page}.md").read_text("utf-8"), re.S)
            self.assertTrue(shown, page)
            source = unindented((ROOT / f"examples/{program}.cpp").read_text("utf-8"))
            for code in shown:
                self.assertIn(unindented(code), source, page)

    def test_the_blocks_of_the_page_on_gcc_12_compile(self):
        compiler = shutil.which("g++")
        boost = pathlib.Path("/usr/include/boost/asio.hpp")
        if compiler is None or not boost.exists():
            self.skipTest("needs g++ and Boost's headers")
        blocks = re.findall(r"```cpp\n(.*?)```", (ROOT / "docs/gcc12.md").read_text("utf-8"), re.S)
        self.assertGreater(len(blocks), 8)
        program = (ROOT / "tests/data/gcc12_page.hpp").read_text("utf-8")
        for number, code in enumerate(blocks):
            if not code.startswith("asio::awaitable"):
                code = ("asio::awaitable<void> block(comet::Producer& plain, comet::TransactionProducer& producer,\n"
                        "  comet::Message order, comet::Message message, std::string id, bool urgent) {\n"
                        f"{code}}}\n")
                if "producer.send(" in code:
                    code = code.replace("producer.send(", "plain.send(")
            program += f"namespace block_{number} {{\n{code}}}\n"
        source = self.folder / "gcc12.cpp"
        source.write_text(program, "utf-8")
        includes = [f"-I{folder}" for folder in sorted(ROOT.glob("libs/*/include"))]
        self.run_compiler([compiler, "-std=c++20", "-fsyntax-only", *includes, source])

    def run_compiler(self, command):
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(0, done.returncode, done.stderr)

    def test_links_of_the_documents_lead_to_files(self):
        documents = sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/*.md")) + sorted(ROOT.glob("libs/*/README.md"))
        self.assertGreater(len(documents), 5)
        for document in documents:
            text = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.S)
            for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
                if not target.startswith(("http:", "https:")):
                    self.assertTrue((document.parent / target).exists(), f"{document.name} links to {target}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
