#include "services/delivery/adapters/delivery_rpc.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "services/delivery/adapters/batch.h"
#include "services/delivery/adapters/queue_table.h"
#include "shared/base/bytes.h"
#include "shared/observe/log.h"
#include "shared/rpc/error.h"
#include "shared/stage/proto_time.h"

namespace sekisho::delivery {

namespace {

constexpr uint32_t kMostRows = 500, kUsualRows = 100;

using ByIndex = std::map<std::string, Dispatcher::Summary>;

ByIndex Known(const Dispatcher& dispatcher) {
  ByIndex known;
  for (Dispatcher::Summary& summary : dispatcher.Summaries()) {
    std::string index = summary.index;
    known.emplace(std::move(index), std::move(summary));
  }
  return known;
}

// As the dispatcher calls it, or the domain of an address to it: another instance may have met it first.
std::string NameOf(const ByIndex& known, const std::string& index, const mail::v1::Parcel& parcel) {
  const auto found = known.find(index);
  if (found != known.end()) return found->second.name.Display();
  if (parcel.recipients_size() == 0) return "unreadable." + HexEncode(index.substr(0, 4));
  const std::string& address = parcel.recipients(0).address();
  return address.substr(address.rfind('@') + 1);
}

std::string ReasonOf(const ViewedRow& viewed, const ByIndex& known) {
  if (viewed.claimed) return "is being sent";
  const auto found = known.find(viewed.row.destination);
  if (found != known.end() && found->second.suspended) return "the destination is suspended";
  if (found != known.end() && !found->second.last_error.empty()) return found->second.last_error;
  return viewed.row.state == State::kDeferred ? "waits for its next attempt" : "waits for its first attempt";
}

std::string TokenOf(const RowKey& key) {
  return Base64UrlEncode(std::string(key.mail.octets()) + std::string(key.parcel.octets()) + std::to_string(key.index));
}

Result<RowKey> KeyOfToken(std::string_view token) {
  const auto wrong = [] { return MakeError(Code::kInvalid, "page_token: is not one of ours"); };
  const auto octets = Base64UrlDecode(token);
  if (!octets.ok() || octets->size() < 33) return wrong();
  RowKey key;
  const auto mail = MailId::FromOctets(octets->substr(0, 16));
  const auto parcel = ParcelId::FromOctets(octets->substr(16, 16));
  const std::string_view index = std::string_view(*octets).substr(32);
  const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), key.index);
  if (!mail.ok() || !parcel.ok() || error != std::errc() || end != index.data() + index.size()) return wrong();
  key.mail = *mail;
  key.parcel = *parcel;
  return key;
}

}  // namespace

grpc::ServerUnaryReactor* DeliveryRpc::Answer(grpc::CallbackServerContext* context, std::string_view method,
                                              Work work) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  auto principal = authenticator_.Authenticate(*context, "/sekisho.delivery.v1.DeliveryService/" + std::string(method));
  if (!principal.ok()) {
    reactor->Finish(rpc::ToStatus(principal.error()));
    return reactor;
  }
  const bool posted = around_.workers.TryPost([reactor, work = std::move(work), caller = *std::move(principal)] {
    const Status done = work(caller);
    reactor->Finish(done.ok() ? grpc::Status::OK : rpc::ToStatus(done.error()));
  });
  if (!posted) reactor->Finish(rpc::ToStatus(MakeError(Code::kExhausted, "too much to do; try again later")));
  return reactor;
}

grpc::ServerUnaryReactor* DeliveryRpc::SummarizeQueue(grpc::CallbackServerContext* context,
                                                      const v1::SummarizeQueueRequest*,
                                                      v1::SummarizeQueueResponse* response) {
  return Answer(context, "SummarizeQueue", [this, response](const rpc::Principal&) { return Summarize(*response); });
}

grpc::ServerUnaryReactor* DeliveryRpc::ShapeQueue(grpc::CallbackServerContext* context, const v1::ShapeQueueRequest*,
                                                  v1::ShapeQueueResponse* response) {
  return Answer(context, "ShapeQueue", [this, response](const rpc::Principal&) { return Shape(*response); });
}

grpc::ServerUnaryReactor* DeliveryRpc::ListQueued(grpc::CallbackServerContext* context,
                                                  const v1::ListQueuedRequest* request,
                                                  v1::ListQueuedResponse* response) {
  return Answer(context, "ListQueued",
                [this, request, response](const rpc::Principal&) { return List(*request, *response); });
}

grpc::ServerUnaryReactor* DeliveryRpc::SuspendDestination(grpc::CallbackServerContext* context,
                                                          const v1::SuspendDestinationRequest* request,
                                                          v1::SuspendDestinationResponse*) {
  return Answer(context, "SuspendDestination", [this, request](const rpc::Principal&) {
    observe::Log(observe::Level::kInfo, "delivery.suspend", {{"destination", request->destination()}});
    return dispatcher_.Suspend(request->destination());
  });
}

grpc::ServerUnaryReactor* DeliveryRpc::ResumeDestination(grpc::CallbackServerContext* context,
                                                         const v1::ResumeDestinationRequest* request,
                                                         v1::ResumeDestinationResponse*) {
  return Answer(context, "ResumeDestination", [this, request](const rpc::Principal&) {
    observe::Log(observe::Level::kInfo, "delivery.resume", {{"destination", request->destination()}});
    return dispatcher_.Resume(request->destination());
  });
}

