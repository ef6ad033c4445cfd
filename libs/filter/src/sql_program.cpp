#include "sql_program.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>

#include "comet/message/property_reader.hpp"

namespace comet::inline v0_1::filter {
namespace {

// Few enough for the stack; an expression that names more costs an allocation.
constexpr std::size_t kUsualProperties = 16;

// One bit of 64: most names that do not occur have none of those that do.
std::uint64_t sign_of(std::string_view name) noexcept {
  if (name.empty()) return 0;
  return std::uint64_t{1} << ((static_cast<unsigned char>(name[0]) + name.size() * 7) % 64);
}

SqlValue as_property(std::string_view text) noexcept {
  return text.data() == nullptr ? SqlValue() : SqlValue::of(text);
}

}  // namespace

std::uint32_t SqlFilter::Program::number_of(std::string_view name) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<std::uint32_t>(found - names_.begin());
  name_signs_ |= sign_of(name);
  names_.emplace_back(name);
  return static_cast<std::uint32_t>(names_.size() - 1);
}

bool SqlFilter::Program::matches(std::string_view message_properties) const {
  boost::container::small_vector<std::string_view, kUsualProperties> found(names_.size());
  find_properties(message_properties, {found.data(), found.size()});
  return evaluate(root, {found.data(), found.size()}).is_true();
}

void SqlFilter::Program::find_properties(std::string_view text,
                                         std::span<std::string_view> found) const noexcept {
  PropertyReader reader(text);
  std::string_view name, value;
  while (reader.next(name, value)) {
    if ((name_signs_ & sign_of(name)) == 0) continue;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name) {
        found[i] = value;
        break;
      }
    }
  }
}

SqlValue SqlFilter::Program::evaluate(std::uint32_t index, Properties properties) const noexcept {
  return evaluate(nodes[index], properties);
}

SqlValue SqlFilter::Program::evaluate(const SqlNode& node, Properties properties) const noexcept {
  switch (node.op) {
    case SqlOp::constant:
      return node.value;
    case SqlOp::property:
      return as_property(properties[node.right]);
    case SqlOp::never:
      return evaluate(node.left, properties).type == SqlType::null ? SqlValue()
                                                                   : SqlValue::of(false);
    case SqlOp::logical_not:
    case SqlOp::logical_and:
    case SqlOp::logical_or:
      return evaluate_logic(node, properties);
    case SqlOp::equal:
      return evaluate_equal(node, properties);
    case SqlOp::is_null: {
      const SqlValue value = evaluate(node.left, properties);
      return value.type == SqlType::failed ? value : SqlValue::of(value.type == SqlType::null);
    }
    case SqlOp::less:
    case SqlOp::less_equal:
    case SqlOp::greater:
    case SqlOp::greater_equal:
      return evaluate_order(node, properties);
    case SqlOp::between:
      return evaluate_between(node, properties);
    default:
      return evaluate_text(node, properties);
  }
}

// Three values: true, false and unknown (null).
SqlValue SqlFilter::Program::evaluate_logic(const SqlNode& first,
                                            Properties properties) const noexcept {
  if (first.op == SqlOp::logical_not) {
    const SqlValue operand = evaluate(first.left, properties);
    return operand.type == SqlType::boolean ? SqlValue::of(!operand.boolean) : operand;
  }
  const bool decisive = first.op == SqlOp::logical_or;  // the value that decides alone
  bool is_unknown = false;
  // A chain of ANDs or of ORs leans to the right; it is walked, lest a long one exhaust the stack.
  const SqlNode* node = &first;
  for (bool is_last = false; !is_last;) {
    is_last = node->op != first.op;
    const SqlValue operand =
        is_last ? evaluate(*node, properties) : evaluate(node->left, properties);
    if (operand.type == SqlType::failed) return operand;
    if (operand.type == SqlType::null)
      is_unknown = true;
    else if (operand.boolean == decisive)
      return operand;
    if (!is_last) node = &nodes[node->right];
  }
  return is_unknown ? SqlValue() : SqlValue::of(!decisive);
}

