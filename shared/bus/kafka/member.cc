#include "shared/bus/kafka/member.h"

#include <pthread.h>

#include <algorithm>
#include <array>

#include "shared/bus/kafka/record.h"
#include "shared/observe/log.h"

namespace sekisho::bus::kafka {
namespace {

using std::chrono::milliseconds;

constexpr int kPollMs = 100, kAskMs = 500, kAssignMs = 5'000, kCommitMs = 3'000;
constexpr milliseconds kLook(100);  // between commits: what a crash makes the broker give again
constexpr Duration kShortWait = milliseconds(250);

using KafkaMessage = Handle<rd_kafka_message_t, rd_kafka_message_destroy>;

std::set<int32_t> Numbers(const rd_kafka_topic_partition_list_t& list) {
  std::set<int32_t> numbers;
  for (int i = 0; i < list.cnt; ++i) numbers.insert(list.elems[i].partition);
  return numbers;
}

PartitionList Listed(const std::string& topic, const std::set<int32_t>& numbers) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(numbers.size())));
  for (const int32_t number : numbers) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), number);
  return list;
}

int64_t Millis(Duration duration) { return duration / milliseconds(1); }

}  // namespace

Member::Member(const KafkaOptions& options, TopicCheck& topics, Topic topic, std::string_view group, Window& window)
    : options_(options),
      topics_(topics),
      topic_(topic),
      group_(group),
      name_(TopicOnKafka(options, topic)),
      window_(window) {}

Result<std::unique_ptr<Member>> Member::Join(const KafkaOptions& options, TopicCheck& topics, Topic topic,
                                             std::string_view group, Window& window) {
  std::unique_ptr<Member> member(new Member(options, topics, topic, group, window));
  SEKISHO_RETURN_IF_ERROR(member->Connect());
  member->thread_ = std::thread([raw = member.get()] {
    pthread_setname_np(pthread_self(), ("kafka:" + std::string(TopicName(raw->topic_))).substr(0, 15).c_str());
    raw->Run();
  });
  return member;
}

Status Member::Connect() {
  Settings settings(options_.connection, "sekisho-" + group_);
  // A group for each topic: what happens to the members of one does not disturb the others.
  settings.Set("group.id", options_.prefix + "." + group_ + "." + std::string(TopicName(topic_)))
      .Set("session.timeout.ms", std::to_string(Millis(options_.session)))
      .Set("heartbeat.interval.ms", std::to_string(std::min<int64_t>(3'000, Millis(options_.session) / 3)))
      // Not cooperative-sticky: with manual commits it loses its place (librdkafka #4059).
      .Set("partition.assignment.strategy", "range")
      .Set("enable.auto.commit", "false")
      .Set("enable.auto.offset.store", "false")
      .Set("auto.offset.reset", "earliest")
      .Set("queued.min.messages", "2000")
      .Set("queued.max.messages.kbytes", "16384")
      // 2.0 also waits this long, by default half a second, whenever its own queue is full.
      .Set("fetch.error.backoff.ms", "50");
  if (!options_.instance.empty()) settings.Set("group.instance.id", options_.instance);
  rd_kafka_conf_set_opaque(settings.raw(), this);
  rd_kafka_conf_set_rebalance_cb(settings.raw(), &Member::OnRebalance);
  rd_kafka_conf_set_offset_commit_cb(settings.raw(), &Member::OnCommitted);
  SEKISHO_TRY(Client client, std::move(settings).Make(RD_KAFKA_CONSUMER));
  rd_kafka_poll_set_consumer(client.get());
  const std::scoped_lock lock(client_mutex_);
  client_ = std::move(client);
  return Ok();
}

Member::~Member() {
  leaving_ = true;
  if (thread_.joinable()) thread_.join();
}

void Member::Run() {
  if (!AwaitTopics()) return;
  Subscribe();
  while (!leaving_) {
    Poll();
    if (fenced_by_own_commit_) Rejoin();
  }
  rd_kafka_consumer_close(client_.get());  // revokes what we have, which commits
}

void Member::Subscribe() {
  const PartitionList topics = Listed(name_, {RD_KAFKA_PARTITION_UA});
  if (const auto error = rd_kafka_subscribe(client_.get(), topics.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    window_.SetTrouble(FromKafka(error, "subscribing to " + name_));
  }
}

// The library keeps a commit back while the coordinator is away. When the session ends meanwhile, it sends it
// afterwards without our member id, the coordinator takes us for a second process of our name, and the client is beyond
// repair. It wasn't one: begin anew. A process that is really there is told of by the answer to a heartbeat, and then
// we stay out.
void Member::Rejoin() {
  observe::Log(observe::Level::kWarn, "bus.rejoin", {{"topic", name_}});
  rd_kafka_consumer_close(client_.get());
  window_.Withdraw(window_.Partitions());
  window_.Forget(window_.Partitions());
  committed_.clear();
  paused_.clear();
  committing_ = lost_while_committing_ = fenced_by_own_commit_ = false;
  if (const Status connected = Connect(); connected.ok()) {
    window_.SetTrouble(std::nullopt);
    Subscribe();
  } else {
    window_.SetTrouble(connected.error());
  }
}

bool Member::AwaitTopics() {
  for (;;) {
    const Status verified = topics_.Verify();
    if (verified.ok()) break;
    window_.SetTrouble(verified.error());
    if (leaving_) return false;
    // Serves the library's callbacks meanwhile; there are no records.
    const KafkaMessage none(rd_kafka_consumer_poll(client_.get(), kPollMs));
  }
  window_.SetTrouble(std::nullopt);
  return true;
}

void Member::Poll() {
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_look_) {
    next_look_ = now + kLook;
    CommitSoon();
    NoteEnds();
    CheckFatal();
  }
  // A stage that is busy for a moment costs nothing; one that is busy for longer has its partitions paused, for the
  // library throws away what it fetched ahead.
  if (paused_.empty()) window_.AwaitRoom(kShortWait);
  PauseAndResume();
  const KafkaMessage message(rd_kafka_consumer_poll(client_.get(), kPollMs));
  if (message == nullptr) return;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    Take(*message);
  } else if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
    CheckFatal();
  } else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    window_.SetTrouble(FromKafka(message->err, "consuming " + name_));
  }
}

