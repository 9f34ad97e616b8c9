#include "shared/config/loader.h"

#include <google/protobuf/descriptor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"

namespace sekisho::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

Place PlaceOf(const YAML::Mark& mark) { return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1}; }

// One line, short enough to print: keys and values of a file may hold anything.
std::string OneLine(std::string_view text, size_t limit) {
  std::string line(text.substr(0, limit));
  if (line.size() < text.size()) line += "…";
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return line;
}

// Collects problems: the first hundred are told, more help nobody.
class Problems {
 public:
  Problems(const std::string& file, std::vector<Problem>& problems) : file_(file), problems_(problems) {}
  void Add(Place place, std::string_view path, std::string_view message) {
    if (problems_.size() < kMaxProblems) problems_.push_back({file_, place, OneLine(path, 200), OneLine(message, 600)});
  }

 private:
  static constexpr size_t kMaxProblems = 100;
  const std::string& file_;
  std::vector<Problem>& problems_;
};

// Walks one document into one message.
class Walk {
 public:
  Walk(SourceMap& source, Problems& problems) : source_(source), problems_(problems) {}

  void Fill(const YAML::Node& node, Message& message, const std::string& path, int depth) {
    source_.Put(path, PlaceOf(node.Mark()));
    if (depth > kMaxDepth) return Add(node, path, "is nested deeper than " + std::to_string(kMaxDepth));
    if (!node.IsMap()) return Add(node, path, "must be keys with values, like 'key: value'");
    const Descriptor* descriptor = message.GetDescriptor();
    std::set<std::string> seen;
    for (const auto& pair : node) {
      if (!pair.first.IsScalar()) {
        Add(pair.first, path, "a key must be one word");
        continue;
      }
      const std::string key = pair.first.Scalar();
      const std::string at = path.empty() ? key : path + "." + key;
      if (!seen.insert(key).second) {
        Add(pair.first, at, "is given twice; keep one");
        continue;
      }
      const FieldDescriptor* field = descriptor->FindFieldByName(key);
      if (field == nullptr) {
        Add(pair.first, at, "is not a key here" + Suggest(key, FieldNames(descriptor)));
        continue;
      }
      source_.Put(at, PlaceOf(pair.second.Mark()));
      Set(pair.second, message, field, at, depth + 1);
    }
  }

 private:
  void Add(const YAML::Node& node, const std::string& path, std::string_view message) {
    problems_.Add(PlaceOf(node.Mark()), path, message);
  }

  static std::vector<std::string> FieldNames(const Descriptor* descriptor) {
    std::vector<std::string> names;
    for (int i = 0; i < descriptor->field_count(); ++i) names.push_back(descriptor->field(i)->name());
    return names;
  }

  static std::string Suggest(const std::string& word, const std::vector<std::string>& known) {
    if (const std::string nearest = Nearest(word, known); !nearest.empty()) return "; did you mean '" + nearest + "'?";
    std::string all;
    for (const std::string& name : known) all += (all.empty() ? "" : ", ") + name;
    return "; known: " + all;
  }

