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

from daemons import program  # of tests/support

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
    """The jars of some of RocketMQ's artifacts (rocketmq-NAME) and all they need; the folder's path."""
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


def spring(root, version):
    """The command that runs a Spring Boot application with rocketmq-spring-boot-starter."""
    folder = root / f"spring-{version}"
    library = jars(folder, version, "spring-boot-starter")
    compiler = tool("javac", "apt-get install openjdk-17-jdk-headless")
    sources = sorted((HERE / "java" / "spring").rglob("*.java"))
    with once(folder / "classes", *sources, version) as needed:
        if needed:
            run([compiler, "-nowarn", "-encoding", "UTF-8", "-d", folder / "classes", "-cp", f"{library}/*", *sources],
                f"javac of the cases for Spring {version}")
    return ["java", "-Xmx512m", f"-Duser.home={folder}", "-cp", f"{folder / 'classes'}:{library}/*", "peers.Spring"]


def mqadmin(root, version):
    """The command that runs all of mqadmin's commands of one version."""
    return [*java_client(root, version)[:-1], "peers.Mqadmin", HERE / "java" / "mqadmin" / f"{version}.txt"]


def go_client(root, version):
    """The program made of our cases with one version's client; go/vVERSION pins it and all it needs, and has what is of that version alone."""
    go = tool("go", "apt-get install golang-go (1.19 or later)")
    folder = root / f"go-{version}"
    pins = sorted((HERE / "go" / f"v{version}").glob("*"))
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
    for name in ("peer.js", "load.js", "wire.js", "cases.js"):
        shutil.copy(HERE / "node" / name, folder)
    return ["node", folder / "peer.js", package]


def node_grpc_client(root):
    """rocketmq-client-nodejs, as node/grpc/package-lock.json pins it."""
    tool("node", "apt-get install nodejs npm")
    npm = tool("npm", "apt-get install nodejs npm")
    proxy(root)
    folder = root / "node-grpc"
    pins = [HERE / "node" / "grpc" / name for name in ("package.json", "package-lock.json", ".npmrc")]
    with once(folder, *pins) as needed:
        if needed:
            for path in pins:
                shutil.copy(path, folder)
            run([npm, "ci", "--omit=dev", "--ignore-scripts"], "npm ci of the Node.js client for gRPC", cwd=folder)
    for path in (HERE / "node" / "grpc" / "peer.js", HERE / "node" / "wire.js", HERE / "node" / "cases.js"):
        shutil.copy(path, folder)
    return ["node", folder / "peer.js"]


def pip_packages(folder, pins, imported, what, advice):
    """Those that a file of pins names, without what they depend on; checks that they can be imported. The folder's path."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0:
        raise Missing(f"{sys.executable} has no pip: apt-get install python3-pip")
    packages = folder / "packages"
    with once(folder, pins, sys.version) as needed:
        if needed:
            shutil.rmtree(packages, ignore_errors=True)
            run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
                 "--require-hashes", "--target", packages, "-r", pins], f"pip install of {what}", advice)
            run([sys.executable, "-c", imported], f"the import of {what}", advice,
                env=os.environ | {"PYTHONPATH": str(packages), "HOME": str(folder)})
    return packages


def python_grpc_client(root):
    """PyPI's rocketmq-python-client and what it needs, as python/grpc/requirements.txt pins them."""
    proxy(root)
    packages = pip_packages(root / "python-grpc", HERE / "python" / "grpc" / "requirements.txt", "import rocketmq",
                            "the Python client for gRPC", "its packages are for Python 3.11 on Linux, x86-64")
    return ["env", f"PYTHONPATH={packages}", sys.executable, HERE / "python" / "grpc" / "peer.py"]


def python_client(root):
    """PyPI's rocketmq, which carries Apache's C++ client 1.x, as python/requirements.txt pins it."""
    packages = pip_packages(root / "python", HERE / "python" / "requirements.txt", "import rocketmq.client", "the Python client",
                            "its library was made for Linux on x86-64")
    return ["env", f"PYTHONPATH={packages}", sys.executable, HERE / "python" / "peer.py"]


def own_program(name):
    """One of ours, which is a peer of Apache's servers."""
    try:
        return [program(name)]
    except RuntimeError as error:
        raise Missing(str(error)) from None


def cometctl():
    own_program("cometctl")
    return [sys.executable, HERE / "own" / "cometctl.py"]


def with_tls(command):
    """A client's command, if certificates can be made for its servers."""
    tool("openssl", "apt-get install openssl")
    return command


def own_network():
    tool("unshare", "apt-get install util-linux")
    if subprocess.run(["unshare", "--user", "--map-root-user", "--net", "true"], capture_output=True, check=False).returncode != 0:
        raise Missing("this system gives no network namespace of one's own (unshare --user --net fails), and Apache's servers "
                      "listen on all addresses")


def proxy(root):
    """The folder with the jars of Apache's proxy."""
    own_network()
    return jars(root / "proxy-5.5.0", "5.5.0", "proxy")


def apache_servers(root, version):
    """The folder with the jars of Apache's nameserver and broker."""
    own_network()
    artifacts = ["broker", "namesrv"] + (["acl"] if version.startswith("4.") else [])
    return jars(root / f"server-{version}", version, *artifacts)
