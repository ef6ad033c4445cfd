// Asio's functions, compiled once for our own sources (BOOST_ASIO_SEPARATE_COMPILATION in
// CometBuild.cmake). They are emitted as what a program with header-only Asio emits itself: weak,
// with the same function-local statics. With Asio's default here (strong functions, private
// statics) a program would have two of each error category, and `code == asio::error::eof` would be
// false in every object file that had its own inlined.
#ifndef __clang__
#define BOOST_ASIO_DECL inline __attribute__((used))
#else
// clang passes over `used` at a member's declaration in its class, as Asio has it. Weak functions
// do, as long as no code with header-only Asio is linked.
#define BOOST_ASIO_DECL __attribute__((weak))
#endif
#include <boost/asio/impl/src.hpp>
