#!/usr/bin/env python3
"""Finds the statements that g++ 12 miscompiles in coroutines (GCC bug 107288 and its family).

In a full expression with co_await or co_yield, g++ 12 destroys temporaries of aggregate type and of
capturing lambdas twice, and it rejects or miscompiles initializer lists. This check flags, in each
statement that has a co_await, co_yield or co_return of its own:

  lambda     a lambda literal that captures by value        co_await run([name] { ... });
  aggregate  a braced temporary of a type that has no        co_await send(Options{.tries = 3});
             constructor of its own, as far as is known
  braces     a braced list without a type                    co_await send({"a", "b"});
  conditional  ?: beside a co_await, whose object of a class   auto r = a ? co_await f() : co_await g();
             is destroyed twice (numbers are safe: lint: ok)

and, in a coroutine whose body declares nothing at all (no variable, not in any block, no parameter
of a catch), which g++ 12.2 compiles to one that crashes or has a wrong `this`, at any level:

  bare       an awaited condition of if, while or switch     if (co_await ok()) co_return;

The remedy is always the same: give the value a name in a statement of its own. A line with the
comment `// lint: ok` is accepted; say there why it is safe.

  tools/lint_coroutines.py [FILE or FOLDER...]     default: libs apps examples tests
  tools/lint_coroutines.py --self-test             checks the check
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
AWAITS = re.compile(r"\b(co_await|co_yield|co_return)\b")
WORD = r"[A-Za-z_]\w*"
CONDITION = re.compile(r"\b(?:if|while|switch)\s*\(")
# A variable, as far as its form tells: a type, a name, and what begins or ends a declarator.
NO_TYPE = r"(?:return|co_return|co_await|co_yield|throw|delete|new|else|case|default|goto|using|typedef|static_assert|do)\b"
DECLARATION = re.compile(
    rf"(?:^|[;{{}}(:]|\belse\b)\s*(?!{NO_TYPE})(?:(?:const|constexpr|static|volatile)\s+)*"
    rf"(?:auto\s*&{{0,2}}\s*\[|[A-Za-z_]\w*(?:::\w+)*(?:<[^;{{}}]*>)?(?:::\w+)*(?:\s+const)?(?:\s*[&*]+\s*|\s+){WORD}\s*(?:=(?!=)|;|\(|\{{|:(?!:)|\)|\[))")
# Types without a destructor to run twice; braces around them are harmless.
TRIVIAL = {
    "bool", "char", "int", "unsigned", "long", "short", "float", "double", "size_t", "ptrdiff_t",
    "int8_t", "int16_t", "int32_t", "int64_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t",
    "Duration", "Instant", "nanoseconds", "microseconds", "milliseconds", "seconds", "minutes",
    "hours", "string_view", "span", "error_code", "use_awaitable_t", "as_tuple_t",
    "deferred_t", "redirect_error_t",
}
# Classes of the standard library and Boost that have constructors.
WITH_CONSTRUCTORS = {
    "string", "vector", "map", "set", "unordered_map", "unordered_set", "deque", "list", "optional",
    "unique_ptr", "shared_ptr", "weak_ptr", "function", "pair", "tuple", "system_error",
    "runtime_error", "logic_error", "thread", "unique_lock", "lock_guard", "steady_timer",
    "endpoint", "path", "Error",
}


def blank(text):
    """The text with comments and the contents of literals replaced by spaces, line breaks kept."""
    pattern = re.compile(
        r'//(?:[^\n\\]|\\.|\\\n)*|/\*.*?\*/|R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)"'
        r'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\'', re.S)

    def replace(match):
        found = match.group(0)
        if found[0] == "'" and match.start() and re.match(r"[0-9a-fA-F]", text[match.start() - 1]):
            return found  # a digit separator, not a character
        keep = found[0] if found[0] in "\"'" else " "
        end = keep if keep != " " else " "
        inner = re.sub(r"[^\n]", " ", found[1:-1])
        return keep + inner + end

    without = re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "_", text)  # 1'000 -> 1_000
    text = without
    code = pattern.sub(replace, text)
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                  code, flags=re.M | re.S)


def matching(code):
    """For each bracket its partner, both ways."""
    partner, stack = {}, []
    for at, char in enumerate(code):
        if char in "([{":
            stack.append(at)
        elif char in ")]}" and stack:
            partner[at] = stack.pop()
            partner[partner[at]] = at
    return partner


def is_block(code, at, partner):
    """Whether the brace at `at` opens statements or declarations, rather than an initializer."""
    before = code[:at].rstrip()
    if not before or before[-1] in ";{}:" and not before.endswith("::"):
        return True
    if before[-1] == ")":  # if (...) {, f(...) {, [](...) {; but also: member(...) : a(1) {
        return True
    if before[-1] == "]":  # a lambda without parameters; else an array of known size
        opened = partner.get(len(before) - 1)
        return opened is not None and is_lambda(code, opened, partner)
    if re.search(r"\b(else|do|try|const|noexcept|override|final|mutable|extern ?\" *\")$", before):
        return True
    line = re.search(r"[^;{}]*$", before).group(0)
    if re.search(r"\)\s*(?:const|noexcept|mutable|&|\s)*->\s*[^;{}=]*$", line):
        return True
    if re.search(r"\]\s*->\s*[^;{}=]*$", line):
        return True
    return bool(re.search(r"\b(namespace|struct|class|enum|union)\b[^=()]*$", line))


def is_lambda(code, at, partner):
    """Whether the [ at `at` introduces a lambda."""
    before = code[:at].rstrip()
    after = code[at + 1:].lstrip()
    if after.startswith("[") or before.endswith("["):
        return False  # an attribute
    if re.search(r"\bauto\s*&{0,2}$", before):
        return False  # a structured binding
    if re.search(r"\b(return|co_return|co_await|co_yield|case|else|delete)$", before):
        return not before.endswith("delete")
    return not before or not re.search(r"[\w)\]>]$", before)


def statement_around(code, at, partner):
    """(start, end) of the full expression or statement that holds position `at`."""
    start = at - 1
    while start >= 0:
        char = code[start]
        if char == ";":
            break
        if char in ")]":
            start = partner.get(start, start)
        elif char == "}":
            opened = partner.get(start)
            if opened is None or is_block(code, opened, partner) and not inside_expression(code, opened, partner):
                break
            start = opened
        elif char == "{" and is_block(code, start, partner):
            break
        elif char == "(" and re.search(r"\b(if|while|for|switch)(\s+constexpr)?\s*$", code[:start]):
            break
        elif char == ":" and is_range_colon(code, start, partner):
            break
        start -= 1
    end = at
    while end < len(code):
        char = code[end]
        if char == ";":
            break
        if char in "([{" and end in partner:
            if char == "{" and is_block(code, end, partner) and not inside_expression(code, end, partner):
                break
            end = partner[end]
        elif char in "}":
            if end in partner and is_block(code, partner[end], partner):
                break
        elif char == ")" and end in partner:
            if re.search(r"\b(if|while|for|switch)(\s+constexpr)?\s*$", code[:partner[end]]):
                break
        end += 1
    return start + 1, end


def is_range_colon(code, at, partner):
    """`for (auto& item : expression)`: the expression stands alone."""
    if code[at - 1] == ":" or code[at + 1:at + 2] == ":":
        return False
    depth = 0
    for back in range(at - 1, -1, -1):
        if code[back] in ")]}":
            depth += 1
        elif code[back] in "([{":
            if depth == 0:
                return bool(re.search(r"\bfor\s*$", code[:back]))
            depth -= 1
        elif code[back] in ";?" and depth == 0:
            return False
    return False


def inside_expression(code, brace, partner):
    """Whether the block opened at `brace` is a lambda's body, which is part of an expression."""
    before = code[:brace].rstrip()
    line = re.sub(r"\s*->\s*[^;{}=]*$", "", before)
    line = re.sub(r"(\s|\b(mutable|noexcept|const)\b)*$", "", line)
    if line.endswith(")"):
        opened = partner.get(len(line) - 1)
        if opened is None:
            return False
        line = code[:opened].rstrip()
    if line.endswith("]"):
        opened = partner.get(len(line) - 1)
        return opened is not None and is_lambda(code, opened, partner)
    return False


def own_text(code, start, end, partner):
    """The statement with the bodies of its lambdas blanked: what they await is their own affair."""
    text = list(code[start:end])
    at = start
    while at < end:
        if code[at] == "{" and at in partner and is_block(code, at, partner):
            for inner in range(at + 1, partner[at]):
                if inner - start < len(text) and text[inner - start] != "\n":
                    text[inner - start] = " "
            at = partner[at]
        at += 1
    return "".join(text)


def captures_by_value(captures):
    for capture in filter(None, (one.strip() for one in captures.split(","))):
        if capture not in ("this", "&") and not re.fullmatch(r"&\s*\w+", capture):
            return True
    return False


def problems_in_statement(code, start, end, partner, constructed):
    text = own_text(code, start, end, partner)
    if "?" in text and re.search(r"\bco_(await|yield)\b", text):
        yield start + text.index("?"), "conditional", "?: in a statement that awaits; use if and else"
    for at in range(start, end):
        if text[at - start] == " ":
            continue
        char = code[at]
        if char == "[" and at in partner and is_lambda(code, at, partner):
            if captures_by_value(code[at + 1:partner[at]]):
                yield at, "lambda", "a lambda that captures by value; name it in a statement before"
        elif char == "{" and at in partner and not is_block(code, at, partner):
            inner = code[at + 1:partner[at]].strip()
            before = code[start:at].rstrip()
            name = re.search(rf"({WORD})\s*(<[^;{{}}]*>)?$", before)
            if name and name.group(1) not in ("return", "co_return", "co_yield", "co_await"):
                kind = name.group(1)
                head = before[:name.start()]
                declaration = re.search(rf"({WORD}|[>&*])\s+$", head) and not re.search(
                    r"\b(return|co_return|co_yield|co_await|else|throw|new)\s+$", head)
                if declaration:
                    if AWAITS.search(inner):
                        yield at, "aggregate", f"'{kind}' is initialised in braces with what is awaited; use = or ()"
                elif kind not in TRIVIAL and kind not in constructed:
                    yield at, "aggregate", f"a temporary {kind}{{...}}; name it in a statement before"
            elif inner or not re.search(r"\bco_return$", before):
                if inner or not before.endswith("="):
                    yield at, "braces", "a braced list; name the value in a statement before"


def find_constructed(codes):
    """Names of classes in these texts that declare a constructor."""
    found = set(WITH_CONSTRUCTORS)
    for code in codes:
        partner = matching(code)
        for match in re.finditer(rf"\b(?:struct|class)\s+(?:\[\[[^\]]*\]\]\s*)?({WORD})[^;{{}}()=]*\{{", code):
            end = partner.get(match.end() - 1)
            if end is None:
                continue
            body = code[match.end():end]
            if re.search(rf"(?<![\w~.:>]){match.group(1)}\s*\((?!\s*\))", body):
                found.add(match.group(1))
        found |= set(re.findall(rf"\benum\s+(?:class\s+)?({WORD})", code))
    return found


def function_around(code, at, partner):
    """(start, end) of the body of the function or lambda that holds position `at`; None: none."""
    start = at
    while True:
        depth = 0
        start -= 1
        while start >= 0 and (code[start] != "{" or depth):
            if code[start] == "}":
                depth += 1
            elif code[start] == "{":
                depth -= 1
            start -= 1
        if start < 0 or start not in partner:
            return None
        before = code[:start].rstrip()
        if before.endswith(")"):
            opened = partner.get(len(before) - 1)
            word = re.search(rf"({WORD})\s*$", code[:opened]) if opened is not None else None
            if word and word.group(1) in ("if", "while", "for", "switch", "catch", "constexpr"):
                continue
        elif not before or before[-1] in ";{}:" or re.search(r"\b(else|do|try)$", before):
            if not before.endswith("::"):
                continue
        return start, partner[start]


def bare_conditions(code, partner):
    """Where awaited conditions are in coroutines that declare nothing."""
    for match in CONDITION.finditer(code):
        end = partner.get(match.end() - 1)
        if end is None or "co_await" not in own_text(code, match.end(), end, partner):
            continue
        body = function_around(code, match.start(), partner)
        if body is not None and not DECLARATION.search(code, body[0], body[1]):
            yield match.start()


def check(path, text, constructed):
    code = blank(text)
    partner = matching(code)
    lines = text.split("\n")
    seen = set()
    for at in bare_conditions(code, partner):
        line = code.count("\n", 0, at)
        if "lint: ok" not in lines[line]:
            yield f"{path}:{line + 1}: bare: an awaited condition in a coroutine without a variable; name the condition"
    for match in AWAITS.finditer(code):
        start, end = statement_around(code, match.start(), partner)
        if start in seen:
            continue
        seen.add(start)
        first = code.count("\n", 0, start + len(code[start:end]) - len(code[start:end].lstrip()))
        last = code.count("\n", 0, end)
        if any("lint: ok" in line for line in lines[first:last + 1]):
            continue
        for at, kind, what in problems_in_statement(code, start, end, partner, constructed):
            yield f"{path}:{code.count(chr(10), 0, at) + 1}: {kind}: {what}"


def files_of(arguments):
    for argument in arguments:
        path = pathlib.Path(argument)
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*")
                              if one.suffix in (".cpp", ".hpp", ".h", ".ipp") and one.is_file())
        elif path.exists():
            yield path


