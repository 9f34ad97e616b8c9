#include "cli/keys/tool.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

#include "shared/base/version.h"
#include "shared/keys/file_ring.h"

namespace sekisho::keys_tool {
namespace {

enum ExitCode { kDone = 0, kRefused = 1, kUsage = 2, kNoSuch = 4, kUnavailable = 5 };

struct Options {
  std::string ring;
  bool mounted = false;
  bool create = false;
  bool today = false;
  int days = 8;
  std::vector<std::string> epochs;
};

ExitCode ExitCodeOf(const Error& error) {
  if (error.code == Code::kNotFound) return kNoSuch;
  return error.retry == Retry::kLater ? kUnavailable : kRefused;
}

std::string DayOf(TimePoint now) { return FormatRfc3339(now).substr(0, 10); }

Result<std::unique_ptr<keys::KeyRing>> Open(const Options& options, const Clock& clock) {
  return options.mounted ? keys::OpenMountedRing(options.ring, clock)
                         : keys::OpenFileRing(options.ring, options.create, clock);
}

void PrintEpochs(const keys::KeyRing& ring, const Clock& clock, std::ostream& out) {
  const std::string today = DayOf(clock.Now());
  for (const std::string& id : ring.Epochs()) {
    out << id << (id < today ? " past" : id == today ? " today" : " ahead") << "\n";
  }
}

Status Add(const Options& options, const Clock& clock, std::ostream& out) {
  SEKISHO_TRY(const auto ring, Open(options, clock));
  for (int day = 0; day < options.days; ++day) {
    SEKISHO_RETURN_IF_ERROR(ring->MakeEpoch(clock.Now() + day * std::chrono::hours(24)));
  }
  PrintEpochs(*ring, clock, out);
  return Ok();
}

// All or none, as far as it can be told before.
Status Destroy(const Options& options, const Clock& clock, std::ostream& out) {
  SEKISHO_TRY(const auto ring, Open(options, clock));
  const std::vector<std::string> known = ring->Epochs();
  for (const std::string& id : options.epochs) {
    if (std::find(known.begin(), known.end(), id) == known.end()) {
      return MakeError(Code::kNotFound, "no epoch " + id.substr(0, 20) + " in " + options.ring);
    }
    const std::string today = DayOf(clock.Now());
    if (id > today || (id == today && !options.today)) {
      return MakeError(Code::kPrecondition,
                       "mail is, or will be, sealed under " + id + "; destroy an epoch after its day has ended (UTC)");
    }
  }
  for (const std::string& id : options.epochs) {
    SEKISHO_RETURN_IF_ERROR(ring->DestroyEpoch(id));
    out << id << " destroyed\n";
  }
  return Ok();
}

Status List(const Options& options, const Clock& clock, std::ostream& out) {
  SEKISHO_TRY(const auto ring, Open(options, clock));
  PrintEpochs(*ring, clock, out);
  return Ok();
}

}  // namespace

int Run(const std::vector<std::string>& arguments, const Clock& clock, std::ostream& out, std::ostream& err) {
  Options options;
  CLI::App app("Epochs of a Sekisho key ring file: one key for each UTC day, which wraps the keys of that day's mails.",
               "sekisho-keys");
  app.footer(
      "Run it as the owner of the file. Processes that use the file see the change within a second.\n"
      "Exit codes: 0 done, 1 refused, 2 wrong usage, 4 no such ring or epoch, 5 the file cannot be read or written.");
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--ring", options.ring, "The ring file, keys.ring_file of sekisho.yaml")
      ->envname("SEKISHO_KEY_RING")
      ->required();
  app.add_flag("--mounted", options.mounted, "The file is a mounted secret (keys.mounted): it can only be listed");
  const CLI::App* list = app.add_subcommand("list", "List the epochs: past, today, ahead");
  CLI::App* add = app.add_subcommand("add", "Make the epochs of today and the days that follow, where absent");
  add->add_option("--days", options.days, "How many days, today included")
      ->check(CLI::Range(1, 366))
      ->capture_default_str();
  add->add_flag("--create", options.create, "Make the ring file when it is absent");
  CLI::App* destroy = app.add_subcommand(
      "destroy", "Destroy epochs for ever: what was sealed in them is unreadable everywhere, backups included");
  destroy->add_option("epoch", options.epochs, "UTC days that have ended, like 2026-11-24")->required();
  destroy->add_flag("--today", options.today, "Even today's: no new mail is taken until tomorrow (UTC)");
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? kDone : kUsage;
  }
  const Status done = list->parsed()  ? List(options, clock, out)
                      : add->parsed() ? Add(options, clock, out)
                                      : Destroy(options, clock, out);
  if (done.ok()) return kDone;
  err << "sekisho-keys: " << done.error().detail << "\n";
  return ExitCodeOf(done.error());
}

}  // namespace sekisho::keys_tool
