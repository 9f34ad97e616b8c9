// policy check, policy explain.

#include <iostream>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "sekisho/policy/v1/policy.grpc.pb.h"

namespace sekisho::cli {

using policy::v1::PolicyService;

namespace {

void AddCheck(CLI::App* policy, Chosen& chosen) {
  auto* check = policy->add_subcommand("check", "Read a policy document as the server would");
  auto file = std::make_shared<std::string>();
  check->add_option("file", *file, "The YAML document; - is standard input")->required();
  OnRun(check, chosen, [file](Client& client) -> Exit {
    policy::v1::CheckPolicyRequest request;
    if (Exit read = ReadFile(*file, *request.mutable_document()); !read.ok()) return read;
    request.set_file_name(*file);
    policy::v1::CheckPolicyResponse response;
    if (Exit done = client.Call<PolicyService>(&PolicyService::Stub::CheckPolicy, request, &response); !done.ok())
      return done;
    if (client.json()) {
      Json json = {{"valid", response.valid()}, {"version", response.version()}, {"problems", Json::array()}};
      for (const auto& problem : response.problems()) {
        json["problems"].push_back(
            {{"line", problem.line()}, {"column", problem.column()}, {"message", problem.message()}});
      }
      PrintJson(json);
    } else if (response.valid()) {
      std::cout << "Valid; its version would be " << response.version() << ".\n";
    }
    if (response.valid()) return {};
    std::string message = std::to_string(response.problems_size()) + " problem(s)";
    for (const auto& problem : response.problems()) {
      message += "\n" + *file + ":" + std::to_string(problem.line()) + ":" + std::to_string(problem.column()) + ": " +
                 problem.message();
    }
    return {kRefused, message};
  });
}

struct ExplainArguments {
  std::string file, from, document;
  std::vector<std::string> to;
};

void AddExplain(CLI::App* policy, Chosen& chosen) {
  auto* explain = policy->add_subcommand("explain", "What the policy does with a mail, and why; nothing is sent");
  auto arguments = std::make_shared<ExplainArguments>();
  explain->add_option("file", arguments->file, "The mail; - is standard input")->required();
  explain->add_option("--from", arguments->from, "Envelope sender")->required();
  explain->add_option("--to", arguments->to, "Envelope recipient; give it again for more")
      ->required()
      ->allow_extra_args(false);
  explain->add_option("--policy", arguments->document, "A document to try instead of the one in force");
  OnRun(explain, chosen, [arguments](Client& client) -> Exit {
    policy::v1::ExplainMailRequest request;
    std::string raw;
    if (Exit read = ReadFile(arguments->file, raw); !read.ok()) return read;
    request.set_raw(WithCrlf(raw));
    request.set_mail_from(arguments->from);
    for (const std::string& address : arguments->to) request.add_recipients(address);
    if (!arguments->document.empty()) {
      if (Exit read = ReadFile(arguments->document, *request.mutable_document()); !read.ok()) return read;
    }
    policy::v1::ExplainMailResponse response;
    if (Exit done = client.Call<PolicyService>(&PolicyService::Stub::ExplainMail, request, &response); !done.ok())
      return done;
    if (client.json()) {
      Json json = {{"policy_version", response.policy_version()}, {"decisions", Json::array()}};
      for (const auto& decision : response.decisions()) {
        Json one = {{"recipients", Json::array()}, {"actions", Json::array()}, {"reasons", Json::array()}};
        for (const auto& address : decision.recipients()) one["recipients"].push_back(address);
        for (const auto& action : decision.actions()) one["actions"].push_back(action);
        for (const auto& reason : decision.reasons()) one["reasons"].push_back(ToJson(reason));
        json["decisions"].push_back(std::move(one));
      }
      PrintJson(json);
      return {};
    }
    for (const auto& decision : response.decisions()) {
      for (const auto& address : decision.recipients()) std::cout << ForTerminal(address) << "\n";
      for (const auto& action : decision.actions()) std::cout << "  " << action << "\n";
      for (const auto& reason : decision.reasons()) {
        std::cout << "  " << reason.rule_id() << ": " << ForTerminal(reason.text_ja()) << " / "
                  << ForTerminal(reason.text_en());
        if (!reason.evidence().empty()) {
          std::cout << " [" << ForTerminal(reason.place()) << ": " << ForTerminal(reason.evidence()) << "]";
        }
        std::cout << "\n";
      }
    }
    std::cout << "policy " << response.policy_version() << "\n";
    return {};
  });
}

}  // namespace

void AddPolicyCommands(CLI::App& app, Chosen& chosen) {
  auto* policy = app.add_subcommand("policy", "The rules: check a document, explain a decision");
  policy->require_subcommand(1);
  AddCheck(policy, chosen);
  AddExplain(policy, chosen);
}

}  // namespace sekisho::cli
