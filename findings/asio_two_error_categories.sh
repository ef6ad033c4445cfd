#!/usr/bin/env bash
# Boost.Asio 1.81, g++ 12 (Debian 12): a library built with BOOST_ASIO_SEPARATE_COMPILATION and a program that
# includes Asio header-only link without a word, and at -O0 all is well. From -O1 on the program holds a second object of
# Asio's misc category: the end of file that the library returns is not equal to the program's asio::error::eof,
# although category name, value and message are the same.
# Why it matters: a library that ships a compiled Asio must hand the macro to its users (as a PUBLIC definition), and
# a debug build does not show the fault.
source "$(dirname "$0")/common.sh"
need g++ ar
debian libboost1.81-dev
echo "g++ $(g++ -dumpfullversion)"

cd "$work"
cat >library.cpp <<'CPP'
#define BOOST_ASIO_SEPARATE_COMPILATION
#include <boost/asio/error.hpp>
#include <boost/asio/impl/src.hpp>
boost::system::error_code end_of_stream() { return boost::asio::error::eof; }
CPP
cat >program.cpp <<'CPP'
#include <boost/asio/error.hpp>
#include <iostream>
boost::system::error_code end_of_stream();
int main() {
    boost::system::error_code const ours = boost::asio::error::eof;
    auto const theirs = end_of_stream();
    bool const same_text = ours.message() == theirs.message() && ours.value() == theirs.value()
        && std::string(ours.category().name()) == theirs.category().name();
    std::cout << "text " << (same_text ? "same" : "differs") << ", code " << (ours == theirs ? "equal" : "not equal") << '\n';
}
CPP
g++ -std=c++20 -O1 -c library.cpp
ar rcs liblibrary.a library.o

compare() {
    g++ -std=c++20 "$@" program.cpp -o program -L. -llibrary -pthread
    ./program
}
expect "program header-only, -O0" "text same, code equal" "text same, code equal" "$(compare -O0)"
expect "program header-only, -O1" "text same, code equal" "text same, code not equal" "$(compare -O1)"
expect "program header-only, -O2" "text same, code equal" "text same, code not equal" "$(compare -O2)"
expect "program with the library's macro, -O2" "text same, code equal" "text same, code equal" \
    "$(compare -O2 -DBOOST_ASIO_SEPARATE_COMPILATION)"
finish
