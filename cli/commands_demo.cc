// demo send: the ready-made mails of examples/demo/mails.

#include <iostream>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/print.h"

namespace sekisho::cli {
namespace {

struct DemoArguments {
  std::string name, folder = "examples/demo/mails";
  bool follow = false;
};

Exit Send(Client& client, const DemoArguments& arguments) {
  std::string text;
  if (Exit read = ReadFile(arguments.folder + "/index.json", text); !read.ok()) {
    return {kUsage, read.message + "; run it from Sekisho's top folder, or give --folder"};
  }
  const Json index = Json::parse(text, nullptr, false);
  if (!index.is_array()) return {kUsage, arguments.folder + "/index.json is not a list"};
  std::string names;
  for (const Json& mail : index) {
    if (mail.value("name", "") != arguments.name) {
      names += " " + mail.value("name", "");
      continue;
    }
    intake::v1::SubmitMailRequest request;
    std::string raw;
    if (Exit read = ReadFile(arguments.folder + "/" + mail.value("file", ""), raw); !read.ok()) return read;
    request.set_raw(WithCrlf(raw));
    request.set_mail_from(mail.value("from", ""));
    for (const Json& address : mail.value("recipients", Json::array()))
      request.add_recipients(address.get<std::string>());
    intake::v1::SubmitMailResponse response;
    if (Exit done = Submit(client, request, &response); !done.ok()) return done;
    if (client.json()) {
      PrintJson({{"mail_id", response.mail_id()}, {"accepted_at", TimeText(response.accepted_at())}});
    } else {
      std::cout << mail.value("what", "") << "\nAccepted as " << response.mail_id() << ".\nFollow it: sekisho trace "
                << response.mail_id() << "\n"
                << std::flush;
    }
    return arguments.follow ? Follow(client, response.mail_id()) : Exit{};
  }
  return {kUsage, "no demo mail '" + arguments.name + "'; there are:" + names};
}

}  // namespace

void AddDemoCommands(CLI::App& app, Chosen& chosen) {
  auto* demo = app.add_subcommand("demo", "The demo's ready-made mails");
  demo->require_subcommand(1);
  auto* send = demo->add_subcommand("send", "Send one of them");
  auto arguments = std::make_shared<DemoArguments>();
  send->add_option("name", arguments->name, "inside, outside, recall, confidential, …")->required();
  send->add_option("--folder", arguments->folder, "Where they lie")->capture_default_str();
  send->add_flag("--follow", arguments->follow, "Then follow it to its end");
  OnRun(send, chosen, [arguments](Client& client) { return Send(client, *arguments); });
}

}  // namespace sekisho::cli
