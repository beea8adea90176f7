#include "config/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>

#include "model/duration.h"

namespace tidemark::config {
namespace {

constexpr size_t kArgumentsMax =
    10'000;  // All of @file and the command line; a wrong file should fail, not fill memory.
constexpr size_t kHelpColumn = 32;
constexpr size_t kHelpWidth = 110;

Status read_arguments_file(const std::string& path, std::vector<std::string>& out) {
  std::ifstream in(path);
  if (!in) return Status::invalid(fmt::format("cannot open the argument file \"{}\"", path));
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (out.size() >= kArgumentsMax) return Status::invalid(fmt::format("{}: more than {} lines", path, kArgumentsMax));
    out.push_back(line);
  }
  return {};
}

void append_wrapped(std::string& out, std::string_view text) {
  size_t column = kHelpColumn;
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    if (column > kHelpColumn && column + 1 + word.size() > kHelpWidth) {
      out += '\n';
      out.append(kHelpColumn, ' ');
      column = kHelpColumn;
    } else if (column > kHelpColumn) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    text.remove_prefix(std::min(space + 1, text.size()));
  }
}

void append_help_entry(std::string& out, std::string_view left, std::string_view help) {
  out += left;
  if (left.size() + 1 < kHelpColumn) {
    out.append(kHelpColumn - left.size(), ' ');
  } else {
    out += '\n';
    out.append(kHelpColumn, ' ');
  }
  append_wrapped(out, help);
  out += '\n';
}

}  // namespace

Flags::Flags(std::string program, std::string summary, std::string arguments)
    : program_(std::move(program)), summary_(std::move(summary)), arguments_usage_(std::move(arguments)) {}

Flags::Flag& Flags::declare(std::string name, std::string help) {
  Flag& flag = flags_.emplace_back();
  flag.name = std::move(name);
  flag.help = std::move(help);
  return flag;
}

void Flags::add(std::string name, std::string* target, std::string help) {
  Flag& flag = declare(std::move(name), std::move(help));
  flag.default_text = *target;
  flag.set = [target](std::string_view value) {
    *target = value;
    return Status();
  };
}

void Flags::add(std::string name, bool* target, std::string help) {
  Flag& flag = declare(std::move(name), std::move(help));
  flag.is_switch = true;
  flag.default_text = *target ? "on" : "";
  flag.set = [target](std::string_view value) {
    *target = value == "true";
    return Status();
  };
}

void Flags::add(std::string name, int64_t* target, std::string help) {
  Flag& flag = declare(std::move(name), std::move(help));
  flag.default_text = std::to_string(*target);
  flag.set = [target](std::string_view value) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < 0)
      return Status::invalid(fmt::format("must be a whole number, got \"{}\"", value));
    *target = number;
    return Status();
  };
}

void Flags::add(std::string name, std::vector<std::string>* target, std::string help) {
  Flag& flag = declare(std::move(name), std::move(help));
  flag.repeatable = true;
  flag.default_text = fmt::format("{}", fmt::join(*target, ", "));
  flag.set = [target, first = true](std::string_view value) mutable {
    if (first) target->clear();
    first = false;
    target->emplace_back(value);
    return Status();
  };
}

void Flags::add_duration(std::string name, int64_t* target_ms, std::string help) {
  Flag& flag = declare(std::move(name), std::move(help));
  flag.default_text = format_duration_ms(*target_ms);
  flag.set = [target_ms](std::string_view value) {
    const Result<int64_t> parsed = parse_duration_ms(value);
    if (!parsed) return parsed.error();
    *target_ms = *parsed;
    return Status();
  };
}

void Flags::add_choice(std::string name, std::string* target, std::vector<std::string> choices, std::string help) {
  Flag& flag = declare(std::move(name), fmt::format("{} One of: {}.", help, fmt::join(choices, ", ")));
  flag.default_text = *target;
  flag.set = [target, choices = std::move(choices)](std::string_view value) {
    if (std::find(choices.begin(), choices.end(), value) == choices.end())
      return Status::invalid(fmt::format("must be one of {}, got \"{}\"", fmt::join(choices, ", "), value));
    *target = value;
    return Status();
  };
}

void Flags::hide(std::string_view name) {
  if (Flag* flag = find(name)) flag->hidden = true;
}

Flags::Flag* Flags::find(std::string_view name) {
  const auto it = std::find_if(flags_.begin(), flags_.end(), [&](const Flag& flag) { return flag.name == name; });
  return it == flags_.end() ? nullptr : &*it;
}

bool Flags::given(std::string_view name) const {
  return std::any_of(flags_.begin(), flags_.end(), [&](const Flag& flag) { return flag.name == name && flag.given; });
}

