#include "exporter/text_page.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "model/number.h"

namespace tidemark::exporter {
namespace {

static_assert(TextWriter::kValueBytesMax >= kFloatBytesMax);

std::string_view type_name(MetricType type) {
  return type == MetricType::kUnknown ? "untyped" : metric_type_name(type);
}

void write_head(TextWriter& text, const Family& family) {
  text.room(2 * (family.name().size() + family.help().size() + 32));
  if (!family.help().empty()) {
    text.put("# HELP ");
    text.put(family.name());
    text.put(' ');
    text.put_help(family.help());
    text.put('\n');
  }
  text.put("# TYPE ");
  text.put(family.name());
  text.put(' ');
  text.put(type_name(family.type()));
  text.put('\n');
}

}  // namespace

TextWriter::TextWriter(std::string& out) : out_(out) {
  const size_t before = out_.size();
  out_.resize(out_.capacity());
  at_ = out_.data() + before;
  end_ = out_.data() + out_.size();
}

TextWriter::~TextWriter() { out_.resize(static_cast<size_t>(at_ - out_.data())); }

void TextWriter::grow(size_t bytes) {
  const auto used = static_cast<size_t>(at_ - out_.data());
  out_.resize(std::max(2 * out_.size(), used + bytes));
  at_ = out_.data() + used;
  end_ = out_.data() + out_.size();
}

void TextWriter::put_escaped(std::string_view text, bool in_quotes) {
  char* to = at_;
  for (const char c : text) {
    if (c == '\\' || c == '\n' || (in_quotes && c == '"')) [[unlikely]] {
      *to++ = '\\';
      *to++ = c == '\n' ? 'n' : c;
    } else {
      *to++ = c;
    }
  }
  at_ = to;
}

// Nearly all values are whole numbers, and to_chars takes a third of the time for those. 2^53: all are exact below it.
void TextWriter::put_value(double v) {
  if (std::abs(v) < 0x1p53 && v == std::trunc(v) && !(v == 0 && std::signbit(v))) {
    at_ = std::to_chars(at_, end_, static_cast<int64_t>(v)).ptr;
  } else {
    at_ = write_float(at_, v);
  }
}

void TextWriter::put_series(std::string_view name, const Sample& sample) {
  const LabelSet& labels = sample.labels();
  room(name.size() + 2 * labels.bytes() + 4 * labels.size() + 2 * kValueBytesMax + 64);
  put(name);
  put(part_suffix(sample.part()));
  char before = '{';
  for (const Label& label : labels) {
    put(before);
    put(label.name);
    put("=\"");
    put_label_value(label.value);
    put('"');
    before = ',';
  }
  if (sample.part() == SamplePart::kBucket || sample.part() == SamplePart::kQuantile) {
    put(before);
    put(sample.part() == SamplePart::kBucket ? "le=\"" : "quantile=\"");
    put_value(sample.bound());
    put('"');
    before = ',';
  }
  if (before == ',') put('}');
  put(' ');
}

void write_text(std::string& out, const Families& families) {
  TextWriter text(out);
  std::string_view group;
  for (const Family* family : families.sorted()) {
    if (family->name() != group) write_head(text, *family);
    group = family->name();
    for (const Sample& sample : *family) {
      text.put_series(family->name(), sample);
      text.put_value(sample.value());
      text.put('\n');
    }
  }
}

}  // namespace tidemark::exporter