void Member::Take(const rd_kafka_message_t& message) {
  Record record = ReadRecord(topic_, message);
  if (record.damage) {
    observe::Log(
        observe::Level::kError, "bus.record_damaged",
        {{"topic", name_}, {"partition", message.partition}, {"offset", message.offset}, {"cause", *record.damage}});
  }
  window_.Arrived(std::move(record));
}

void Member::PauseAndResume() {
  std::set<int32_t> pause, resume;
  for (const int32_t partition : window_.Partitions()) {
    const bool paused = paused_.contains(partition), wanted = window_.Wanted(partition, !paused);
    if (wanted && paused) resume.insert(partition);
    if (!wanted && !paused) pause.insert(partition);
  }
  if (!pause.empty()) rd_kafka_pause_partitions(client_.get(), Listed(name_, pause).get());
  if (!resume.empty()) rd_kafka_resume_partitions(client_.get(), Listed(name_, resume).get());
  paused_.insert(pause.begin(), pause.end());
  for (const int32_t partition : resume) paused_.erase(partition);
}

// As the library knows them from the last fetch.
void Member::NoteEnds() {
  for (const int32_t partition : window_.Partitions()) {
    int64_t low = 0, end = 0;
    if (rd_kafka_get_watermark_offsets(client_.get(), name_.c_str(), partition, &low, &end) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
      window_.NoteEnd(partition, end);
    }
  }
}

void Member::AskEnds() const {
  const std::shared_ptr<rd_kafka_t> client = [&] {
    const std::scoped_lock lock(client_mutex_);
    return client_;
  }();
  for (const int32_t partition : window_.Partitions()) {
    if (window_.Wanted(partition, true)) continue;  // each fetch tells, twice a second where nothing comes
    int64_t low = 0, end = 0;
    if (rd_kafka_query_watermark_offsets(client.get(), name_.c_str(), partition, &low, &end, kAskMs) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
      return;
    }
    window_.NoteEnd(partition, end);
  }
}

void Member::OnRebalance(rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions,
                         void* self) {
  auto& member = *static_cast<Member*>(self);
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    member.Assigned(partitions);
  } else {
    member.Revoked(partitions);
  }
}

