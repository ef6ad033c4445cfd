#!/usr/bin/env python3
"""Puts the project's names into an inline namespace with the version, or takes them out again.

    tools/version_namespace.py --set v0_1     namespace comet {        ->  namespace comet::inline v0_1 {
                                              namespace comet::store { ->  namespace comet::inline v0_1::store {
    tools/version_namespace.py --remove       the way back
    tools/version_namespace.py --check        fails unless all files have the version of CMakeLists.txt

Rewrites every line that opens a namespace comet in C++ sources, and their closing comments. Two libraries of different
versions in one process then have different symbols; source code that says comet::Producer stays as it is.
"""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
OPENS = re.compile(r"^((?:\} *// *)?namespace comet)(::inline \w+)?((?:::\w+)*)( \{.*|;|)$", re.M)
VERSION = re.compile(r"v\d+_\d+$")


def sources():
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "*.cpp", "*.hpp"], capture_output=True, text=True, check=True)
    return [ROOT / name for name in names.stdout.split()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--set", metavar="VERSION", help="such as v0_1")
    action.add_argument("--remove", action="store_true")
    action.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.set and not VERSION.match(options.set):
        parser.error(f"{options.set} is no version such as v0_1")

    wanted = f"::inline {options.set}" if options.set else ""
    seen, changed = {}, 0
    for path in sources():
        text = path.read_text("utf-8")
        for match in OPENS.finditer(text):
            seen.setdefault(match.group(2) or "none", []).append(path)
        if options.check:
            continue
        new = OPENS.sub(lambda match: f"{match.group(1)}{wanted}{match.group(3)}{match.group(4)}", text)
        if new != text:
            path.write_text(new, "utf-8")
            changed += 1
    if options.check:
        version = re.search(r"project\(comet VERSION (\d+)\.(\d+)", (ROOT / "CMakeLists.txt").read_text("utf-8"))
        right = f"::inline v{version.group(1)}_{version.group(2)}"
        others = {namespace: paths for namespace, paths in seen.items() if namespace != right}
        for namespace, paths in others.items():
            print(f"{namespace}: {len(paths)} places, the first in {paths[0].relative_to(ROOT)}")
        if others:
            sys.exit(f"version_namespace: should be {right}; mend it with --set {right.split()[-1]}")
        return
    print(f"{changed} files changed")


if __name__ == "__main__":
    main()
