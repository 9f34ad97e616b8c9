#pragma once
// The tree of commands. Each noun group adds its verbs; the last one chosen runs.

#include <CLI/CLI.hpp>

#include <functional>

#include "cli/client.h"

namespace sekisho::cli {

// What the chosen verb does.
using Action = std::function<Exit(Client&)>;

// Where a verb leaves its action when it is chosen.
struct Chosen {
  Action action;
};

// Makes `verb` run `action` when it is the one given.
void OnRun(CLI::App* verb, Chosen& chosen, Action action);

void AddMailCommands(CLI::App& app, Chosen& chosen);       // login, submit, trace, mail
void AddApprovalCommands(CLI::App& app, Chosen& chosen);   // hold, approval
void AddOperatorCommands(CLI::App& app, Chosen& chosen);   // queue, dlq
void AddQueueCommands(CLI::App& app, Chosen& chosen);      // queue summary, suspend, resume
void AddWaitingCommands(CLI::App* queue, Chosen& chosen);  // queue shape, list, show
void AddSecurityCommands(CLI::App& app, Chosen& chosen);   // cert, password, directory
void AddTopicCommands(CLI::App& app, Chosen& chosen);      // topic
void AddPolicyCommands(CLI::App& app, Chosen& chosen);     // policy
void AddDemoCommands(CLI::App& app, Chosen& chosen);       // demo

// A completion script for `shell` ("bash", "zsh", "fish"), from the tree itself.
std::string CompletionScript(const CLI::App& app, const std::string& shell);

int Main(int argc, char** argv);

}  // namespace sekisho::cli
