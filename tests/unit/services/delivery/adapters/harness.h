#pragma once
// The whole queue on real storage in a temporary folder, with a clock that stands still and connections that do what
// the test says.

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "services/delivery/adapters/engine.h"
#include "shared/bus/local.h"
#include "shared/content/local.h"
#include "shared/keys/file_ring.h"
#include "shared/mailauth/dkim_signer.h"
#include "shared/observe/metrics.h"
#include "shared/stage/handover.h"
#include "shared/stage/proto_time.h"
#include "shared/stage/topology.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/store/test_store.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::delivery {

inline Disposition Says(int code, const std::string& enhanced, const std::string& text) {
  return OfReply(Step::kDot, {code, enhanced, text}, false);
}

// Hosts that do what the test says.
class FakeWorld final : public OutletMaker {
 public:
  struct Transaction {
    std::string destination;
    std::vector<std::string> recipients;
    std::string prefix;
    std::string content;
    int connection = 0;
  };
  using Answer = std::function<Outlet::Sent(const Batch&)>;

  // What a host says to a batch; everything is taken unless told otherwise.
  void OnSend(const std::string& destination, Answer answer) {
    const std::scoped_lock lock(mutex_);
    answers_[destination] = std::move(answer);
  }
  void Unreachable(const std::string& destination, const Disposition& disposition) {
    const std::scoped_lock lock(mutex_);
    failures_[destination] = disposition;
  }
  void Reachable(const std::string& destination) {
    const std::scoped_lock lock(mutex_);
    failures_.erase(destination);
  }
  // From now on batches are kept until Answer is called.
  void Hold() {
    const std::scoped_lock lock(mutex_);
    holding_ = true;
  }
  void Go() {
    std::vector<std::function<void()>> held;
    {
      const std::scoped_lock lock(mutex_);
      holding_ = false;
      held.swap(held_);
    }
    for (const auto& answer : held) answer();
  }

  // From now on connections are not opened before LetOpen, one at a time.
  void HoldOpening() {
    const std::scoped_lock lock(mutex_);
    holding_opening_ = true;
  }
  void LetOpen() {
    std::function<void()> open;
    {
      const std::scoped_lock lock(mutex_);
      open = std::move(opening_.front());
      opening_.pop_front();
    }
    open();
  }
  size_t opening() const {
    const std::scoped_lock lock(mutex_);
    return opening_.size();
  }

  std::vector<Transaction> transactions() const {
    const std::scoped_lock lock(mutex_);
    return transactions_;
  }
  // How often each recipient got a mail.
  std::map<std::string, int> received() const {
    std::map<std::string, int> counts;
    for (const Transaction& transaction : transactions()) {
      for (const std::string& recipient : transaction.recipients) ++counts[recipient];
    }
    return counts;
  }
  int connections() const {
    const std::scoped_lock lock(mutex_);
    return connections_;
  }
  int open_connections() const {
    const std::scoped_lock lock(mutex_);
    return open_;
  }
  size_t held() const {
    const std::scoped_lock lock(mutex_);
    return held_.size();
  }

  static Outlet::Sent Taken(const Batch& batch) { return All(batch, Says(250, "2.0.0", "taken")); }
  static Outlet::Sent All(const Batch& batch, const Disposition& disposition) {
    Outlet::Sent sent;
    sent.report.dispositions.assign(batch.recipients.size(), disposition);
    sent.report.host = "mx.customer.example";
    sent.reusable = true;
    return sent;
  }

  void Open(const DestinationName& destination, std::function<void(Opened)> done) override {
    auto open = [this, name = destination.name, done = std::move(done)] {
      Opened opened;
      {
        const std::scoped_lock lock(mutex_);
        const auto failure = failures_.find(name);
        if (failure != failures_.end()) {
          opened.failure = {failure->second, "mx.customer.example"};
        } else {
          ++open_;
          opened.outlet = std::make_unique<FakeOutlet>(*this, name, ++connections_);
        }
      }
      done(std::move(opened));
    };
    {
      const std::scoped_lock lock(mutex_);
      if (holding_opening_) {
        opening_.push_back(std::move(open));
        return;
      }
    }
    open();
  }

