#!/usr/bin/env python3
"""Installs the npm packages of the lock file into tests/interop/node_modules, once.

A ctest fixture of the interop tests. The lock file pins each package by its hash and names no
registry; npm asks the one that it is configured for.
"""

import fcntl
import hashlib
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


def main():
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is not installed: run scripts/install-packages --tests")
    want = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    modules = HERE / "node_modules"
    stamp = modules / ".comet-lock-sha256"
    with open(HERE / ".install.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two presets may be tested at the same time
        if stamp.exists() and stamp.read_text() == want:
            print("ali-ons is installed")
            return
        for attempt in range(1, 3):
            done = subprocess.run(["npm", "ci", "--omit=dev", "--ignore-scripts"], cwd=HERE, check=False)
            if done.returncode == 0:
                stamp.write_text(want)
                print("installed ali-ons and its dependencies")
                return
            time.sleep(3 * attempt)
    sys.exit("npm could not install ali-ons (see above): is the package registry reachable?")


if __name__ == "__main__":
    main()
