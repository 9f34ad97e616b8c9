#include "shared/store/sql.h"

namespace sekisho::store {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsName(std::string_view name) {
  return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

Result<std::string> TranslateWord(std::string_view word, const SqlDialect& dialect) {
  if (word == "blob") return std::string(dialect.blob);
  if (word == "for_update") return std::string(dialect.for_update);
  if (word == "skip_locked") return std::string(dialect.skip_locked);
  const size_t dot = word.find('.');
  if (dot == std::string_view::npos || !IsName(word.substr(0, dot)) || !IsName(word.substr(dot + 1))) {
    return MakeError(Code::kInternal, "SQL holds the unknown word {" + std::string(word) + "}");
  }
  std::string table(dialect.quote);
  table.append(word.substr(0, dot)).append(dialect.separator).append(word.substr(dot + 1)).append(dialect.quote);
  return table;
}

}  // namespace

Result<std::string> TranslateSql(std::string_view sql, const SqlDialect& dialect) {
  std::string out;
  out.reserve(sql.size());
  bool quoted = false;
  for (size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (c == '\'') quoted = !quoted;
    if (!quoted && c == '$' && i + 1 < sql.size() && IsDigit(sql[i + 1])) {
      out += dialect.parameter;
    } else if (!quoted && c == '{') {
      const size_t end = sql.find('}', i);
      if (end == std::string_view::npos) return MakeError(Code::kInternal, "SQL holds a { without its }");
      SEKISHO_TRY(const std::string word, TranslateWord(sql.substr(i + 1, end - i - 1), dialect));
      out += word;
      i = end;
    } else {
      out += c;
    }
  }
  return out;
}

Result<MigrationTarget> ParseMigrationTarget(std::string_view schema_or_part) {
  const size_t slash = schema_or_part.find('/');
  const std::string_view schema = schema_or_part.substr(0, slash);
  const bool part = slash != std::string_view::npos;
  if (!IsName(schema) || (part && !IsName(schema_or_part.substr(slash + 1)))) {
    return MakeError(Code::kInternal, "no schema, nor a part of one, can be named " + std::string(schema_or_part));
  }
  MigrationTarget target;
  target.schema = schema;
  target.versions =
      "{" + target.schema + "." + (part ? std::string(schema_or_part.substr(slash + 1)) + "_" : "") + "migration}";
  return target;
}

Status CheckNewerSchema(std::string_view schema_or_part, int64_t needed, int64_t known) {
  if (needed <= known) return Ok();
  return MakeError(Code::kPrecondition, "schema " + std::string(schema_or_part) +
                                            " belongs to a newer version of this program: it needs one that knows " +
                                            std::to_string(needed) + "; this one knows " + std::to_string(known));
}

}  // namespace sekisho::store
