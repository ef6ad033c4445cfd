"""Installs the peers, pinned, by the package client of each language, into one folder.

A peer that cannot be had raises Missing with the reason and what would help; the run goes on without it.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

from servers import java_major

HERE = pathlib.Path(__file__).resolve().parent
INSTALL_TIMEOUT = 300  # seconds for one peer, on a machine without caches
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"

did_not_end = {}  # {an installer: what it was run for}; it is not waited for twice


class Missing(Exception):
    """A peer that this machine cannot have; the text says why and how to get it."""


def tool(name, advice):
    path = shutil.which(name)
    if not path:
        raise Missing(f"{name} is not installed: {advice}")
    return path


def run(command, what, advice="is the package registry reachable?", **options):
    """Runs an installer; Missing with its last lines on stderr, if it fails or does not end."""
    if command[0] in did_not_end:
        raise Missing(f"{what} was not tried: {did_not_end[command[0]]} did not end")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=INSTALL_TIMEOUT, check=False, **options)
    except subprocess.TimeoutExpired:
        did_not_end[command[0]] = what
        raise Missing(f"{what} did not end within {INSTALL_TIMEOUT} s: {advice}") from None
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        sys.stderr.write("\n".join(lines[-15:]) + "\n")
        raise Missing(f"{what} ended with {done.returncode} (its last lines are above): {advice}")


@contextlib.contextmanager
def once(folder, *inputs):
    """Locks the folder; yields True if it must be filled: nothing is there, or it was made of other inputs."""
    folder.mkdir(parents=True, exist_ok=True)
    want = hashlib.sha256()
    for one in inputs:
        want.update(one.read_bytes() if isinstance(one, pathlib.Path) else str(one).encode())
    stamp = folder / ".complete"
    with open(folder / ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two presets may be tested at the same time
        needed = not (stamp.exists() and stamp.read_text() == want.hexdigest())
        yield needed
        if needed:
            stamp.write_text(want.hexdigest())


def jars(folder, version, *artifacts):
    """The jars of some of RocketMQ's artifacts and all they need; the folder's path."""
    if (java_major() or 0) < 11:
        raise Missing("a Java of version 11 or later is not installed: apt-get install openjdk-17-jdk-headless")
    maven = tool("mvn", "apt-get install maven")
    dependencies = "".join(f"<dependency><groupId>org.apache.rocketmq</groupId><artifactId>rocketmq-{one}</artifactId>"
                           f"<version>{version}</version></dependency>" for one in artifacts)
    pom = ("<project><modelVersion>4.0.0</modelVersion><groupId>comet.peers</groupId><artifactId>peers</artifactId>"
           f"<version>1</version><packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>\n")
    with once(folder, pom) as needed:
        if needed:
            shutil.rmtree(folder / "jars", ignore_errors=True)
            (folder / "pom.xml").write_text(pom, encoding="utf-8")
            run([maven, "-q", "-B", f"{DEPENDENCY_PLUGIN}:copy-dependencies", "-DoutputDirectory=jars"], f"mvn for RocketMQ {version}",
                cwd=folder)
    return folder / "jars"


def java_client(root, version):
    """The command that runs our cases with one version's client."""
    folder = root / f"java-{version}"
    artifacts = ["client", "tools"] + (["acl"] if version.startswith("4.") else [])
    library = jars(folder, version, *artifacts)
    compiler = tool("javac", "apt-get install openjdk-17-jdk-headless")
    sources = sorted(path for part in ("common", f"v{version[0]}") for path in (HERE / "java" / part).rglob("*.java"))
    with once(folder / "classes", *sources, version) as needed:
        if needed:
            run([compiler, "-nowarn", "-encoding", "UTF-8", "-d", folder / "classes", "-cp", f"{library}/*", *sources],
                f"javac of the cases for {version}")
    return ["java", "-Xmx512m", "-Drocketmq.client.logUseSlf4j=false", f"-Drocketmq.client.logRoot={folder / 'logs'}",
            f"-Duser.home={folder}", "-cp", f"{folder / 'classes'}:{library}/*", "peers.Main"]


def mqadmin(root, version):
    """The command that runs all of mqadmin's commands of one version."""
    return [*java_client(root, version)[:-1], "peers.Mqadmin", HERE / "java" / "mqadmin" / f"{version}.txt"]


def go_client(root, version):
    """The program made of our cases with one version's client; go/vVERSION pins it and all it needs."""
    go = tool("go", "apt-get install golang-go (1.19 or later)")
    folder = root / f"go-{version}"
    pins = sorted((HERE / "go" / f"v{version}").glob("go.*"))
    sources = sorted((HERE / "go").glob("*.go"))
    with once(folder, *pins, *sources) as needed:
        if needed:
            for path in (*pins, *sources):
                shutil.copy(path, folder)
            run([go, "build", "-o", "peer", "."], f"go build of the cases for {version}", cwd=folder)
    return [folder / "peer"]


def node_client(root, package):
    """ali-ons and rocketmq, as node/package-lock.json pins them."""
    tool("node", "apt-get install nodejs npm")
    npm = tool("npm", "apt-get install nodejs npm")
    folder = root / "node"
    pins = [HERE / "node" / name for name in ("package.json", "package-lock.json", ".npmrc")]
    with once(folder, *pins) as needed:
        if needed:
            for path in pins:
                shutil.copy(path, folder)
            run([npm, "ci", "--omit=dev", "--ignore-scripts"], "npm ci of the Node.js clients", cwd=folder)
    shutil.copy(HERE / "node" / "peer.js", folder)
    return ["node", folder / "peer.js", package]


def python_client(root):
    """PyPI's rocketmq, which carries Apache's C++ client 1.x, as python/requirements.txt pins it."""
    folder = root / "python"
    pins = HERE / "python" / "requirements.txt"
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0:
        raise Missing(f"{sys.executable} has no pip: apt-get install python3-pip")
    with once(folder, pins, sys.version) as needed:
        if needed:
            shutil.rmtree(folder / "packages", ignore_errors=True)
            run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
                 "--require-hashes", "--target", folder / "packages", "-r", pins], "pip install of the Python client")
            run([sys.executable, "-c", "import rocketmq.client"], "the import of the Python client",
                advice="its library was made for Linux on x86-64", env=os.environ | {"PYTHONPATH": str(folder / "packages"), "HOME": str(folder)})
    return ["env", f"PYTHONPATH={folder / 'packages'}", sys.executable, HERE / "python" / "peer.py"]


def apache_servers(root, version):
    """The folder with the jars of Apache's nameserver and broker."""
    tool("unshare", "apt-get install util-linux")
    if subprocess.run(["unshare", "--user", "--map-root-user", "--net", "true"], capture_output=True, check=False).returncode != 0:
        raise Missing("this system gives no network namespace of one's own (unshare --user --net fails), and Apache's servers "
                      "listen on all addresses")
    artifacts = ["broker", "namesrv"] + (["acl"] if version.startswith("4.") else [])
    return jars(root / f"server-{version}", version, *artifacts)