Status Flags::read_long(std::string_view arg, const std::vector<std::string>& args, size_t& next) {
  const size_t equals = arg.find('=');
  const std::string_view name = arg.substr(2, equals == arg.npos ? arg.npos : equals - 2);
  Flag* flag = find(name);
  bool negated = false;
  if (flag == nullptr && name.starts_with("no-")) {
    flag = find(name.substr(3));
    negated = true;
  }
  if (flag == nullptr || (negated && !flag->is_switch))
    return Status::invalid(fmt::format("unknown long flag '--{}'", name));

  if (flag->is_switch) {
    if (equals != arg.npos)
      return Status::invalid(
          fmt::format("unexpected {}: say --{} or --no-{}", arg.substr(equals), flag->name, flag->name));
    flag->given = true;
    flag->given_text = negated ? "false" : "true";
    return flag->set(flag->given_text);
  }
  if (flag->given && !flag->repeatable) return Status::invalid(fmt::format("flag '{}' cannot be repeated", flag->name));
  flag->given = true;
  std::string_view value;
  if (equals != arg.npos) {
    value = arg.substr(equals + 1);
  } else if (next < args.size() && (args[next] == "-" || !args[next].starts_with('-'))) {
    value = args[next++];
  } else {
    return Status::invalid(fmt::format("expected argument for flag '--{}'", name));
  }
  if (!flag->given_text.empty()) flag->given_text += ',';
  flag->given_text += value;
  const Status status = flag->set(value);
  return status.ok() ? status : status.at("--" + flag->name);
}

Status Flags::read(const std::vector<std::string>& command_line) {
  std::vector<std::string> args;
  bool expand = true;
  for (const std::string& arg : command_line) {
    if (arg == "--") expand = false;
    if (expand && arg.size() > 1 && arg[0] == '@') {
      Status status = read_arguments_file(arg.substr(1), args);
      if (!status.ok()) return status;
    } else {
      args.push_back(arg);
    }
  }
  for (size_t next = 0; next < args.size();) {
    const std::string& arg = args[next++];
    if (arg == "--") {
      arguments_.insert(arguments_.end(), args.begin() + static_cast<ptrdiff_t>(next), args.end());
      break;
    }
    if (arg == "-h" || arg == "--help") {
      help_asked_ = true;
    } else if (arg == "--version") {
      version_asked_ = true;
    } else if (arg.starts_with("--")) {
      Status status = read_long(arg, args, next);
      if (!status.ok()) return status;
    } else if (arg.size() > 1 && arg[0] == '-') {
      return Status::invalid(fmt::format("unknown short flag '{}'", arg.substr(0, 2)));
    } else {
      arguments_.push_back(arg);
    }
  }
  if (arguments_usage_.empty() && !arguments_.empty())
    return Status::invalid(fmt::format("unexpected {}", arguments_.front()));
  return {};
}

std::optional<int> Flags::parse(int argc, const char* const* argv, std::string_view version_text) {
  const Status status = read(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  if (help_asked_) {
    std::fputs(help().c_str(), stdout);
    return 0;
  }
  if (!status.ok()) {
    std::fputs(fmt::format("{}: error: {}, try --help\n", program_, status.message()).c_str(), stderr);
    return 1;
  }
  if (version_asked_) {
    std::fputs(fmt::format("{}\n", version_text).c_str(), stdout);
    return 0;
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> Flags::values() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Flag& flag : flags_) {
    if (flag.hidden) continue;
    std::string text = flag.given ? flag.given_text : flag.default_text;
    if (flag.is_switch && !flag.given) text = flag.default_text.empty() ? "false" : "true";
    out.emplace_back(flag.name, std::move(text));
  }
  return out;
}

std::string Flags::help() const {
  std::string out = fmt::format("usage: {} [<flags>]{}{}\n\n{}\n\nFlags:\n", program_,
                                arguments_usage_.empty() ? "" : " ", arguments_usage_, summary_);
  append_help_entry(out, "  -h, --help", "Show this text.");
  append_help_entry(out, "      --version", "Show the version.");
  for (const Flag& flag : flags_) {
    if (flag.hidden) continue;
    std::string left = fmt::format("      --{}{}", flag.is_switch ? "[no-]" : "", flag.name);
    if (!flag.is_switch) left += flag.default_text.empty() ? "=..." : fmt::format("=\"{}\"", flag.default_text);
    std::string help = flag.help;
    if (flag.is_switch && !flag.default_text.empty()) help += " (on by default)";
    if (flag.repeatable) help += " Repeatable.";
    append_help_entry(out, left, help);
  }
  return out;
}

}  // namespace tidemark::config
