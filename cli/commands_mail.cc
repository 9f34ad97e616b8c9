// login, submit, trace, mail list, mail recall.

#include <fstream>
#include <iostream>
#include <sstream>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "sekisho/ledger/v1/ledger.grpc.pb.h"

namespace sekisho::cli {

using intake::v1::IntakeService;
using ledger::v1::LedgerService;

Exit ReadFile(const std::string& path, std::string& octets) {
  std::ostringstream all;
  if (path == "-") {
    all << std::cin.rdbuf();
  } else {
    std::ifstream in(path, std::ios::binary);
    if (!in) return {kUsage, "cannot read " + path};
    all << in.rdbuf();
  }
  octets = all.str();
  return {};
}

std::string WithCrlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

namespace {

constexpr size_t kUnaryLimit = 3'000'000;  // below gRPC's 4 MB, with the envelope
constexpr size_t kPiece = 256 * 1024;

Exit Upload(Client& client, const intake::v1::SubmitMailRequest& request, intake::v1::SubmitMailResponse* response) {
  if (Exit ready = client.Connect(); !ready.ok()) return ready;
  const auto stub = IntakeService::NewStub(client.channel());
  grpc::ClientContext context;
  client.Prepare(context);
  const auto writer = stub->UploadMail(&context, response);
  intake::v1::UploadMailRequest piece;
  auto* header = piece.mutable_header();
  header->set_request_id(request.request_id());
  header->set_mail_from(request.mail_from());
  *header->mutable_recipients() = request.recipients();
  header->set_size(request.raw().size());
  bool going = writer->Write(piece);
  for (size_t at = 0; going && at < request.raw().size(); at += kPiece) {
    piece.set_data(request.raw().substr(at, kPiece));
    going = writer->Write(piece);
  }
  writer->WritesDone();
  return FromStatus(writer->Finish(), client.options().server);
}

struct SubmitArguments {
  std::string from, file = "-", request_id;
  std::vector<std::string> to;
};

}  // namespace

Exit Submit(Client& client, const intake::v1::SubmitMailRequest& request, intake::v1::SubmitMailResponse* response) {
  if (request.raw().size() > kUnaryLimit) return Upload(client, request, response);
  return client.Call<IntakeService>(&IntakeService::Stub::SubmitMail, request, response);
}

Exit Follow(Client& client, const std::string& mail_id) {
  if (Exit ready = client.Connect(); !ready.ok()) return ready;
  const auto stub = IntakeService::NewStub(client.channel());
  grpc::ClientContext context;
  client.Prepare(context);
  intake::v1::WatchMailRequest request;
  request.set_mail_id(mail_id);
  const auto reader = stub->WatchMail(&context, request);
  intake::v1::WatchMailResponse update;
  while (reader->Read(&update)) {
    if (update.has_snapshot()) PrintTrace(update.snapshot());
    if (update.has_event()) PrintEvent(update.event());
    std::cout << std::flush;
  }
  return FromStatus(reader->Finish(), client.options().server);
}

namespace {

void AddLogin(CLI::App& app, Chosen& chosen) {
  auto* login = app.add_subcommand("login", "Log in and keep a token");
  auto user = std::make_shared<std::string>();
  login->add_option("login", *user, "Login name; default: --user or SEKISHO_USER");
  OnRun(login, chosen, [user](Client& client) -> Exit {
    const std::string name = user->empty() ? client.options().user : *user;
    if (name.empty()) return {kUsage, "say who: sekisho login LOGIN"};
    const char* environment = std::getenv("SEKISHO_PASSWORD");
    const Secret<std::string> password =
        environment != nullptr ? Secret<std::string>(environment) : AskPassword("Password for " + name + ": ");
    if (Exit done = client.Login(name, password, true); !done.ok()) return done;
    if (client.json())
      PrintJson({{"user", name}, {"server", client.options().server}});
    else
      std::cout << "Logged in as " << name << " at " << client.options().server << ".\n";
    return {};
  });
}

void AddSubmit(CLI::App& app, Chosen& chosen) {
  auto* submit = app.add_subcommand("submit", "Hand in a mail (an RFC 5322 file)");
  auto arguments = std::make_shared<SubmitArguments>();
  submit->add_option("file", arguments->file, "The mail; - or nothing: standard input");
  submit->add_option("--from", arguments->from, "Envelope sender; default: the login");
  submit->add_option("--to", arguments->to, "Envelope recipient; give it again for more")
      ->required()
      ->allow_extra_args(false);
  submit->add_option("--request-id", arguments->request_id, "Makes a repeated submit harmless for 7 days");
  OnRun(submit, chosen, [arguments](Client& client) -> Exit {
    std::string raw;
    if (Exit read = ReadFile(arguments->file, raw); !read.ok()) return read;
    intake::v1::SubmitMailRequest request;
    request.set_mail_from(arguments->from.empty() ? client.options().user : arguments->from);
    if (request.mail_from().empty()) return {kUsage, "say who sends: --from ADDRESS"};
    for (const std::string& recipient : arguments->to) request.add_recipients(recipient);
    request.set_request_id(arguments->request_id);
    request.set_raw(WithCrlf(raw));
    intake::v1::SubmitMailResponse response;
    if (Exit done = Submit(client, request, &response); !done.ok()) return done;
    if (client.json())
      PrintJson({{"mail_id", response.mail_id()}, {"accepted_at", TimeText(response.accepted_at())}});
    else
      std::cout << "Accepted as " << response.mail_id() << ".\nFollow it: sekisho trace " << response.mail_id() << "\n";
    return {};
  });
}

void AddTrace(CLI::App& app, Chosen& chosen) {
  auto* trace = app.add_subcommand("trace", "Show one mail's way");
  auto mail_id = std::make_shared<std::string>();
  auto follow = std::make_shared<bool>(false);
  trace->add_option("mail-id", *mail_id, "The id that the 250 reply or submit gave")->required();
  trace->add_flag("--follow", *follow, "Go on until every recipient's end is known");
  OnRun(trace, chosen, [mail_id, follow](Client& client) -> Exit {
    if (*follow) return Follow(client, *mail_id);
    // A sender's own mail is asked of intake, which knows it from the moment of its 250; anyone else's, of the ledger.
    intake::v1::GetMailRequest request;
    request.set_mail_id(*mail_id);
    intake::v1::GetMailResponse response;
    if (Exit done = client.Call<IntakeService>(&IntakeService::Stub::GetMail, request, &response); !done.ok())
      return done;
    if (client.json())
      PrintJson(ToJson(response.trace()));
    else
      PrintTrace(response.trace());
    return {};
  });
}

void AddMail(CLI::App& app, Chosen& chosen) {
  auto* mail = app.add_subcommand("mail", "Mails: list them, take one back");
  mail->require_subcommand(1);

  auto* list = mail->add_subcommand("list", "Your mails, newest first");
  auto request = std::make_shared<ledger::v1::ListMailsRequest>();
  auto all = std::make_shared<bool>(false);
  auto limit = std::make_shared<uint32_t>(50);
  auto page = std::make_shared<std::string>();
  list->add_flag("--all", *all, "Everyone's (auditor or operator)");
  list->add_option("--limit", *limit, "How many")->check(CLI::Range(1, 500))->capture_default_str();
  list->add_option("--page", *page, "Go on after an earlier page");
  OnRun(list, chosen, [request, all, limit, page](Client& client) -> Exit {
    request->set_all(*all);
    request->set_page_size(*limit);
    request->set_page_token(*page);
    ledger::v1::ListMailsResponse response;
    if (Exit done = client.Call<LedgerService>(&LedgerService::Stub::ListMails, *request, &response); !done.ok())
      return done;
    if (client.json()) {
      Json mails = Json::array();
      for (const auto& one : response.mails()) mails.push_back(ToJson(one));
      PrintJson(mails);
      return {};
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : response.mails()) {
      for (const auto& recipient : one.recipients()) {
        rows.push_back({one.mail_id(), TimeText(one.accepted_at()), recipient.address(), StateName(recipient.state()),
                        one.subject().substr(0, 120)});
      }
    }
    PrintTable({"MAIL", "ACCEPTED", "RECIPIENT", "STATE", "SUBJECT"}, rows);
    if (!response.next_page_token().empty()) std::cout << "More: --page " << response.next_page_token() << "\n";
    return {};
  });

  auto* recall = mail->add_subcommand("recall", "Take a mail back as far as it can be");
  auto recalled = std::make_shared<std::pair<std::string, std::vector<std::string>>>();
  recall->add_option("mail-id", recalled->first)->required();
  recall->add_option("--to", recalled->second, "Only this recipient; give it again for more")->allow_extra_args(false);
  OnRun(recall, chosen, [recalled](Client& client) -> Exit {
    intake::v1::RecallMailRequest ask;
    ask.set_mail_id(recalled->first);
    for (const std::string& address : recalled->second) ask.add_recipients(address);
    intake::v1::RecallMailResponse response;
    if (Exit done = client.Call<IntakeService>(&IntakeService::Stub::RecallMail, ask, &response); !done.ok())
      return done;
    const auto answer = [](intake::v1::RecipientRecall::Answer value) -> std::string {
      switch (value) {
        case intake::v1::RecipientRecall::ANSWER_RECALLED:
          return "recalled";
        case intake::v1::RecipientRecall::ANSWER_TOO_LATE:
          return "too_late";
        default:
          return "pending";
      }
    };
    Json json = {{"mail_id", recalled->first}, {"recipients", Json::array()}};
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : response.recipients()) {
      json["recipients"].push_back({{"address", one.address()}, {"answer", answer(one.answer())}});
      rows.push_back({one.address(), answer(one.answer())});
    }
    if (client.json())
      PrintJson(json);
    else
      PrintTable({"RECIPIENT", "ANSWER"}, rows);
    return {};
  });
}

}  // namespace

void AddMailCommands(CLI::App& app, Chosen& chosen) {
  AddLogin(app, chosen);
  AddSubmit(app, chosen);
  AddTrace(app, chosen);
  AddMail(app, chosen);
}

}  // namespace sekisho::cli
