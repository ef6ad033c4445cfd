#pragma once
// What a thread does in one go, and what is better done once at its end: one write for all records,
// one system call for all answers. Where there is no burst, the same is posted.

#include <boost/asio/any_io_executor.hpp>
#include <memory>

namespace comet::inline v0_1 {

namespace asio = boost::asio;

// Stands in a function that an executor runs, and works for what is called below it in that thread.
// A burst within a burst is part of the outer one.
class Burst {
 public:
  // What can be put off. It is put off or posted again only after its turn has come.
  class Work {
   public:
    virtual ~Work() = default;
    // Its turn. What it throws passes on to whoever runs the executor, as if it had been posted.
    virtual void run_in_turn(const asio::any_io_executor& executor) = 0;
    // There have been turns enough in this burst: it has to be posted.
    virtual void post_turn(const asio::any_io_executor& executor) = 0;
  };

  // `executor` runs the caller, and outlives the burst.
  explicit Burst(const asio::any_io_executor& executor) noexcept;
  Burst(const Burst&) = delete;
  Burst& operator=(const Burst&) = delete;
  // Gives what was put off its turn, in this order; then what that has put off, a few times. Ends
  // the program when there is no memory to post what is left, or an exception.
  ~Burst();

  // False: the thread is in no burst of this executor.
  [[nodiscard]] static bool put_off(const asio::any_io_executor& executor,
                                    std::shared_ptr<Work> work);
  // Whether it waits for the end of this thread's burst.
  [[nodiscard]] static bool has(const Work& work) noexcept;

 private:
  const asio::any_io_executor& executor_;
  const bool is_outer_;
};

}  // namespace comet::inline v0_1
