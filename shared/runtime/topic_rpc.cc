#include "shared/runtime/topic_rpc.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "shared/rpc/error.h"
#include "shared/stage/handover.h"
#include "shared/stage/proto_time.h"

namespace sekisho::runtime {
namespace {

constexpr char kMethod[] = "/sekisho.stage.v1.TopicService/TailTopic";
constexpr int kMostReaders = 4;  // each keeps a thread of the server
constexpr uint32_t kNewest = 10, kMostNewest = 10'000;
constexpr size_t kAtOnce = 100;
constexpr auto kLook = std::chrono::milliseconds(200);

// The value as JSON, by the type that the header names.
Result<std::string> Decode(const std::string& type, const std::string& value) {
  const auto* descriptor = type.starts_with("sekisho.mail.")
                               ? google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type)
                               : nullptr;
  if (descriptor == nullptr) return MakeError(Code::kUnsupported, "its type is not known here");
  const std::unique_ptr<google::protobuf::Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  if (!message->ParseFromString(value)) return MakeError(Code::kCorrupt, "its value is not of its type");
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(*message, &json, options).ok()) {
    return MakeError(Code::kCorrupt, "its value cannot be shown");
  }
  return json;
}

}  // namespace

grpc::Status TopicRpc::TailTopic(grpc::ServerContext* context, const stage::v1::TailTopicRequest* request,
                                 grpc::ServerWriter<stage::v1::TailTopicResponse>* writer) {
  const auto reader = authenticator_.Authenticate(*context, kMethod);
  if (!reader.ok()) return rpc::ToStatus(reader.error());
  const auto topic = bus::TopicByName(request->topic());
  if (!topic) return rpc::BadRequest({{"topic", "is none of ours"}});
  MailId mail;
  if (!request->mail_id().empty()) {
    const auto parsed = MailId::Parse(request->mail_id());
    if (!parsed.ok()) return rpc::BadRequest({{"mail_id", parsed.error().detail}});
    mail = *parsed;
  }
  struct Reader {
    std::atomic<int>& count;
    explicit Reader(std::atomic<int>& all) : count(all) { ++count; }
    ~Reader() { --count; }
  } counted(readers_);
  if (readers_ > kMostReaders) return rpc::ToStatus(MakeError(Code::kExhausted, "too many read topics; try later"));

  const uint32_t newest = request->newest() == 0 ? kNewest : std::min(request->newest(), kMostNewest);
  const auto tail = open_tail_(*topic, newest);
  if (!tail.ok()) return rpc::ToStatus(tail.error());
  const bool values = reader->Has("auditor") || reader->Has("security_officer");
  const auto journalled = Journal(*reader, *topic, mail, values);
  if (!journalled.ok()) return rpc::ToStatus(journalled.error());
  stage::v1::TailTopicResponse response;
  response.set_journalled_as(journalled->ToString());
  bool open = writer->Write(response);
  while (open && !context->IsCancelled()) {
    const auto records = (*tail)->Next(kAtOnce);
    if (!records.ok()) return rpc::ToStatus(records.error());
    for (const bus::Record& record : *records) {
      if (!mail.is_nil() && record.message.key != mail) continue;
      *response.mutable_record() = Show(record, values);
      open = open && writer->Write(response);
    }
    if (!records->empty()) continue;
    if (!request->follow() && (*tail)->caught_up()) break;
    if (!WaitALittle()) return rpc::ToStatus(MakeError(Code::kCancelled, "the server is stopping"));
  }
  return grpc::Status::OK;
}

Result<MailId> TopicRpc::Journal(const rpc::Principal& reader, bus::Topic topic, const MailId& mail, bool values) {
  const TimePoint now = around_.clock.Now();
  // What was read of no mail in particular has a journal of its own.
  const MailId about = mail.is_nil() ? MailId::Generate(now) : mail;
  SEKISHO_TRY(const keys::MailKey key, around_.keys.NewMailKey(now));
  mail::v1::JournalEvent event;
  event.set_mail_id(std::string(about.octets()));
  event.set_type("topic_read");
  event.set_actor(reader.login);
  event.set_detail("read the topic " + std::string(bus::TopicName(topic)) + (mail.is_nil() ? "" : ", this mail only") +
                   (values ? "" : ", without values"));
  SEKISHO_RETURN_IF_ERROR(
      committer_.CommitAndWait([&](store::Tx&, stage::Outbox& outbox) { return outbox.Journal(key, event); }));
  return about;
}

stage::v1::TopicRecord TopicRpc::Show(const bus::Record& record, bool values) {
  const bus::Header& header = record.message.header;
  stage::v1::TopicRecord shown;
  shown.set_partition(record.position.partition);
  shown.set_offset(record.position.offset);
  shown.set_event_id(header.id.ToString());
  if (record.damage) {
    shown.set_problem(record.damage->detail);
    return shown;
  }
  shown.set_mail_id(record.message.key.ToString());
  shown.set_type(header.type);
  shown.set_source(header.source);
  *shown.mutable_time() = ToProto(header.time);
  shown.set_traceparent(header.traceparent);
  if (!values) return shown;
  // A dead letter's value is sealed as that of the record it stands for.
  const auto opened =
      around_.keys.Open(record.message.value,
                        header.dead_letter ? stage::ValueContext(header.dead_letter->topic, header.dead_letter->event)
                                           : stage::ValueContext(record.topic, header.id));
  if (!opened.ok()) {
    shown.set_problem(opened.error().detail);
    return shown;
  }
  auto json = Decode(header.type, opened->plaintext);
  if (json.ok()) {
    shown.set_value_json(*std::move(json));
  } else {
    shown.set_problem(json.error().detail);
  }
  return shown;
}

bool TopicRpc::WaitALittle() {
  std::unique_lock lock(mutex_);
  return !stop_.wait_for(lock, kLook, [this] { return stopping_; });
}

void TopicRpc::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
}

}  // namespace sekisho::runtime
