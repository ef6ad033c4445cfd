#pragma once
// A library of somebody else, with ordinary Asio: header-only, no macros.

namespace foreign {

// Echo over loopback, timers, coroutines and a thread pool. The number of bytes and tasks; anything
// else is a fault, also a code of Asio's that is not equal to itself.
int work();
constexpr int kWork = 200 * 64 + 1000;

}  // namespace foreign
