// hold list, hold release, hold drop, approval list, show, approve, reject.

#include <iostream>

#include "cli/app.h"
#include "cli/print.h"
#include "sekisho/approval/v1/approval.grpc.pb.h"
#include "shared/base/bytes.h"

namespace sekisho::cli {

using approval::v1::ApprovalService;

namespace {

struct DecisionArguments {
  std::string parcel, comment;
  std::vector<std::string> recipients;
};

void PrintParcels(Client& client, const google::protobuf::RepeatedPtrField<approval::v1::HeldParcel>& parcels) {
  if (client.json()) {
    Json json = Json::array();
    for (const auto& parcel : parcels) json.push_back(ToJson(parcel));
    PrintJson(json);
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& parcel : parcels) {
    std::string to = parcel.recipients().empty() ? "" : parcel.recipients(0);
    if (parcel.recipients_size() > 1) to += " +" + std::to_string(parcel.recipients_size() - 1);
    std::string why;
    for (const auto& reason : parcel.reasons()) why += (why.empty() ? "" : ", ") + reason.rule_id();
    rows.push_back(
        {parcel.parcel_id(), HoldClassName(parcel.hold_class()), TimeText(parcel.due()), to, parcel.subject(), why});
  }
  PrintTable({"PARCEL", "CLASS", "DUE", "TO", "SUBJECT", "WHY"}, rows);
}

std::shared_ptr<DecisionArguments> AddDecisionArguments(CLI::App* verb, bool comment_required) {
  auto arguments = std::make_shared<DecisionArguments>();
  verb->add_option("parcel-id", arguments->parcel)->required();
  verb->add_option("--to", arguments->recipients, "Only for this recipient; give it again for more")
      ->allow_extra_args(false);
  auto* comment = verb->add_option("--comment", arguments->comment, "What the sender will read");
  if (comment_required) comment->required();
  return arguments;
}

Exit PrintDecision(Client& client, const Exit& done, const approval::v1::DecisionResponse& response) {
  if (!done.ok()) return done;
  if (client.json())
    PrintJson({{"parcel_id", response.parcel_id()}, {"state", response.state()}});
  else
    std::cout << response.parcel_id() << " is " << response.state() << ".\n";
  return {};
}

template <typename Request>
Request MakeRequest(const DecisionArguments& arguments) {
  Request request;
  request.set_parcel_id(arguments.parcel);
  for (const std::string& recipient : arguments.recipients) request.add_recipients(recipient);
  if constexpr (requires { request.set_comment(arguments.comment); }) request.set_comment(arguments.comment);
  return request;
}

void AddHold(CLI::App& app, Chosen& chosen) {
  auto* hold = app.add_subcommand("hold", "Held mail: list it, let it go");
  hold->require_subcommand(1);
  auto* list = hold->add_subcommand("list", "What is held and you may release");
  auto all = std::make_shared<bool>(false);
  list->add_flag("--all", *all, "Everyone's (operator)");
  OnRun(list, chosen, [all](Client& client) -> Exit {
    approval::v1::ListHoldsRequest request;
    request.set_all(*all);
    approval::v1::ListHoldsResponse response;
    if (Exit done = client.Call<ApprovalService>(&ApprovalService::Stub::ListHolds, request, &response); !done.ok())
      return done;
    PrintParcels(client, response.holds());
    return {};
  });
  auto* release = hold->add_subcommand("release", "Let a held parcel go now");
  const auto arguments = AddDecisionArguments(release, false);
  OnRun(release, chosen, [arguments](Client& client) -> Exit {
    approval::v1::DecisionResponse response;
    const Exit done = client.Call<ApprovalService>(
        &ApprovalService::Stub::ReleaseHold, MakeRequest<approval::v1::ReleaseHoldRequest>(*arguments), &response);
    return PrintDecision(client, done, response);
  });
  auto* drop = hold->add_subcommand("drop", "Remove what is held; its sender is told why (operator)");
  const auto reason = AddDecisionArguments(drop, true);
  OnRun(drop, chosen, [reason](Client& client) -> Exit {
    approval::v1::DecisionResponse response;
    const Exit done = client.Call<ApprovalService>(&ApprovalService::Stub::DropHold,
                                                   MakeRequest<approval::v1::DropHoldRequest>(*reason), &response);
    return PrintDecision(client, done, response);
  });
}

void AddShow(CLI::App* approval, Chosen& chosen) {
  auto* show = approval->add_subcommand("show", "One waiting mail, as you would decide on it");
  auto parcel = std::make_shared<std::string>();
  show->add_option("parcel-id", *parcel)->required();
  OnRun(show, chosen, [parcel](Client& client) -> Exit {
    approval::v1::GetApprovalRequest request;
    request.set_parcel_id(*parcel);
    approval::v1::GetApprovalResponse response;
    if (Exit done = client.Call<ApprovalService>(&ApprovalService::Stub::GetApproval, request, &response); !done.ok()) {
      return done;
    }
    if (client.json()) {
      Json json = ToJson(response.parcel());
      json["text"] = response.text();
      json["attachments"] = Json::array();
      for (const auto& name : response.attachment_names()) json["attachments"].push_back(name);
      json["content_sha256"] = HexEncode(response.content_sha256());
      PrintJson(json);
      return {};
    }
    std::cout << "from    " << ForTerminal(response.parcel().mail_from()) << "\n";
    for (const auto& address : response.parcel().recipients()) std::cout << "to      " << ForTerminal(address) << "\n";
    std::cout << "subject " << ForTerminal(response.parcel().subject()) << "\n";
    for (const auto& name : response.attachment_names()) std::cout << "file    " << ForTerminal(name) << "\n";
    for (const auto& reason : response.parcel().reasons()) {
      std::cout << "why     " << ForTerminal(reason.text_ja()) << " / " << ForTerminal(reason.text_en()) << "\n";
    }
    std::cout << "\n";
    size_t begin = 0;
    while (begin < response.text().size()) {
      const size_t end = std::min(response.text().find('\n', begin), response.text().size());
      std::cout << ForTerminal(std::string_view(response.text()).substr(begin, end - begin)) << "\n";
      begin = end + 1;
    }
    return {};
  });
}

void AddApproval(CLI::App& app, Chosen& chosen) {
  auto* approval = app.add_subcommand("approval", "Mail that waits for your decision");
  approval->require_subcommand(1);
  auto* list = approval->add_subcommand("list", "What waits for you");
  OnRun(list, chosen, [](Client& client) -> Exit {
    approval::v1::ListApprovalsResponse response;
    if (Exit done = client.Call<ApprovalService>(&ApprovalService::Stub::ListApprovals,
                                                 approval::v1::ListApprovalsRequest(), &response);
        !done.ok()) {
      return done;
    }
    PrintParcels(client, response.approvals());
    return {};
  });
  AddShow(approval, chosen);
  auto* approve = approval->add_subcommand("approve", "Let it go");
  const auto yes = AddDecisionArguments(approve, false);
  OnRun(approve, chosen, [yes](Client& client) -> Exit {
    approval::v1::DecisionResponse response;
    const Exit done = client.Call<ApprovalService>(&ApprovalService::Stub::Approve,
                                                   MakeRequest<approval::v1::ApproveRequest>(*yes), &response);
    return PrintDecision(client, done, response);
  });
  auto* reject = approval->add_subcommand("reject", "Return it to its sender, with a comment");
  const auto no = AddDecisionArguments(reject, true);
  OnRun(reject, chosen, [no](Client& client) -> Exit {
    approval::v1::DecisionResponse response;
    const Exit done = client.Call<ApprovalService>(&ApprovalService::Stub::Reject,
                                                   MakeRequest<approval::v1::RejectRequest>(*no), &response);
    return PrintDecision(client, done, response);
  });
}

}  // namespace

void AddApprovalCommands(CLI::App& app, Chosen& chosen) {
  AddHold(app, chosen);
  AddApproval(app, chosen);
}

}  // namespace sekisho::cli
