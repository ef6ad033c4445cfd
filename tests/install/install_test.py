#!/usr/bin/env python3
"""The installed tree is all that a user needs: the READMEs' programs are built against it and run."""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "support"))

from daemons import DaemonTest  # noqa: E402
from remoting import Client  # noqa: E402

OPTIONS = argparse.Namespace()


def first_program(readme):
    """The first C++ block of a README."""
    return re.search(r"```cpp\n(.*?)```", (ROOT / readme).read_text("utf-8"), re.S).group(1)


class Install(DaemonTest):
    def command(self, *arguments, **options):
        done = subprocess.run([str(one) for one in arguments], capture_output=True, text=True,
                              timeout=500, check=False, **options)
        self.assertEqual(0, done.returncode,
                         f"{' '.join(map(str, arguments))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    def test_the_programs_of_the_readmes_work_with_the_installed_tree(self):
        prefix, sources, build = (self.folder / name for name in ("prefix", "sources", "build"))
        self.command(OPTIONS.cmake, "--install", OPTIONS.build_dir, "--prefix", prefix)
        sources.mkdir()
        for name, readme in (("readme", "README.md"), ("readme_zh", "README.zh-CN.md")):
            (sources / f"{name}.cpp").write_text(first_program(readme), encoding="utf-8")

        self.command(OPTIONS.cmake, "-S", HERE, "-B", build, "-G", OPTIONS.generator,
                     f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={OPTIONS.compiler}",
                     f"-DCMAKE_BUILD_TYPE={OPTIONS.build_type}", f"-DSOURCES={sources}",
                     "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror -Wno-maybe-uninitialized")
        self.command(OPTIONS.cmake, "--build", build)

        for program in ("comet-namesrv", "comet-broker", "comet-standalone"):
            self.assertTrue(os.access(prefix / "bin" / program, os.X_OK), f"bin/{program} is installed")
        for text in prefix.rglob("*.cmake"):
            self.assertNotIn(str(ROOT), text.read_text("utf-8"), f"{text} names the source tree")

        os.environ["COMET_BIN"] = str(prefix / "bin")  # the daemons of the installed tree
        namesrv = self.start_namesrv()
        broker = self.start_broker(namesrv)
        for program in ("readme", "readme_zh"):
            self.assertIn("SEND_OK", self.command(build / program, namesrv.address))
        with Client(broker.port) as client:
            stored = [message for queue_id in range(4) for message in client.read_queue("orders", queue_id)]
        self.assertEqual([b'{"id": 1}'] * 2, [message.body for message in stored])
        self.assertEqual({("created", "1")}, {(message.properties["TAGS"], message.properties["KEYS"])
                                              for message in stored})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-dir", required=True)
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--generator", default="Ninja")
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--build-type", default="Release")
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
