#pragma once
// The command line of every program: the same words for what is wrong, the same exit codes.

#include <boost/program_options.hpp>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace comet::inline v0_1::program {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;  // what was asked for could not be done
inline constexpr int kUsage = 2;   // the command line or the configuration makes no sense

// The command line makes no sense; what() says why. Ends with kUsage.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using Options = boost::program_options::options_description;

// Throw UsageError: "--namesrv-port -1: must be a whole number from 0 to 65535". Boost would take
// it for 65535, so numbers are declared as text (see number_option) and read here.
[[nodiscard]] std::int64_t parse_number(std::string_view name, std::string_view text,
                                        std::int64_t least, std::int64_t most);
[[nodiscard]] double parse_real(std::string_view name, std::string_view text, double least,
                                double most);

// For Options: a number that CommandLine::number() reads.
[[nodiscard]] boost::program_options::typed_value<std::string>* number_option(
    std::int64_t otherwise);

// What was given. Options are not guessed from their beginnings.
class CommandLine {
 public:
  // Throws UsageError, also for arguments that stand behind no option.
  CommandLine(int argc, const char* const* argv, const Options& options);
  // The same with words that stand for themselves: `most` of them at the most.
  CommandLine(int argc, const char* const* argv, const Options& options, std::size_t most_words);

  [[nodiscard]] bool has(const std::string& option) const { return values_.contains(option); }
  // Given, or its default. Throws UsageError when it is empty: a variable of a script that has not
  // been set. Precondition: has(option).
  [[nodiscard]] const std::string& text(const std::string& option) const;
  [[nodiscard]] std::string text_or(const std::string& option, std::string otherwise) const;
  // Both throw UsageError naming option, value and range.
  [[nodiscard]] std::int64_t number(const std::string& option, std::int64_t least,
                                    std::int64_t most) const;
  [[nodiscard]] double real(const std::string& option, double least, double most) const;
  // Of an option that was declared with another type than text. Precondition: has(option).
  template <class T>
  [[nodiscard]] const T& as(const std::string& option) const {
    return values_[option].as<T>();
  }
  [[nodiscard]] const std::vector<std::string>& words() const noexcept { return words_; }

 private:
  boost::program_options::variables_map values_;
  std::vector<std::string> words_;
};

// Runs `body` and turns what it throws into lines on stderr and an exit code: UsageError ends with
// kUsage, comet::Error with `code_of_errors`, others with kFailed. A daemon's errors are its
// configuration's (kUsage), since daemon::run() handles those of the start.
int run(std::string_view program, const std::function<int()>& body, int code_of_errors = kFailed);

// A program whose life is one function of its command line; its errors end with kUsage.
int run(std::string_view program, const Options& options,
        int (*act)(const CommandLine& given, const Options& options), int argc,
        const char* const* argv);

// One line of stderr, with the program's name, for each line of the text.
void complain(std::string_view program, std::string_view text);

}  // namespace comet::inline v0_1::program
