#pragma once
// The encryption service on a real store, bus, key ring and content store in a folder of the test; the test is policy
// and approval before it, delivery behind it. Time stands still until the test moves it.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "services/encryption/app.h"
#include "shared/bus/local.h"
#include "shared/config/sekisho.h"
#include "shared/content/local.h"
#include "shared/keys/file_ring.h"
#include "shared/stage/handover.h"
#include "shared/stage/topology.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/store/test_store.h"
#include "shared/testing/temporary_folder.h"
#include "tests/unit/services/encryption/people.h"

namespace sekisho::encryption {

class EncryptionWorld {
 public:
  EncryptionWorld() : workers_("test", 2, 100) {
    config.mutable_organization()->set_id("example");
    config.mutable_organization()->add_domains("example.jp");
    config.mutable_organization()->set_hostname("gw.example.jp");
    config.mutable_encryption()->set_trust_file(Write("root.pem", Root().certificate_pem()));
    config::ApplyDefaults(config);
    keys = *keys::OpenFileRing(folder_ / "ring", true);
    OpenStore();
  }
  ~EncryptionWorld() { CloseStore(); }

  // As after a restart of the process; what was not yet consumed is consumed again.
  void Restart() {
    CloseStore();
    OpenStore();
  }
  Status Start() {
    app = std::make_unique<App>(config, *around, *content, *authenticator);
    return app->Start();
  }

  std::string Write(const std::string& name, const std::string& octets) {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << octets;
    chmod(path.c_str(), 0600);
    return path;
  }
  // Makes the organisation able to sign.
  void GiveSigner(const Person& person) {
    auto& signer = *config.mutable_encryption()->mutable_organization_signer();
    signer.set_certificate_file(Write("organization.pem", person.issued.certificate_pem));
    signer.set_key_file(Write("organization.key", person.issued.key_pem));
  }

  // A mail as it lies with policy.
  struct Mail {
    MailId id;
    keys::MailKey key;
    mail::v1::Parcel parcel;
    mail::v1::Judgement judgement;
  };
  Mail MakeMail(const std::string& raw, const std::vector<std::string>& recipients,
                const std::function<void(mail::v1::Treatment&)>& treat,
                const std::string& mail_from = "hanako@example.jp") {
    Mail mail{MailId::Generate(clock.Now()), *keys->NewMailKey(clock.Now()), {}, {}};
    auto writer = content->Create(mail.key, mail.id, "d0");
    SEKISHO_CHECK(writer->Append(raw).ok());
    const auto staged = *writer->Finish();
    SEKISHO_CHECK(database->RunAndWait([&](store::Tx& tx) { return staged->Attach(tx); }).ok());
    mail.parcel.set_organization_id("example");
    mail.parcel.set_mail_id(std::string(mail.id.octets()));
    mail.parcel.set_parcel_id(std::string(ParcelId::Generate(clock.Now()).octets()));
    mail.parcel.set_hop(1);
    mail.parcel.mutable_envelope()->set_mail_from(mail_from);
    mail.parcel.mutable_submitter()->set_kind(mail::v1::Submitter::KIND_SUBMISSION);
    mail.parcel.mutable_submitter()->set_principal("hanako@example.jp");
    mail.parcel.mutable_submitter()->set_display_language("en");
    mail.parcel.set_subject("見積書");
    *mail.parcel.mutable_content() = staged->ref();
    mail.judgement.set_organization_id("example");
    mail.judgement.set_mail_id(mail.parcel.mail_id());
    mail.judgement.set_root_parcel_id(mail.parcel.parcel_id());
    mail.judgement.set_mail_from(mail_from);
    mail.judgement.set_d1_sha256(staged->ref().sha256());
    for (const std::string& address : recipients) {
      mail.parcel.add_recipients()->set_address(address);
      mail.judgement.add_recipients(address);
    }
    treat(*mail.judgement.mutable_treatment());
    mail.judgement.add_slip(mail::v1::STAGE_ENCRYPTION);
    mail.judgement.add_slip(mail::v1::STAGE_DELIVERY);
    return mail;
  }
  // As policy does.
  void Sign(Mail& mail) {
    auto& signed_judgement = *mail.parcel.mutable_judgement();
    signed_judgement.set_judgement(mail.judgement.SerializeAsString());
    (*signed_judgement.mutable_mac_by_stage())[mail::v1::STAGE_ENCRYPTION] =
        *keys->EdgeMac("policy", "encryption", signed_judgement.judgement());
  }
  void HandOver(const Mail& mail, const std::string& stage = "policy") {
    Publish(stage, bus::Topic::kCleared, mail, mail.parcel);
  }
  void SignAndHandOver(Mail& mail) {
    Sign(mail);
    HandOver(mail);
  }
  // As delivery does.
  void Tell(const Mail& mail, mail::v1::RecipientState state, const std::vector<std::string>& recipients) {
    mail::v1::Outcome outcome;
    outcome.set_organization_id("example");
    outcome.set_mail_id(mail.parcel.mail_id());
    outcome.set_parcel_id(mail.parcel.parcel_id());
    outcome.set_state(state);
    for (const std::string& address : recipients) outcome.add_recipients(address);
    outcome.set_mail_from(mail.parcel.envelope().mail_from());
    Publish("delivery", bus::Topic::kOutcome, mail, outcome);
  }
  void Publish(const std::string& stage, bus::Topic topic, const Mail& mail,
               const google::protobuf::MessageLite& value) {
    stage::Committer committer(*around, stage);
    const Status done = committer.CommitAndWait(
        [&](store::Tx&, stage::Outbox& outbox) { return outbox.Publish(topic, mail.key, mail.id, value); });
    ASSERT_TRUE(done.ok()) << done.error().ToString();
  }

