#pragma once
// One member of a consumer group, with a thread of its own that asks the broker for records as long as the window wants
// some, commits what the window says is finished, and gives partitions up. The broker is asked whatever the stage does,
// so that a stage that pauses for long is not taken to be dead.

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "shared/bus/kafka/client.h"
#include "shared/bus/kafka/topics.h"
#include "shared/bus/kafka/window.h"

namespace sekisho::bus::kafka {

class Member {
 public:
  // All outlive it. Starts its thread.
  static Result<std::unique_ptr<Member>> Join(const KafkaOptions& options, TopicCheck& topics, Topic topic,
                                              std::string_view group, Window& window);
  // Commits what is finished and leaves; a member with an instance name keeps its partitions for the next process of
  // that name.
  ~Member();

  // Asks the broker where those partitions end that are not fetched now, since the window is full, and tells the
  // window. Of the others the last fetch has told. Waits for half a second each; then what was known holds. (Asked
  // beside a fetch the broker would answer after it: it takes the requests of a connection one by one.)
  void AskEnds() const;

 private:
  Member(const KafkaOptions& options, TopicCheck& topics, Topic topic, std::string_view group, Window& window);
  static void OnRebalance(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void* self);
  static void OnCommitted(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void* self);

  Status Connect();
  void Subscribe();
  void Rejoin();
  void Run();
  bool AwaitTopics();
  void Poll();
  void Take(const rd_kafka_message_t& message);
  void PauseAndResume();
  void NoteEnds();
  void CheckFatal();
  void Assigned(rd_kafka_topic_partition_list_t* partitions);
  void Revoked(rd_kafka_topic_partition_list_t* partitions);
  PartitionList ToCommit(const std::set<int32_t>& partitions) const;
  void CommitSoon();
  void CommitNow(const std::set<int32_t>& partitions);

  const KafkaOptions& options_;
  TopicCheck& topics_;
  const Topic topic_;
  const std::string group_;
  const std::string name_;  // of the topic
  Window& window_;
  std::atomic<bool> leaving_ = false;

  // Of the thread.
  std::map<int32_t, int64_t> committed_;  // what the broker was last told
  bool committing_ = false;               // a commit was sent, and not answered
  bool lost_while_committing_ = false;    // and the session ended before the answer
  bool fenced_by_own_commit_ = false;     // see Rejoin
  std::set<int32_t> paused_;
  std::chrono::steady_clock::time_point next_look_{};

  mutable std::mutex client_mutex_;  // for who is not the thread, and for the thread when it sets it
  std::shared_ptr<rd_kafka_t> client_;
  std::thread thread_;
};

}  // namespace sekisho::bus::kafka
