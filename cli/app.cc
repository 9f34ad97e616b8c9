#include "cli/app.h"

#include <cstdlib>
#include <iostream>

#include "shared/base/version.h"

namespace sekisho::cli {
namespace {

void AddCompletionCommand(CLI::App& app, Chosen& chosen) {
  auto* completion = app.add_subcommand("completion", "Print a completion script for your shell");
  auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  OnRun(completion, chosen, [&app, shell](Client&) -> Exit {
    std::cout << CompletionScript(app, *shell);
    return {};
  });
}

// The first word that is no verb where one must stand, as a message; empty when there is none. CLI11 only says that one
// is missing.
std::string UnknownVerb(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("-")) {
      const CLI::Option* option = app.get_option_no_throw(word);
      if (option != nullptr && option->get_type_size() > 0 && word.find('=') == std::string::npos) ++i;  // its value
      continue;
    }
    std::string known;
    const CLI::App* next = nullptr;
    for (const CLI::App* verb : at->get_subcommands([](const CLI::App*) { return true; })) {
      known += (known.empty() ? "" : ", ") + verb->get_name();
      if (verb->get_name() == word) next = verb;
    }
    if (known.empty()) return {};
    if (next == nullptr) return "'" + word + "' is not known here; there are: " + known;
    at = next;
  }
  return {};
}

std::string FromEnvironment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

}  // namespace

void OnRun(CLI::App* verb, Chosen& chosen, Action action) {
  verb->callback([&chosen, action = std::move(action)] { chosen.action = action; });
}

int Main(int argc, char** argv) {
  CLI::App app("Sekisho, the outgoing-mail checkpoint: submit, follow, hold, approve, operate.", "sekisho");
  app.footer(
      "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 not allowed, 4 no such thing, 5 server away or busy.\n"
      "Environment: SEKISHO_SERVER, SEKISHO_USER, SEKISHO_PASSWORD, SEKISHO_CA.");
  app.require_subcommand(1);
  app.fallthrough();  // --json and --server may stand anywhere
  app.set_version_flag("--version", std::string(kVersion));
  Options options;
  options.server = FromEnvironment("SEKISHO_SERVER", "127.0.0.1:50051");
  options.user = FromEnvironment("SEKISHO_USER", "");
  options.ca_file = FromEnvironment("SEKISHO_CA", "");
  int timeout = 30;
  app.add_option("--server", options.server, "HOST:PORT of the server")->capture_default_str();
  app.add_option("--user", options.user, "Login name");
  app.add_option("--ca", options.ca_file, "PEM file of the CAs that may vouch for the server");
  app.add_option("--timeout", timeout, "Seconds to wait for an answer")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_flag("--json", options.json, "Print one JSON value");

  Chosen chosen;
  AddMailCommands(app, chosen);
  AddApprovalCommands(app, chosen);
  AddOperatorCommands(app, chosen);
  AddSecurityCommands(app, chosen);
  AddTopicCommands(app, chosen);
  AddPolicyCommands(app, chosen);
  AddDemoCommands(app, chosen);
  AddCompletionCommand(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    if (const std::string unknown = UnknownVerb(app, argc, argv); !unknown.empty()) {
      std::cerr << "sekisho: " << unknown << "\n";
      return kUsage;
    }
    app.exit(error);
    return kUsage;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  options.timeout = std::chrono::seconds(timeout);
  Client client(options);
  const Exit exit = chosen.action(client);
  if (!exit.message.empty()) std::cerr << "sekisho: " << exit.message << "\n";
  return exit.code;
}

}  // namespace sekisho::cli