BAD = [
    ("aggregate", 'co_await send(Agg{.topic = "t"});'),
    ("aggregate", "co_await send(queue, Agg{1, 2}, deadline);"),
    ("aggregate", "auto result = co_await async_x(ns::Agg{a}, use_awaitable);"),
    ("aggregate", "Agg value{x, co_await g()};"),
    ("aggregate", "co_return Agg{.b = co_await g()};"),
    ("aggregate", "list.push_back(Agg{x, co_await g()});"),
    ("aggregate", "if (co_await send(Agg{1})) { stop(); }"),
    ("aggregate", "co_await send(Agg{});"),
    ("aggregate", "co_await send(Box<int>{1});"),
    ("lambda", "co_await asio::co_spawn(ex, [name] { work(name); }, asio::use_awaitable);"),
    ("lambda", "co_await run([=] { return 1; });"),
    ("lambda", "asio::co_spawn(co_await asio::this_coro::executor, [t = std::move(t)]() -> asio::awaitable<void> { co_return; }, done);"),
    ("lambda", "co_await run([self, this](int x) mutable { use(x); });"),
    ("braces", 'co_await f({"a", "b"});'),
    ("braces", "co_await f(x, {1, 2});"),
    ("braces", "co_return {a, b};"),
    ("braces", "co_yield {a, b};"),
    ("lambda", "auto run = [&]() -> asio::awaitable<void> { co_await go([v] { use(v); }); };"),
    ("braces", "for (auto& x : co_await list({1, 2})) { use(x); }"),
    ("aggregate", "while (co_await more(Agg{2})) { go(); }"),
    ("conditional", "auto text = now ? co_await read() : co_await wait();"),
    ("conditional", "co_await send(now ? a : b);"),
    ("bare", "if (co_await is_open(x)) co_return; throw Error(code);"),
    ("bare", "if (!co_await is_open()) { co_return; } throw Error(code);"),
    ("bare", "if (co_await is_open()) co_return; close();"),
    ("bare", "this->set(1); while (co_await more()) { go(); }"),
    ("bare", "for (;;) { if (!co_await connection_->fill()) co_return; }"),
    ("bare", "do { go(); } while (co_await more());"),
    ("bare", "switch (co_await kind()) { case 1: go(); break; default: co_return; }"),
    ("bare", "try { if (co_await is_open()) co_return; } catch (...) { close(); }"),
    ("bare", "if (size_ > 3 && !co_await send(std::string(text_))) { is_ = true; co_return; }"),
    ("bare", "static_assert(true); if (x == y) { if (co_await is_open()) co_return; }"),
]
GOOD = [
    "Agg options{.tries = 3}; co_await send(options);",
    'co_await send(Message("t", "b").tag("x"));',
    'co_await send(Known{"t", 2});',
    "co_await wait(Duration{5});",
    "auto [error, size] = co_await read(buffer);",
    "auto& [error, size] = co_await read(buffer);",
    "auto action = [name] { use(name); }; co_await run(action);",
    "co_await run([] { return 1; });",
    "co_await run([&, this] { return done_; });",
    "co_await values[index].get(list[2]);",
    "asio::co_spawn(ex, [name]() -> asio::awaitable<void> { co_await go(name); }, done);",
    "if (x) { co_await f(); } else { co_return; }",
    "for (const auto& item : items) { co_await f(item); }",
    "switch (code) { case 1: { co_await f(); break; } default: co_return; }",
    "co_return {};",
    "const bool open = co_await is_open(); if (open) co_return; throw Error(code);",
    "const int x = 1; if (co_await is_open()) co_return; close();",
    "if (co_await is_open()) { int x = 1; use(x); }",
    "for (const auto& item : items_) use(item); if (co_await is_open()) co_return;",
    "auto [a, b] = pair_; if (co_await is_open()) co_return;",
    "std::map<int, std::string>::iterator at = begin(); if (co_await is_open()) co_return;",
    "Timer timer(executor_, time_); while (co_await timer.wait_for(kPeriod)) look();",
    "try { if (co_await is_open()) co_return; } catch (const Error& e) { use(e); }",
    "co_await is_open(); if (is_open_) co_return;",
    "std::string text{}; co_await f(text);",
    "co_await f(Agg{1});  // lint: ok trivially destructible",
    "co_return now ? a : b;",
    "auto text = now ? a : b; co_await f(text);",
    'log("co_await f({1, 2})"); // co_await f({1, 2})',
    "auto work = [&]() -> asio::awaitable<int> { Agg a{1}; co_return a.x; };",
    "try { co_await f(); } catch (const Error& e) { use(Agg{1}); }",
    "const std::vector<int> numbers{1, 2}; co_await f(1'000, numbers);",
    "while (true) { auto next = co_await f(); values.push_back({next, 1}); }",
]