 private:
  class FakeOutlet final : public Outlet {
   public:
    FakeOutlet(FakeWorld& world, std::string destination, int number)
        : world_(world), destination_(std::move(destination)), number_(number) {}
    ~FakeOutlet() override {
      const std::scoped_lock lock(world_.mutex_);
      --world_.open_;
    }
    void Send(std::shared_ptr<const Batch> batch, std::function<void(Sent)> done) override {
      world_.Send(destination_, number_, std::move(batch), std::move(done), closed_);
    }
    void Close() override {
      closed_->store(true);
      world_.Go();
    }

   private:
    FakeWorld& world_;
    const std::string destination_;
    const int number_;
    std::shared_ptr<std::atomic<bool>> closed_ = std::make_shared<std::atomic<bool>>(false);
  };

  void Send(const std::string& destination, int connection, std::shared_ptr<const Batch> batch,
            std::function<void(Outlet::Sent)> done, std::shared_ptr<std::atomic<bool>> closed) {
    auto answer = [this, destination, connection, batch, done = std::move(done), closed] {
      if (*closed) {
        Outlet::Sent sent = All(*batch, OfFailure(Step::kContent, MakeError(Code::kCancelled, "closed")));
        sent.reusable = false;
        return done(std::move(sent));
      }
      Answer script;
      {
        const std::scoped_lock lock(mutex_);
        const auto found = answers_.find(destination);
        script = found == answers_.end() ? Answer(&Taken) : found->second;
      }
      Outlet::Sent sent = script(*batch);
      Transaction transaction{destination, {}, batch->prepared.prefix, *batch->prepared.content, connection};
      for (size_t i = 0; i < batch->recipients.size() && !sent.unanswered; ++i) {
        const Disposition& disposition = sent.report.dispositions[i];
        if (disposition.kind == Disposition::Kind::kDelivered || disposition.ambiguous) {
          transaction.recipients.push_back(batch->recipients[i].recipient.address());
        }
      }
      if (!transaction.recipients.empty()) {
        const std::scoped_lock lock(mutex_);
        transactions_.push_back(std::move(transaction));
      }
      done(std::move(sent));
    };
    {
      const std::scoped_lock lock(mutex_);
      if (holding_) {
        held_.push_back(std::move(answer));
        return;
      }
    }
    answer();
  }

  mutable std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::map<std::string, Disposition> failures_;
  std::vector<Transaction> transactions_;
  std::vector<std::function<void()>> held_;
  std::deque<std::function<void()>> opening_;
  bool holding_ = false, holding_opening_ = false;
  int connections_ = 0, open_ = 0;
};

class QueueTest : public ::testing::Test {
 protected:
  QueueTest() : pool_("test", 2, 1000), signer_(*mailauth::DkimSigner::Create({})) {
    keys_ = *keys::OpenFileRing(folder_ / "ring", true);
    OpenStorage();
  }
  ~QueueTest() override {
    Stop();
    CloseStorage();
  }

  void OpenStorage() {
    database_ = store_.Open();
    bus_ = *bus::OpenLocal(*database_, stage::ConsumerGroups());
    content_ = *content::OpenLocal({.folder = folder_ / "content"}, *database_, *keys_, clock_);
    around_ =
        std::make_unique<stage::Surroundings>(stage::Surroundings{*database_, *bus_, *keys_, clock_, pool_, "example"});
    SEKISHO_CHECK(stage::MigrateStageTables(*database_, "policy").ok());
  }
  void CloseStorage() {
    outcomes_.reset();
    journal_.reset();
    around_.reset();
    content_.reset();
    bus_.reset();
    if (database_) database_->Stop();
    database_.reset();
  }

