#include "cli/app.h"

namespace sekisho::cli {
namespace {

// "sekisho mail" → "list recall --json …" for every node of the tree.
void Walk(const CLI::App& app, const std::string& path, std::vector<std::pair<std::string, std::string>>& nodes) {
  std::string words;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    words += verb->get_name() + " ";
  for (const CLI::Option* option : app.get_options([](const CLI::Option* o) { return !o->get_lnames().empty(); })) {
    words += "--" + option->get_lnames().front() + " ";
  }
  if (!words.empty()) words.pop_back();
  nodes.emplace_back(path, words);
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    Walk(*verb, path.empty() ? verb->get_name() : path + " " + verb->get_name(), nodes);
  }
}

std::string BashScript(const std::vector<std::pair<std::string, std::string>>& nodes) {
  std::string script =
      "_sekisho() {\n"
      "  local path='' word i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    [[ $word == -* ]] || path=\"${path:+$path }$word\"\n"
      "  done\n"
      "  local words=''\n"
      "  case $path in\n";
  for (const auto& [path, words] : nodes) script += "    '" + path + "') words='" + words + "' ;;\n";
  script +=
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
      "  [[ -n $words ]] || COMPREPLY=($(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
      "}\n"
      "complete -F _sekisho sekisho\n";
  return script;
}

std::string FishScript(const std::vector<std::pair<std::string, std::string>>& nodes) {
  std::string script = "complete -c sekisho -f\n";
  for (const auto& [path, words] : nodes) {
    std::string condition = "__fish_use_subcommand";
    if (!path.empty()) {
      condition = "string match -rq '^sekisho " + path + "( -.*)? *$' -- (commandline -poc | string join ' ')";
    }
    script += "complete -c sekisho -n \"" + condition + "\" -a '" + words + "'\n";
  }
  return script;
}

}  // namespace

std::string CompletionScript(const CLI::App& app, const std::string& shell) {
  std::vector<std::pair<std::string, std::string>> nodes;
  Walk(app, "", nodes);
  if (shell == "fish") return FishScript(nodes);
  const std::string bash = BashScript(nodes);
  return shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" + bash : bash;
}

}  // namespace sekisho::cli