  // The next message of encryption's on `topic`; waits up to 20 seconds. Fails the test when none comes.
  template <typename Message>
  Message Next(bus::Topic topic) {
    Message message;
    for (;;) {
      auto records = consumers_.at(topic)->Fetch(1, std::chrono::seconds(20));
      if (!records.ok() || records->empty()) {
        ADD_FAILURE() << "nothing on " << bus::TopicName(topic);
        return message;
      }
      const bus::Message& record = records->front().message;
      if (record.header.source != "encryption") continue;
      EXPECT_TRUE(stage::CheckHandOver(*keys, topic, record, stage::RouteOf(topic).consumers.front()).ok());
      const auto opened = keys->Open(record.value, stage::ValueContext(topic, record.header.id));
      EXPECT_TRUE(opened.ok());
      EXPECT_TRUE(message.ParseFromString(opened->plaintext));
      return message;
    }
  }
  mail::v1::Parcel NextParcel() { return Next<mail::v1::Parcel>(bus::Topic::kSealed); }
  mail::v1::JournalEvent NextEvent() { return Next<mail::v1::JournalEvent>(bus::Topic::kJournal); }
  // Whether encryption wrote nothing more on `topic`; after Settle.
  bool IsEmpty(bus::Topic topic) {
    for (;;) {
      const auto records = *consumers_.at(topic)->Fetch(1, Duration::zero());
      if (records.empty()) return true;
      if (records.front().message.header.source == "encryption") return false;
    }
  }
  // Until all that was handed over is finished.
  void Settle() {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (app->stage().Backlog() > 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  uint64_t Rows(const std::string& table) {
    const store::Statement count("SELECT COUNT(*) FROM {encryption." + table + "}");
    uint64_t rows = 0;
    SEKISHO_CHECK(database
                      ->Read([&](store::Tx& tx) {
                        return tx.Query(count, {}, [&](const store::Row& row) {
                          rows = static_cast<uint64_t>(row.Int(0));
                          return Ok();
                        });
                      })
                      .ok());
    return rows;
  }
  std::string ReadContent(const content::ContentRef& ref) {
    const auto octets = content->Read(ref);
    EXPECT_TRUE(octets.ok());
    return octets.ok() ? **octets : "";
  }
  const testing::TestStore& store() const { return store_; }
  std::string folder() const { return folder_ / ""; }

 private:
  testing::TemporaryFolder folder_;
  const testing::TestStore store_;

 public:
  testing::FakeClock clock;
  WorkerPool workers_;
  config::v1::Config config;
  std::unique_ptr<keys::KeyRing> keys;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<bus::Bus> bus;
  std::unique_ptr<content::Store> content;
  std::unique_ptr<stage::Surroundings> around;
  std::unique_ptr<rpc::Authenticator> authenticator;
  std::unique_ptr<App> app;

 private:
  void OpenStore() {
    database = store_.Open();
    bus = *bus::OpenLocal(*database, stage::ConsumerGroups());
    content = *content::OpenLocal({.folder = folder_ / "content"}, *database, *keys, clock);
    around =
        std::make_unique<stage::Surroundings>(stage::Surroundings{*database, *bus, *keys, clock, workers_, "example"});
    SEKISHO_CHECK(stage::MigrateStageTables(*database, "policy").ok() &&
                  stage::MigrateStageTables(*database, "delivery").ok());
    authenticator = std::make_unique<rpc::Authenticator>(
        *keys, clock, std::chrono::hours(24), [](std::string_view login) -> Result<rpc::Principal> {
          return rpc::Principal{
              std::string(login), {std::string(login.substr(0, login.find('@')))}, "en"};  // named for their role
        });
    for (const auto& [topic, group] :
         {std::pair(bus::Topic::kSealed, "delivery"), std::pair(bus::Topic::kOutcome, "intake"),
          std::pair(bus::Topic::kJournal, "ledger")}) {
      consumers_[topic] = *bus->Subscribe(topic, group);
    }
  }
  void CloseStore() {
    if (app) app->Drain({});
    app.reset();
    for (auto& [topic, consumer] : consumers_) consumer->Stop();
    consumers_.clear();
    around.reset();
    content.reset();
    bus.reset();
    database->Stop();
    database.reset();
  }
  std::map<bus::Topic, std::unique_ptr<bus::Consumer>> consumers_;
};

}  // namespace sekisho::encryption