def self_test():
    constructed = find_constructed(["struct Known { Known(const char* a, int b); };",
                                    "struct Agg { int x; Agg& operator=(const Agg&); };"])
    wrong = []
    for kind, statement in BAD:
        found = list(check("bad", f"asio::awaitable<void> f() {{\n  {statement}\n}}\n", constructed))
        if not any(f": {kind}: " in one for one in found):
            wrong.append(f"not flagged as {kind}: {statement} (found: {found})")
    for statement in GOOD:
        found = list(check("good", f"asio::awaitable<void> f() {{\n  {statement}\n}}\n", constructed))
        if found:
            wrong.append(f"flagged without reason: {statement}: {found}")
    print(f"lint_coroutines: {len(BAD)} bad and {len(GOOD)} good samples, {len(wrong)} judged wrongly")
    return wrong


def main(arguments):
    if arguments == ["--self-test"]:
        problems = self_test()
    else:
        paths = list(files_of(arguments or [ROOT / name for name in ("libs", "apps", "examples", "tests")]))
        texts = {path: path.read_text("utf-8") for path in paths}
        constructed = find_constructed(
            [blank(one.read_text("utf-8")) for one in files_of([ROOT / "libs"])]
            + [blank(text) for text in texts.values()])
        problems = [problem for path, text in texts.items()
                    for problem in check(path, text, constructed)]
        print(f"lint_coroutines: {len(paths)} files, {len(problems)} problems")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