SqlValue SqlFilter::Program::evaluate_equal(const SqlNode& node,
                                            Properties properties) const noexcept {
  const SqlValue left = evaluate(node.left, properties);
  if (left.type == SqlType::failed) return left;
  const SqlValue right = evaluate(node.right, properties);
  if (right.type == SqlType::failed) return right;
  if (left.type == SqlType::null && right.type == SqlType::null) return SqlValue::of(true);
  if (left.type == SqlType::null) return {};
  if (right.type == SqlType::null) return SqlValue::of(false);
  if (left.type == SqlType::text && right.type == SqlType::text) {
    return SqlValue::of(left.text == right.text);
  }
  const std::optional<int> order = compare(left, right);
  if (order) return SqlValue::of(*order == 0);
  // A number is never equal to a truth value; text that is no number cannot be compared with one.
  const bool has_text = left.type == SqlType::text || right.type == SqlType::text;
  return has_text ? SqlValue::failure() : SqlValue::of(false);
}

SqlValue SqlFilter::Program::evaluate_order(const SqlNode& node,
                                            Properties properties) const noexcept {
  const SqlValue left = evaluate(node.left, properties);
  if (left.type == SqlType::null || left.type == SqlType::failed) return left;
  const SqlValue right = evaluate(node.right, properties);
  if (right.type == SqlType::null || right.type == SqlType::failed) return right;
  const std::optional<int> order = compare_order(left, right);
  if (!order) return SqlValue::failure();
  switch (node.op) {
    case SqlOp::less:
      return SqlValue::of(*order < 0);
    case SqlOp::less_equal:
      return SqlValue::of(*order <= 0);
    case SqlOp::greater:
      return SqlValue::of(*order > 0);
    default:
      return SqlValue::of(*order >= 0);
  }
}

SqlValue SqlFilter::Program::evaluate_between(const SqlNode& node,
                                              Properties properties) const noexcept {
  SqlValue value = evaluate(node.left, properties);
  if (value.type == SqlType::null || value.type == SqlType::failed) return value;
  if (value.type == SqlType::text) value = to_number(value.text);
  const SqlNode& bounds = nodes[node.right];
  const std::optional<int> low = compare_order(value, nodes[bounds.left].value);
  const std::optional<int> high = compare_order(value, nodes[bounds.right].value);
  return low && high ? SqlValue::of(*low >= 0 && *high <= 0) : SqlValue::failure();
}

SqlValue SqlFilter::Program::evaluate_text(const SqlNode& node,
                                           Properties properties) const noexcept {
  const SqlValue left = evaluate(node.left, properties);
  if (left.type == SqlType::failed) return left;
  if (node.op == SqlOp::in || node.op == SqlOp::not_in) {
    if (left.type != SqlType::text) return {};
    const std::vector<std::string>& list = lists[node.right];
    const bool found = std::binary_search(list.begin(), list.end(), left.text, std::less<>());
    return SqlValue::of(found == (node.op == SqlOp::in));
  }
  const std::string_view part = node.value.text;
  if (left.type != SqlType::text || part.empty()) return SqlValue::of(false);
  switch (node.op) {
    case SqlOp::contains:
      return SqlValue::of(left.text.find(part) != std::string_view::npos);
    case SqlOp::not_contains:
      return SqlValue::of(left.text.find(part) == std::string_view::npos);
    case SqlOp::starts_with:
      return SqlValue::of(left.text.starts_with(part));
    case SqlOp::not_starts_with:
      return SqlValue::of(!left.text.starts_with(part));
    case SqlOp::ends_with:
      return SqlValue::of(left.text.ends_with(part));
    default:
      return SqlValue::of(!left.text.ends_with(part));
  }
}

}  // namespace comet::inline v0_1::filter
