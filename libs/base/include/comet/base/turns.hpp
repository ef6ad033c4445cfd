#pragma once
// What is due at about the same time on one executor, done one after the other by one posted
// function, or at the end of the burst (burst.hpp): no allocation for each.

#include <boost/asio/any_io_executor.hpp>
#include <boost/intrusive/list.hpp>
#include <memory>

namespace comet::inline v0_1 {

namespace asio = boost::asio;

// Not thread-safe: items are added where the executor runs, or where nobody else adds any.
class Turns {
 public:
  // Whoever has added one keeps it until its turn; destroyed before, it has none.
  class Item : public boost::intrusive::list_base_hook<
                   boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
   public:
    Item() = default;
    Item(const Item&) = delete;
    Item& operator=(const Item&) = delete;

   protected:
    ~Item() = default;

   private:
    friend class Turns;
    // What it throws passes on to whoever runs the executor; the others get another turn.
    virtual void take_turn() = 0;
    // There will be no turn: the execution context goes away.
    virtual void drop() noexcept = 0;
  };

  explicit Turns(asio::any_io_executor executor);

  // What is added during a turn gets the next one. Precondition: it does not wait for one.
  void add(Item& item) const;

 private:
  class State;
  class Turn;
  std::shared_ptr<State> state_;
};

}  // namespace comet::inline v0_1
