#include "services/ledger/domain/fold.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace sekisho::ledger {
namespace {

using namespace mail::v1;

class FoldTest : public ::testing::Test {
 protected:
  JournalEntry Entry(int64_t second, const char* type, RecipientState state,
                     std::initializer_list<const char*> recipients, const ParcelId& parcel = ParcelId()) {
    JournalEntry entry;
    entry.id = EventId::Generate(FromMicros(second * 1'000'000));
    entry.event.set_type(type);
    entry.event.set_state(state);
    entry.event.mutable_at()->set_seconds(second);
    for (const char* recipient : recipients) entry.event.add_recipients(recipient);
    if (!parcel.is_nil()) entry.event.set_parcel_id(std::string(parcel.octets()));
    return entry;
  }
  static std::string States(const v1::Trace& trace) {
    std::string states;
    for (const auto& recipient : trace.recipients()) {
      states += recipient.address() + "=" + RecipientState_Name(recipient.state()).substr(16) + " ";
    }
    return states;
  }
  const MailId mail_ = MailId::Generate(FromMicros(1));
};

TEST_F(FoldTest, TheLatestStateCountsInWhateverOrderEventsCome) {
  std::vector<JournalEntry> entries = {
      Entry(1, "accepted", RECIPIENT_STATE_ACCEPTED, {"a", "b"}), Entry(2, "judged", RECIPIENT_STATE_JUDGED, {"a"}),
      Entry(2, "judged", RECIPIENT_STATE_JUDGED, {"b"}), Entry(3, "held", RECIPIENT_STATE_HELD, {"b"}),
      Entry(4, "delivered", RECIPIENT_STATE_DELIVERED, {"a"})};
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(entries.begin(), entries.end(), random);
    const v1::Trace trace = FoldTrace(mail_, entries);
    EXPECT_EQ(States(trace), "a=DELIVERED b=HELD ");
    EXPECT_EQ(trace.events(0).type(), "accepted");
    EXPECT_EQ(trace.events(4).type(), "delivered");
  }
}

TEST_F(FoldTest, ATerminalStateIsNeverLeft) {
  EXPECT_EQ(States(FoldTrace(mail_, {Entry(1, "delivered", RECIPIENT_STATE_DELIVERED, {"a"}),
                                     Entry(2, "deferred", RECIPIENT_STATE_DEFERRED, {"a"}),
                                     Entry(3, "bounced", RECIPIENT_STATE_BOUNCED, {"a"})})),
            "a=DELIVERED ");
}

TEST_F(FoldTest, EventsWithoutAStateChangeNone) {
  EXPECT_EQ(States(FoldTrace(mail_, {Entry(1, "held", RECIPIENT_STATE_HELD, {"a"}),
                                     Entry(2, "recall_requested", RECIPIENT_STATE_UNSPECIFIED, {"a"})})),
            "a=HELD ");
}

TEST_F(FoldTest, ARecipientBelongsToItsLatestParcel) {
  const ParcelId parent = ParcelId::Generate(FromMicros(1)), child = ParcelId::Generate(FromMicros(2));
  const v1::Trace trace = FoldTrace(mail_, {Entry(1, "judged", RECIPIENT_STATE_JUDGED, {"a", "b"}, parent),
                                            Entry(2, "held", RECIPIENT_STATE_HELD, {"b"}, child)});
  EXPECT_EQ(trace.recipients(0).parcel_id(), parent.ToString());
  EXPECT_EQ(trace.recipients(1).parcel_id(), child.ToString());
}

}  // namespace
}  // namespace sekisho::ledger