void Member::Assigned(rd_kafka_topic_partition_list_t* partitions) {
  // Where each begins is asked here rather than left to the library: the depth is then known before the first record.
  if (rd_kafka_committed(client_.get(), partitions, kAssignMs) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    for (int i = 0; i < partitions->cnt; ++i) partitions->elems[i].err = RD_KAFKA_RESP_ERR__NO_OFFSET;
  }
  for (int i = 0; i < partitions->cnt; ++i) {
    auto& partition = partitions->elems[i];
    std::optional<int64_t> start;
    if (partition.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      partition.offset = RD_KAFKA_OFFSET_INVALID;  // not known now: the library asks again
    } else if (partition.offset >= 0) {
      start = committed_[partition.partition] = partition.offset;
    } else {
      partition.offset = RD_KAFKA_OFFSET_BEGINNING;  // a new group
      int64_t oldest = 0, end = 0;
      if (rd_kafka_query_watermark_offsets(client_.get(), name_.c_str(), partition.partition, &oldest, &end, kAskMs) ==
          RD_KAFKA_RESP_ERR_NO_ERROR) {
        start = partition.offset = committed_[partition.partition] = oldest;
      }
    }
    window_.Assign(partition.partition, start);
  }
  rd_kafka_assign(client_.get(), partitions);
}

void Member::Revoked(rd_kafka_topic_partition_list_t* partitions) {
  const std::set<int32_t> numbers = Numbers(*partitions);
  const bool lost =
      rd_kafka_assignment_lost(client_.get()) == 1;  // others have them by now: nothing of ours counts any more
  window_.Withdraw(numbers);
  if (!lost && !leaving_) window_.AwaitIdle(numbers, options_.hand_over);
  if (!lost) CommitNow(numbers);
  if (lost && committing_) lost_while_committing_ = true;
  window_.Forget(numbers);
  // The library remembers what we paused beyond the assignment: given to us again, the partition would stand still for
  // ever.
  if (!paused_.empty()) rd_kafka_resume_partitions(client_.get(), Listed(name_, paused_).get());
  paused_.clear();  // the assignment is eager: it goes as a whole
  for (const int32_t number : numbers) committed_.erase(number);
  rd_kafka_assign(client_.get(), nullptr);
}

PartitionList Member::ToCommit(const std::set<int32_t>& partitions) const {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const auto& [number, offset] : window_.Lowest()) {
    const auto told = committed_.find(number);
    if (!partitions.contains(number) || (told != committed_.end() && told->second == offset)) continue;
    rd_kafka_topic_partition_list_add(list.get(), name_.c_str(), number)->offset = offset;
  }
  return list;
}

void Member::CommitSoon() {
  if (committing_) return;
  const PartitionList list = ToCommit(window_.Partitions());
  if (list->cnt == 0 || rd_kafka_commit(client_.get(), list.get(), 1) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  committing_ = true;
  for (int i = 0; i < list->cnt; ++i) committed_[list->elems[i].partition] = list->elems[i].offset;
}

void Member::OnCommitted(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
                         void* self) {
  auto& member = *static_cast<Member*>(self);
  member.committing_ = false;
  member.fenced_by_own_commit_ = error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID && member.lost_while_committing_;
  member.lost_while_committing_ = false;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR || partitions == nullptr) return;
  for (int i = 0; i < partitions->cnt; ++i)
    member.committed_.erase(partitions->elems[i].partition);  // to be told again
}

void Member::CommitNow(const std::set<int32_t>& partitions) {
  const PartitionList list = ToCommit(partitions);
  if (list->cnt == 0) return;
  const Queue queue(rd_kafka_queue_new(client_.get()));
  auto error = rd_kafka_commit_queue(client_.get(), list.get(), queue.get(), nullptr, nullptr);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const Event event(rd_kafka_queue_poll(queue.get(), kCommitMs));
    error = event == nullptr ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event.get());
  }
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  // What was finished is given again, to us or to another; the inbox knows it.
  observe::Log(observe::Level::kWarn, "bus.commit_failed",
               {{"topic", name_}, {"cause", FromKafka(error, "committing")}});
}

// An error that the library can't get over: another process took our instance's name.
void Member::CheckFatal() {
  std::array<char, 512> why{};
  const auto cause = rd_kafka_fatal_error(client_.get(), why.data(), why.size());
  if (cause != RD_KAFKA_RESP_ERR_NO_ERROR) window_.SetTrouble(FromKafka(cause, why.data()));
}

}  // namespace sekisho::bus::kafka