  void Set(const YAML::Node& node, Message& message, const FieldDescriptor* field, const std::string& path, int depth) {
    const Reflection* reflection = message.GetReflection();
    if (field->is_repeated()) {
      if (!node.IsSequence()) return Add(node, path, "must be a list, like [a, b]");
      for (size_t i = 0; i < node.size(); ++i) {
        const std::string at = path + "[" + std::to_string(i) + "]";
        source_.Put(at, PlaceOf(node[i].Mark()));
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
          SetMessage(node[i], *reflection->AddMessage(&message, field), at, depth);
        } else {
          SetScalar(node[i], message, field, at, true);
        }
      }
      return;
    }
    if (const auto* oneof = field->real_containing_oneof(); oneof != nullptr && reflection->HasOneof(message, oneof)) {
      return Add(node, path,
                 "excludes '" + reflection->GetOneofFieldDescriptor(message, oneof)->name() +
                     "', which is given too; keep one");
    }
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return SetMessage(node, *reflection->MutableMessage(&message, field), path, depth);
    }
    SetScalar(node, message, field, path, false);
  }

  void SetMessage(const YAML::Node& node, Message& message, const std::string& path, int depth) {
    if (message.GetDescriptor()->full_name() != "google.protobuf.Duration") return Fill(node, message, path, depth);
    if (!node.IsScalar()) return Add(node, path, "must be a duration, like 90s, 3m, 1h30m, 5d");
    const auto duration = ParseDuration(node.Scalar());
    if (!duration.ok()) return Add(node, path, duration.error().detail);
    const Reflection* reflection = message.GetReflection();
    const Descriptor* descriptor = message.GetDescriptor();
    reflection->SetInt64(&message, descriptor->FindFieldByName("seconds"), duration->count() / 1'000'000);
    reflection->SetInt32(&message, descriptor->FindFieldByName("nanos"),
                         static_cast<int32_t>(duration->count() % 1'000'000 * 1000));
  }

  template <typename T>
  bool ParseInteger(const YAML::Node& node, const std::string& path, T& value) {
    std::string_view text = node.Scalar();
    uint64_t factor = 1;
    for (const auto& [suffix, size] :
         {std::pair<std::string_view, uint64_t>{"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}}) {
      if (text.ends_with(suffix)) {
        factor = size;
        text.remove_suffix(suffix.size());
        text = AsciiTrim(text);
      }
    }
    T number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    T product{};
    if (error != std::errc() || end != text.data() + text.size() || text.empty() ||
        __builtin_mul_overflow(number, factor, &product)) {
      Add(node, path,
          "'" + OneLine(node.Scalar(), 40) + "' is not a number that fits here; write it like 100 or 50MiB");
      return false;
    }
    value = product;
    return true;
  }

  void SetEnum(const YAML::Node& node, Message& message, const FieldDescriptor* field, const std::string& path,
               bool add) {
    std::string name = node.Scalar();
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    const auto* descriptor = field->enum_type();
    const auto* value = descriptor->FindValueByName(name);
    if (value == nullptr || value->number() == 0) {
      std::vector<std::string> known;
      for (int i = 0; i < descriptor->value_count(); ++i) {
        if (descriptor->value(i)->number() != 0) known.push_back(descriptor->value(i)->name());
      }
      return Add(node, path, "'" + OneLine(node.Scalar(), 40) + "' is not known here" + Suggest(name, known));
    }
    const Reflection* reflection = message.GetReflection();
    if (add)
      reflection->AddEnum(&message, field, value);
    else
      reflection->SetEnum(&message, field, value);
  }

  void SetScalar(const YAML::Node& node, Message& message, const FieldDescriptor* field, const std::string& path,
                 bool add) {
    if (!node.IsScalar()) return Add(node, path, "must be a single value");
    const Reflection* reflection = message.GetReflection();
    const auto set = [&](auto value, auto setter, auto adder) {
      if (add)
        (reflection->*adder)(&message, field, value);
      else
        (reflection->*setter)(&message, field, value);
    };
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        if (add)
          reflection->AddString(&message, field, node.Scalar());
        else
          reflection->SetString(&message, field, node.Scalar());
        return;
      case FieldDescriptor::CPPTYPE_BOOL: {
        const std::string text = AsciiLower(node.Scalar());
        if (text != "true" && text != "false") return Add(node, path, "must be true or false");
        return set(text == "true", &Reflection::SetBool, &Reflection::AddBool);
      }
      case FieldDescriptor::CPPTYPE_UINT32: {
        uint32_t value = 0;
        if (ParseInteger(node, path, value)) set(value, &Reflection::SetUInt32, &Reflection::AddUInt32);
        return;
      }
      case FieldDescriptor::CPPTYPE_UINT64: {
        uint64_t value = 0;
        if (ParseInteger(node, path, value)) set(value, &Reflection::SetUInt64, &Reflection::AddUInt64);
        return;
      }
      case FieldDescriptor::CPPTYPE_INT32: {
        int32_t value = 0;
        if (ParseInteger(node, path, value)) set(value, &Reflection::SetInt32, &Reflection::AddInt32);
        return;
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        int64_t value = 0;
        if (ParseInteger(node, path, value)) set(value, &Reflection::SetInt64, &Reflection::AddInt64);
        return;
      }
      case FieldDescriptor::CPPTYPE_ENUM:
        return SetEnum(node, message, field, path, add);
      default:
        return Add(node, path, "cannot be set from a file");
    }
  }

  SourceMap& source_;
  Problems& problems_;
};

// The parser takes hundreds of octets for each value, and for each bracket before it knows what it is.
constexpr int kMaxValues = 400'000;
constexpr ptrdiff_t kMaxBrackets = 200'000;

// Anchors and aliases let a small file unfold to a huge one; nothing here needs them.
class RefuseAliases final : public YAML::EventHandler {
 public:
  struct Refused {
    YAML::Mark mark;
    std::string message;
  };
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw Refused{mark, "a second document begins here; keep one"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Check(mark, anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { Check(mark, 1); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string&) override {
    Check(mark, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Check(mark, anchor);
    Enter(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Check(mark, anchor);
    Enter(mark);
  }
  void OnMapEnd() override { --depth_; }

 private:
  void Check(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (++values_ > kMaxValues) throw Refused{mark, "has more than " + std::to_string(kMaxValues) + " values"};
    if (anchor != 0) throw Refused{mark, "anchors and aliases (& and *) are not allowed; write the value out"};
  }
  void Enter(const YAML::Mark& mark) {
    if (++depth_ > kMaxDepth) throw Refused{mark, "is nested deeper than " + std::to_string(kMaxDepth)};
  }
  int documents_ = 0;
  int depth_ = 0;
  int values_ = 0;
};

}  // namespace

std::vector<Problem> Load(std::string_view yaml, const std::string& file, Message& message, SourceMap& source) {
  std::vector<Problem> found;
  Problems problems(file, found);
  if (yaml.size() > kMaxFileOctets) {
    problems.Add({}, "", "is larger than " + std::to_string(kMaxFileOctets) + " octets");
    return found;
  }
  if (std::count_if(yaml.begin(), yaml.end(), [](char c) { return c == '[' || c == '{'; }) > kMaxBrackets) {
    problems.Add({}, "", "has more than " + std::to_string(kMaxBrackets) + " brackets");
    return found;
  }
  try {
    std::istringstream first{std::string(yaml)};
    YAML::Parser parser(first);
    RefuseAliases check;
    while (parser.HandleNextDocument(check)) {
    }
    const YAML::Node root = YAML::Load(std::string(yaml));
    if (!root.IsDefined() || root.IsNull()) return found;  // an empty file: all defaults
    Walk(source, problems).Fill(root, message, "", 0);
  } catch (const RefuseAliases::Refused& refused) {
    problems.Add(PlaceOf(refused.mark), "", refused.message);
  } catch (const YAML::Exception& error) {
    problems.Add(PlaceOf(error.mark), "", "is not YAML: " + error.msg);
  } catch (const std::exception& error) {
    problems.Add({}, "", std::string("is not YAML: ") + error.what());
  }
  return found;
}

std::vector<Problem> LoadFile(const std::string& file, Message& message, SourceMap& source) {
  const auto text = ReadWholeFile(file);
  if (!text.ok()) return {{file, {}, "", text.error().detail}};
  return Load(*text, file, message, source);
}

}  // namespace sekisho::config
