// What a template may call. Private to alerting/.
#pragma once

#include <span>
#include <string_view>

#include "alerting/template.h"
#include "alerting/template_value.h"
#include "model/status.h"

namespace tidemark::alerting::template_detail {

// What functions know beside their arguments, for one execution.
struct CallContext {
  const TemplateData& data;
  int queries = 0;  // Made so far.
};

struct Function {
  std::string_view name;
  size_t args_min;
  size_t args_max;
  Result<Value> (*call)(CallContext& context, std::span<const Value> args);
};

// Null when there is no such function.
const Function* find_function(std::string_view name);

}  // namespace tidemark::alerting::template_detail
