#include "shared/observe/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "shared/base/clock.h"

namespace sekisho::observe {
namespace {

constexpr size_t kLongestText = 2000;

spdlog::level::level_enum LevelOf(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Never destroyed: threads of libraries log until the process is gone.
std::shared_ptr<spdlog::logger>& Logger() {
  static auto& logger = *new std::shared_ptr<spdlog::logger>([] {
    auto made = std::make_shared<spdlog::logger>("sekisho", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    return made;
  }());
  return logger;
}

constexpr const char* kNames[] = {"debug", "info", "warn", "error"};

}  // namespace

Status OpenLog(std::string_view level, const std::string& file) {
  try {
    if (!file.empty()) {
      Logger() = std::make_shared<spdlog::logger>("sekisho", std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
      Logger()->set_pattern("%v");
    }
  } catch (const spdlog::spdlog_ex& error) {
    return MakeError(Code::kUnavailable, "cannot log to " + file + ": " + error.what());
  }
  for (const Level known : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError}) {
    if (level != kNames[static_cast<int>(known)]) continue;
    Logger()->set_level(LevelOf(known));
    Logger()->flush_on(spdlog::level::info);
    return Ok();
  }
  return MakeError(Code::kInvalid,
                   "log level '" + std::string(level.substr(0, 20)) + "' is not debug, info, warn or error");
}

void Log(Level level, std::string_view event, std::initializer_list<Field> fields) {
  auto& logger = Logger();
  if (!logger->should_log(LevelOf(level))) return;
  nlohmann::ordered_json line;
  line["time"] = FormatRfc3339(SystemClock().Now());
  line["level"] = kNames[static_cast<int>(level)];
  line["event"] = event;
  for (const Field& field : fields) {
    std::visit(
        [&](const auto& value) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            line[field.name] = value.substr(0, kLongestText);
          } else {
            line[field.name] = value;
          }
        },
        field.value);
  }
  logger->log(LevelOf(level),
              spdlog::string_view_t(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
}

}  // namespace sekisho::observe