  void Start() {
    engine_ = MakeEngine();
    const Status started = engine_->Start();
    ASSERT_TRUE(started.ok()) << started.error().ToString();
  }
  std::unique_ptr<Engine> MakeEngine() {
    Engine::Options options{.routes = *RouteTable::Make(config_),
                            .schedule = {},
                            .limits = limits_,
                            .notices = {"gate.example.jp", "postmaster@example.jp"}};
    return std::make_unique<Engine>(std::move(options), *around_, *content_, signer_, world_, metrics_);
  }
  void Stop() {
    if (engine_ != nullptr) engine_->Drain(std::chrono::seconds(20));
    engine_.reset();
  }

  // A mail as policy hands it over, straight to delivery.
  struct Mail {
    MailId id;
    mail::v1::Parcel parcel;
    mail::v1::Judgement judgement;
    std::optional<keys::MailKey> key;
    std::string source = "policy";
  };
  Mail Compose(const std::vector<std::string>& recipients,
               const std::string& text = "Subject: test\r\n\r\nHello.\r\n") {
    Mail mail;
    mail.id = MailId::Generate(clock_.Now());
    mail.key = *keys_->NewMailKey(clock_.Now());
    const ParcelId parcel_id = ParcelId::Generate(clock_.Now());
    auto writer = content_->Create(*mail.key, mail.id, "d1-" + parcel_id.ToString());
    SEKISHO_CHECK(writer->Append(text).ok());
    const auto staged = *writer->Finish();
    SEKISHO_CHECK(database_->RunAndWait([&](store::Tx& tx) { return staged->Attach(tx); }).ok());

    mail.parcel.set_organization_id("example");
    mail.parcel.set_mail_id(std::string(mail.id.octets()));
    mail.parcel.set_parcel_id(std::string(parcel_id.octets()));
    mail.parcel.set_hop(1);
    mail.parcel.mutable_envelope()->set_mail_from("hanako@example.jp");
    mail.parcel.set_subject("test");
    mail.parcel.mutable_submitter()->set_kind(mail::v1::Submitter::KIND_SUBMISSION);
    mail.parcel.mutable_submitter()->set_principal("hanako@example.jp");
    mail.parcel.mutable_submitter()->set_protocol("ESMTPSA");
    *mail.parcel.mutable_content() = staged->ref();
    *mail.parcel.mutable_accepted_at() = ToProto(clock_.Now());
    for (const std::string& recipient : recipients) mail.parcel.add_recipients()->set_address(recipient);

    mail.judgement.set_organization_id("example");
    mail.judgement.set_mail_id(mail.parcel.mail_id());
    mail.judgement.set_mail_from("hanako@example.jp");
    for (const std::string& recipient : recipients) mail.judgement.add_recipients(recipient);
    mail.judgement.set_d1_sha256(staged->ref().sha256());
    mail.judgement.add_slip(mail::v1::STAGE_DELIVERY);
    return mail;
  }
  void Publish(const Mail& mail) {
    mail::v1::Parcel parcel = mail.parcel;
    if (parcel.system_mail() == mail::v1::SYSTEM_MAIL_UNSPECIFIED) {
      auto* signed_judgement = parcel.mutable_judgement();
      signed_judgement->set_judgement(mail.judgement.SerializeAsString());
      (*signed_judgement->mutable_mac_by_stage())[mail::v1::STAGE_DELIVERY] =
          *keys_->EdgeMac("policy", "delivery", signed_judgement->judgement());
    }
    PublishRaw(bus::Topic::kSealed, mail, parcel);
  }
  void PublishRaw(bus::Topic topic, const Mail& mail, const google::protobuf::MessageLite& value) {
    stage::Committer committer(*around_, topic == bus::Topic::kControl ? "intake" : mail.source);
    const Status published = committer.CommitAndWait(
        [&](store::Tx&, stage::Outbox& outbox) { return outbox.Publish(topic, *mail.key, mail.id, value); });
    ASSERT_TRUE(published.ok()) << published.error().ToString();
  }
  Mail Send(const std::vector<std::string>& recipients, const std::string& text = "Subject: test\r\n\r\nHello.\r\n") {
    Mail mail = Compose(recipients, text);
    Publish(mail);
    return mail;
  }
  void Recall(const Mail& mail, const std::vector<std::string>& recipients = {}) {
    mail::v1::Control control;
    control.set_organization_id("example");
    control.set_mail_id(std::string(mail.id.octets()));
    control.set_action(mail::v1::Control::ACTION_RECALL);
    control.set_actor("hanako@example.jp");
    for (const std::string& recipient : recipients) control.add_recipients(recipient);
    PublishRaw(bus::Topic::kControl, mail, control);
  }

