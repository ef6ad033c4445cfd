#pragma once
// What declarations of coroutines need of Asio, and no more.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace comet::inline v0_1 {

namespace asio = boost::asio;

}  // namespace comet::inline v0_1