// Numbers from memory; only the age of the oldest is asked of the database, for this caller.
Status DeliveryRpc::Summarize(v1::SummarizeQueueResponse& response) const {
  const TimePoint now = around_.clock.Now();
  for (const Dispatcher::Summary& summary : dispatcher_.Summaries()) {
    auto& told = *response.add_destinations();
    told.set_destination(summary.name.Display());
    told.set_queued(summary.queued);
    told.set_sending(summary.sending);
    told.set_deferred(summary.deferred);
    told.set_suspended(summary.suspended);
    told.set_last_error(summary.last_error);
    if (summary.next_attempt != TimePoint::max()) *told.mutable_next_attempt() = ToProto(summary.next_attempt);
    SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
      SEKISHO_TRY(const auto oldest, OldestQueued(tx, summary.index));
      if (oldest) *told.mutable_oldest_age() = ToProto(std::max(Duration{}, now - *oldest));
      return Ok();
    }));
  }
  return Ok();
}

mail::v1::Parcel DeliveryRpc::Open(const QueueRow& row) const {
  mail::v1::Parcel parcel;
  const auto opened = around_.keys.Open(row.sealed, RowContext(row.key));
  if (!opened.ok() || !parcel.ParseFromString(opened->plaintext) || parcel.recipients_size() != 1) parcel.Clear();
  return parcel;
}

Status DeliveryRpc::Shape(v1::ShapeQueueResponse& response) const {
  const auto known = Known(dispatcher_);
  struct Row {
    uint64_t all = 0;
    v1::DestinationShape shape;
  };
  std::vector<Row> rows;
  SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
    rows.clear();
    SEKISHO_TRY(const std::vector<delivery::Shape> shapes, ShapeRows(tx, around_.clock.Now()));
    for (const delivery::Shape& shape : shapes) {
      Row& row = rows.emplace_back();
      mail::v1::Parcel one;
      if (known.count(shape.destination) == 0) {
        SEKISHO_TRY(const auto any, AnyRow(tx, shape.destination));
        if (any) one = Open(*any);
      }
      row.shape.set_destination(NameOf(known, shape.destination, one));
      for (const uint64_t count : shape.counts) {
        row.shape.add_counts(count);
        row.all += count;
      }
    }
    return Ok();
  }));
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.all > b.all; });
  for (const auto age : kAges) *response.add_ages() = ToProto(age);
  for (Row& row : rows) *response.add_destinations() = std::move(row.shape);
  return Ok();
}

// Whatever it is: a route or a domain, asked for with REQUIRETLS or without.
Result<std::vector<std::string>> DeliveryRpc::IndexesOf(const std::string& destination) {
  std::vector<std::string> indexes;
  if (destination.empty()) return indexes;
  for (const auto kind : {DestinationName::Kind::kRoute, DestinationName::Kind::kDomain}) {
    for (const bool require_tls : {false, true}) {
      SEKISHO_TRY(std::string index, dispatcher_.IndexOf({kind, destination, require_tls}));
      indexes.push_back(std::move(index));
    }
  }
  return indexes;
}

Status DeliveryRpc::List(const v1::ListQueuedRequest& request, v1::ListQueuedResponse& response) {
  RowFilter filter;
  if (request.page_size() > kMostRows) return MakeError(Code::kInvalid, "page_size: at most 500");
  filter.limit = request.page_size() == 0 ? kUsualRows : request.page_size();
  if (!request.mail_id().empty()) {
    SEKISHO_TRY(filter.mail, MailId::Parse(request.mail_id()));
  }
  SEKISHO_TRY(filter.destinations, IndexesOf(request.destination()));
  if (!request.page_token().empty()) {
    SEKISHO_TRY(filter.after, KeyOfToken(request.page_token()));
  }
  std::vector<ViewedRow> rows;
  SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(rows, ViewRows(tx, filter));
    return Ok();
  }));
  const auto known = Known(dispatcher_);
  for (const ViewedRow& viewed : rows) {
    const mail::v1::Parcel parcel = Open(viewed.row);
    v1::QueuedRecipient& told = *response.add_recipients();
    told.set_mail_id(viewed.row.key.mail.ToString());
    told.set_parcel_id(viewed.row.key.parcel.ToString());
    if (parcel.recipients_size() > 0) told.set_address(parcel.recipients(0).address());
    told.set_destination(NameOf(known, viewed.row.destination, parcel));
    const bool deferred = viewed.row.state == State::kDeferred;
    told.set_state(viewed.claimed ? v1::QueuedRecipient::SENDING
                   : deferred     ? v1::QueuedRecipient::DEFERRED
                                  : v1::QueuedRecipient::QUEUED);
    told.set_attempts(static_cast<uint32_t>(viewed.row.attempts));
    *told.mutable_queued_at() = ToProto(viewed.row.queued_at);
    if (!viewed.claimed) *told.mutable_next_attempt() = ToProto(viewed.due);
    told.set_reason(ReasonOf(viewed, known));
  }
  if (rows.size() == static_cast<size_t>(filter.limit)) response.set_next_page_token(TokenOf(rows.back().row.key));
  return Ok();
}

}  // namespace sekisho::delivery