  // What was said of each recipient so far: terminal states by address, each with how often; and the journal's events.
  void Collect() {
    if (outcomes_ == nullptr) {
      outcomes_ = *bus_->Subscribe(bus::Topic::kOutcome, "intake");
      journal_ = *bus_->Subscribe(bus::Topic::kJournal, "ledger");
    }
    for (const auto& record : Fetch(*outcomes_)) {
      mail::v1::Outcome outcome;
      SEKISHO_CHECK(outcome.ParseFromString(OpenRecord(record)));
      for (const std::string& address : outcome.recipients()) ++terminal_[address][outcome.state()];
      outcome_records_.push_back(std::move(outcome));
    }
    for (const auto& record : Fetch(*journal_)) {
      mail::v1::JournalEvent event;
      SEKISHO_CHECK(event.ParseFromString(OpenRecord(record)));
      events_.push_back(std::move(event));
    }
  }
  static std::vector<bus::Record> Fetch(bus::Consumer& consumer) {
    std::vector<bus::Record> all;
    for (;;) {
      auto more = *consumer.Fetch(1000, Duration{});
      if (more.empty()) return all;
      std::move(more.begin(), more.end(), std::back_inserter(all));
    }
  }
  std::string OpenRecord(const bus::Record& record) {
    return keys_->Open(record.message.value, stage::ValueContext(record.topic, record.message.header.id))->plaintext;
  }
  int Terminal(const std::string& address, mail::v1::RecipientState state) {
    Collect();
    return terminal_[address][state];
  }
  bool Journalled(const std::string& type, const std::string& address) {
    Collect();
    return std::any_of(events_.begin(), events_.end(), [&](const auto& event) {
      const auto& recipients = event.recipients();
      return event.type() == type && std::find(recipients.begin(), recipients.end(), address) != recipients.end();
    });
  }
  int64_t Rows() {
    static const store::Statement count("SELECT COUNT(*) FROM {delivery.recipient}");
    int64_t rows = -1;
    EXPECT_TRUE(database_
                    ->Read([&](store::Tx& tx) {
                      return tx.Query(count, {}, [&](const store::Row& row) {
                        rows = row.Int(0);
                        return Ok();
                      });
                    })
                    .ok());
    return rows;
  }
  void Advance(Duration by) {
    clock_.Advance(by);
    engine_->dispatcher().Wake();
  }
  // Real time passes here only until other threads have done their work.
  template <typename Condition>
  void Await(Condition condition, const char* what) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << what;
      std::this_thread::yield();
    }
  }
  double Counter(const std::string& series) {
    const std::string text = metrics_.Expose();
    const size_t at = text.find("\n" + series + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
  }

  testing::TemporaryFolder folder_;
  const testing::TestStore store_;
  testing::FakeClock clock_;
  WorkerPool pool_;
  mailauth::DkimSigner signer_;
  observe::Metrics metrics_;
  FakeWorld world_;
  config::v1::Delivery config_;
  Dispatcher::Limits limits_;
  std::unique_ptr<keys::KeyRing> keys_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<bus::Bus> bus_;
  std::unique_ptr<content::Store> content_;
  std::unique_ptr<stage::Surroundings> around_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<bus::Consumer> outcomes_, journal_;
  std::map<std::string, std::map<mail::v1::RecipientState, int>> terminal_;
  std::vector<mail::v1::Outcome> outcome_records_;
  std::vector<mail::v1::JournalEvent> events_;
};

}  // namespace sekisho::delivery
