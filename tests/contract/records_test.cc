// What an earlier version put on the topics means the same to this one.
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/bus/cloudevents.h"
#include "shared/bus/header.h"
#include "shared/keys/file_ring.h"
#include "shared/stage/handover.h"
#include "shared/stage/topology.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/temporary_folder.h"
#include "tests/contract/golden.h"

namespace sekisho::contract {
namespace {

using bus::Topic;

// The message that a header's type names.
std::unique_ptr<google::protobuf::Message> NewMessage(const std::string& type) {
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor == nullptr) return nullptr;
  return std::unique_ptr<google::protobuf::Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

class RecordsTest : public ::testing::TestWithParam<std::tuple<std::string, Topic>> {
 protected:
  void SetUp() override {
    // The generated descriptors of the messages must be linked.
    ASSERT_NE(mail::v1::Mail::descriptor(), nullptr);
    const auto& [folder, topic] = GetParam();
    folder_ = folder;
    name_ = bus::TopicName(topic);
    auto record = ReadRecord(folder_, name_);
    ASSERT_TRUE(record.ok()) << record.error().ToString();
    record_ = *std::move(record);
    const std::string ring = temporary_ / "ring";
    std::filesystem::copy_file(folder_ + "/ring.json", ring);
    chmod(ring.c_str(), 0600);
    auto opened = keys::OpenFileRing(ring, false, clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    keys_ = *std::move(opened);
  }
  Topic topic() const { return std::get<1>(GetParam()); }

  testing::TemporaryFolder temporary_;
  testing::FakeClock clock_;
  std::unique_ptr<keys::KeyRing> keys_;
  std::string folder_, name_;
  GoldenRecord record_;
};

TEST_P(RecordsTest, BothFormsOfItsHeaderAreTheSameHeader) {
  const auto header = bus::DecodeHeader(record_.header);
  ASSERT_TRUE(header.ok()) << header.error().ToString();
  const auto event = bus::DecodeCloudEvent(record_.cloudevent);
  ASSERT_TRUE(event.ok()) << event.error().ToString();
  EXPECT_EQ(event->id, header->id);
  EXPECT_EQ(event->type, header->type);
  EXPECT_EQ(event->source, header->source);
  EXPECT_EQ(event->time, header->time);
  EXPECT_EQ(event->organization_id, header->organization_id);
  EXPECT_EQ(event->traceparent, header->traceparent);
  EXPECT_EQ(event->causation, header->causation);
  EXPECT_EQ(event->macs, header->macs);
  EXPECT_EQ(event->dead_letter, header->dead_letter);
  EXPECT_EQ(header->organization_id, "example");
  EXPECT_EQ(header->time, clock_.Now());
  EXPECT_EQ(header->dead_letter.has_value(), topic() == Topic::kDeadLetter);
}

TEST_P(RecordsTest, HeadersThatALaterVersionAddsArePassedOver) {
  record_.cloudevent.emplace_back("ce_newer", "something");
  EXPECT_TRUE(bus::DecodeCloudEvent(record_.cloudevent).ok());
  record_.header += "\xc2\x3e\x01x";  // field 1000, one octet
  EXPECT_TRUE(bus::DecodeHeader(record_.header).ok());
}

TEST_P(RecordsTest, ItsHandOverIsProvedToEachConsumer) {
  const bus::Message message{*bus::DecodeHeader(record_.header), *MailId::FromOctets(record_.key), record_.sealed};
  for (const auto consumer : stage::RouteOf(topic()).consumers) {
    const Status checked = stage::CheckHandOver(*keys_, topic(), message, consumer);
    EXPECT_TRUE(checked.ok()) << consumer << ": " << checked.error().ToString();
    bus::Message changed = message;
    changed.value.back() ^= 1;
    EXPECT_FALSE(stage::CheckHandOver(*keys_, topic(), changed, consumer).ok()) << consumer;
  }
}

TEST_P(RecordsTest, ItsValueOpensAndMeansWhatItMeant) {
  const auto header = *bus::DecodeHeader(record_.header);
  const auto opened =
      header.dead_letter
          ? keys_->Open(record_.sealed, stage::ValueContext(header.dead_letter->topic, header.dead_letter->event))
          : keys_->Open(record_.sealed, stage::ValueContext(topic(), header.id));
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  EXPECT_EQ(opened->plaintext, record_.clear);

  const auto now = NewMessage(header.type), then = NewMessage(header.type);
  ASSERT_NE(now, nullptr) << header.type;
  ASSERT_TRUE(now->ParseFromString(opened->plaintext));
  const auto text = ReadWhole(folder_ + "/" + name_ + ".txtpb");
  ASSERT_TRUE(text.ok());
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(*text, then.get()));
  std::string difference;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(*then, *now)) << difference;
}

std::string NameOf(const ::testing::TestParamInfo<std::tuple<std::string, Topic>>& of) {
  std::string name = std::filesystem::path(std::get<0>(of.param)).filename().string() + "_" +
                     std::string(bus::TopicName(std::get<1>(of.param)));
  for (char& c : name) {
    if (c == '.') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Golden, RecordsTest,
                         ::testing::Combine(::testing::ValuesIn(GoldenVersions(SEKISHO_GOLDEN)),
                                            ::testing::ValuesIn(bus::kTopics)),
                         NameOf);

}  // namespace
}  // namespace sekisho::contract
