#!/usr/bin/env python3
"""The installed tree is all that a user needs: the READMEs' programs, CMake, pkg-config, archives and shared libraries,
beside a library with ordinary Asio. In CI each source is compiled once; COMET_INSTALL_ALL=1 (scripts/test --install)
compiles also every installed header alone and every C++ and CMake block of docs/embedding.md."""

import argparse
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "support"))

from daemons import DaemonTest  # noqa: E402
from remoting import Client  # noqa: E402

OPTIONS = argparse.Namespace()
EVERYTHING = os.environ.get("COMET_INSTALL_ALL") == "1"
WARNINGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-maybe-uninitialized"]


def blocks(document, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text("utf-8"), re.S)


def without_comments(program):
    return re.sub(r"\s*//.*", "", program)


def run(*arguments, check=True, **options):
    done = subprocess.run([str(one) for one in arguments], capture_output=True, text=True, timeout=500, check=False,
                          **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, arguments))}\nended with {done.returncode}\n{done.stdout[-4000:]}\n"
                             f"{done.stderr[-4000:]}")
    return done


class Install(DaemonTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.work = pathlib.Path(OPTIONS.build_dir).resolve() / "install-test"
        run("rm", "-rf", cls.work)
        cls.work.mkdir(parents=True)
        cls.prefixes = {kind: cls.work / kind for kind in ("static", "shared")}
        targets = ["producer_static", "producer_shared"]
        if EVERYTHING:
            targets += ["admin_static", "broker_static", "namesrv_static"]
        run(OPTIONS.cmake, "--build", OPTIONS.build_dir, "--target", *(f"comet_{target}" for target in targets))
        for kind, prefix in cls.prefixes.items():
            run(OPTIONS.cmake, "--install", OPTIONS.build_dir, "--prefix", prefix, "--component", kind)

    def pkg_config(self, kind, *arguments):
        prefix = self.prefixes[kind]
        environment = dict(os.environ, PKG_CONFIG_PATH=str(next(prefix.rglob("pkgconfig"))))
        return run("pkg-config", *arguments, "comet-producer", env=environment).stdout.split()

    def compile(self, source, *flags):
        compiled = self.work / f"{source.stem}{''.join(flags)}.o"
        if not compiled.exists():
            run(OPTIONS.compiler, *WARNINGS, *flags, *self.pkg_config("static", "--cflags"), "-c", source, "-o", compiled)
        return compiled

    def link(self, kind, name, *objects):
        """Objects in their order; '{ours}' stands for what pkg-config says."""
        ours = self.pkg_config(kind, "--libs")
        line = [part for one in objects for part in (ours if one == "{ours}" else [one])]
        run(OPTIONS.compiler, *line, f"-Wl,-rpath,{self.library_folder(kind)}", "-o", self.work / name)
        return self.work / name

    def library_folder(self, kind):
        return next(self.prefixes[kind].rglob("libcomet_producer.*")).parent

    def readme_program(self):
        source = self.work / "readme.cpp"
        source.write_text(blocks("README.md", "cpp")[0], encoding="utf-8")
        return source

    def start_cluster(self):
        namesrv = self.start_namesrv()
        return namesrv, self.start_broker(namesrv)

    def test_both_readmes_show_the_same_program_and_project(self):
        self.assertEqual(*(without_comments(blocks(readme, "cpp")[0]) for readme in ("README.md", "README.zh-CN.md")))
        self.assertEqual(*(blocks(readme, "cmake")[0] for readme in ("README.md", "README.zh-CN.md")))

    def test_the_readmes_program_built_by_the_readmes_project_sends(self):
        sources, build = self.folder / "sources", self.folder / "build"
        sources.mkdir()
        (sources / "main.cpp").write_text(blocks("README.md", "cpp")[0], encoding="utf-8")
        (sources / "CMakeLists.txt").write_text(blocks("README.md", "cmake")[0], encoding="utf-8")
        run(OPTIONS.cmake, "-S", sources, "-B", build, "-G", OPTIONS.generator,
            f"-DCMAKE_PREFIX_PATH={self.prefixes['static']}", f"-DCMAKE_CXX_COMPILER={OPTIONS.compiler}",
            f"-DCMAKE_BUILD_TYPE={OPTIONS.build_type}", f"-DCMAKE_CXX_FLAGS={' '.join(WARNINGS)}")
        run(OPTIONS.cmake, "--build", build)

        namesrv, broker = self.start_cluster()
        self.assertIn("SEND_OK", run(build / "my_program", namesrv.address).stdout)
        with Client(broker.port) as client:
            stored = [message for queue_id in range(4) for message in client.read_queue("orders", queue_id)]
        self.assertEqual([b'{"id": 1}'], [message.body for message in stored])
        self.assertEqual([("created", "1")], [(message.properties["TAGS"], message.properties["KEYS"])
                                              for message in stored])

    def test_the_readmes_program_says_in_one_line_that_no_name_server_answers(self):
        program = self.link("static", "readme", self.compile(self.readme_program(), "-O0"), "{ours}")
        with socket.socket() as closed:  # bound and not listening: nobody else gets the port
            closed.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{closed.getsockname()[1]}"
            done = run(program, address, check=False)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertEqual("", done.stdout)
        own = [line for line in done.stderr.splitlines() if not re.match(r"\d{4}-\d\d-\d\d ", line)]
        self.assertEqual(1, len(own), done.stderr)
        self.assertIn(address, own[0])

    def test_programs_without_any_definition_send_beside_a_library_with_ordinary_asio(self):
        """Optimisation of the program, of the library, their order in the link, archives and shared libraries."""
        namesrv, _ = self.start_cluster()
        for kind in self.prefixes:
            for program_flag in ("-O0", "-O2"):
                for foreign_flag in ("-O0", "-O2"):
                    program = self.compile(HERE / "beside_foreign.cpp", program_flag)
                    library = self.work / f"libforeign{foreign_flag}.a"
                    if not library.exists():
                        run("ar", "rcs", library, self.compile(HERE / "foreign.cpp", foreign_flag))
                    for order in ([program, library, "{ours}"], [program, "{ours}", library]):
                        with self.subTest(kind=kind, program=program_flag, foreign=foreign_flag, ours_last=order[-1] == "{ours}"):
                            linked = self.link(kind, "beside", *order)
                            for threads in (1, 4):
                                self.assertEqual("foreign 13800 13800, sent 300\n",
                                                 run(linked, namesrv.address, threads).stdout)

    def test_neither_link_line_names_fmt_spdlog_or_prometheus_and_neither_defines_a_macro(self):
        for kind in self.prefixes:
            flags = self.pkg_config(kind, "--cflags", "--libs")
            self.assertFalse([flag for flag in flags if re.match("-D|-l(fmt|spdlog|prometheus|curl)", flag)], flags)
        self.assertEqual(["-lcomet_producer"], [flag for flag in self.pkg_config("shared", "--libs") if flag.startswith("-l")])

    def test_the_shared_library_shows_its_interface_and_asio_and_nothing_else(self):
        library = self.library_folder("shared") / "libcomet_producer.so"
        dynamic = run("readelf", "-d", library).stdout
        version = re.search(r"project\(comet VERSION (\d+\.\d+)", (ROOT / "CMakeLists.txt").read_text("utf-8")).group(1)
        self.assertIn(f"Library soname: [libcomet_producer.so.{version}]", dynamic)
        self.assertNotRegex(dynamic, "NEEDED.*(fmt|spdlog|prometheus)")
        shown = [line.split(maxsplit=2)[2] for line in run("nm", "-DC", "--defined-only", library).stdout.splitlines()]
        own = re.compile(r"(.* for )?(comet|boost::asio)::|COMET_")
        self.assertFalse([name for name in shown if not own.match(name)][:10])

    def test_a_missing_dependency_is_named_with_its_debian_package(self):
        sources = self.folder / "sources"
        sources.mkdir()
        (sources / "CMakeLists.txt").write_text(blocks("README.md", "cmake")[0], encoding="utf-8")
        (sources / "main.cpp").write_text("int main() {}\n", encoding="utf-8")
        done = run(OPTIONS.cmake, "-S", sources, "-B", self.folder / "build", "-G", OPTIONS.generator,
                   f"-DCMAKE_PREFIX_PATH={self.prefixes['static']}", f"-DCMAKE_CXX_COMPILER={OPTIONS.compiler}",
                   "-DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_Zstd=ON", check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertRegex(" ".join(done.stderr.split()), r"ZLIB \(Debian: zlib1g-dev\), Zstd \(Debian: libzstd-dev\)")

    def test_a_component_that_was_not_built_is_named_with_its_target(self):
        prefix = self.folder / "without_admin"
        shutil.copytree(self.prefixes["static"], prefix)
        for library in prefix.rglob("libcomet_admin.*"):
            library.unlink()
        sources = self.folder / "sources"
        sources.mkdir()
        (sources / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(app CXX)\n"
            "find_package(comet 0.1 CONFIG REQUIRED COMPONENTS producer admin)\n", encoding="utf-8")
        done = run(OPTIONS.cmake, "-S", sources, "-B", self.folder / "build", "-G", OPTIONS.generator,
                   f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={OPTIONS.compiler}", check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertRegex(" ".join(done.stderr.split()),
                         "libcomet_admin was not built .* --target comet_admin_static, then cmake --install")

    def test_nothing_that_is_installed_names_the_source_tree_and_the_licence_is_there(self):
        for prefix in self.prefixes.values():
            for folder in ("cmake", "pkgconfig"):
                for text in next(prefix.rglob(folder)).rglob("*.*"):
                    if text.is_file():
                        self.assertNotIn(str(ROOT), text.read_text("utf-8"), f"{text} names the source tree")
            self.assertTrue(list(prefix.rglob("LICENSE")))

    @unittest.skipUnless(EVERYTHING, "COMET_INSTALL_ALL=1 compiles every header and block")
    def test_every_installed_header_compiles_alone(self):
        include = self.prefixes["static"] / "include"
        source = self.work / "one_header.cpp"
        for header in sorted(include.rglob("*.hpp")):
            name = str(header.relative_to(include))
            with self.subTest(header=name):
                source.write_text(f"#include <{name}>\n", encoding="utf-8")
                run(OPTIONS.compiler, *WARNINGS, "-fsyntax-only", f"-I{include}", source)

    @unittest.skipUnless(EVERYTHING, "COMET_INSTALL_ALL=1 compiles every header and block")
    def test_a_program_with_a_broker_of_its_own_sends_to_it(self):
        sources, build = self.folder / "sources", self.folder / "build"
        sources.mkdir()
        (sources / "main.cpp").write_text(blocks("docs/embedding.md", "cpp")[1], encoding="utf-8")
        project = blocks("README.md", "cmake")[0]
        project = project.replace("COMPONENTS producer", "COMPONENTS producer broker namesrv")
        project = project.replace("PRIVATE comet::producer", "PRIVATE comet::producer comet::broker comet::namesrv")
        (sources / "CMakeLists.txt").write_text(project, encoding="utf-8")
        run(OPTIONS.cmake, "-S", sources, "-B", build, "-G", OPTIONS.generator,
            f"-DCMAKE_PREFIX_PATH={self.prefixes['static']}", f"-DCMAKE_CXX_COMPILER={OPTIONS.compiler}",
            f"-DCMAKE_CXX_FLAGS={' '.join(WARNINGS)}")
        run(OPTIONS.cmake, "--build", build)
        self.assertIn("SEND_OK", run(build / "my_program", self.folder / "data").stdout)

    @unittest.skipUnless(EVERYTHING, "COMET_INSTALL_ALL=1 compiles every header and block")
    def test_the_blocks_of_the_page_on_embedding_work(self):
        source = self.work / "log_sink.cpp"
        source.write_text(blocks("docs/embedding.md", "cpp")[0], encoding="utf-8")
        run(self.link("static", "log_sink", self.compile(source, "-O0"), "{ours}"))

        sources, build = self.folder / "sources", self.folder / "build"
        sources.mkdir()
        (sources / "main.cpp").write_text(blocks("README.md", "cpp")[0], encoding="utf-8")
        project = blocks("docs/embedding.md", "cmake")[0].replace("/path/to/comet", str(ROOT))
        (sources / "CMakeLists.txt").write_text(project, encoding="utf-8")
        run(OPTIONS.cmake, "-S", sources, "-B", build, "-G", OPTIONS.generator, f"-DCMAKE_CXX_COMPILER={OPTIONS.compiler}",
            "-DCOMET_UNITY=ON", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0")
        run(OPTIONS.cmake, "--build", build)
        built = {path.name for path in build.rglob("libcomet_*.a")}
        self.assertEqual({f"libcomet_{name}.a" for name in ("base", "message", "remoting", "routing", "client", "producer")},
                         built)
        namesrv, _ = self.start_cluster()
        self.assertIn("SEND_OK", run(build / "my_program", namesrv.address).stdout)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-dir", required=True)
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--generator", default="Ninja")
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--build-type", default="Release")
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
