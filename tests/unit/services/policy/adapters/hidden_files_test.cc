// Attachments that carry files where no list of parts shows them: held, because a rule wants to know what leaves.

#include <gmock/gmock.h>

#include "shared/base/bytes.h"
#include "tests/unit/services/policy/adapters/policy_world.h"

namespace sekisho::policy {
namespace {

using ::testing::StartsWith;

constexpr char kPolicy[] =
    "keyword_sets: [{name: c, words: [社外秘]}]\n"
    "rules:\n"
    "  - {id: c, when: {content: {keyword_sets: [c]}}, then: {approval: {}}}\n";

struct Carrier {
  const char* what;
  std::string type;
  std::string name;
  std::string octets;
  bool held;
};

TEST(HiddenFilesTest, AreHeld) {
  PolicyWorld world(kPolicy);
  ASSERT_TRUE(world.Start().ok());
  const Carrier carriers[] = {
      {"Outlook's winmail.dat", "application/ms-tnef", "winmail.dat", "\x78\x9F\x3E\x22\x01", true},
      {"a calendar with a file in it", "text/calendar", "a.ics",
       "BEGIN:VCALENDAR\r\nATTACH;ENCODING=BASE64;VALUE=BINARY:AAAA\r\nEND:VCALENDAR\r\n", true},
      {"HTML smuggling", "text/html", "a.html", "<html><script>save(new Blob([atob('AAAA')]))</script></html>", true},
      {"HTML smuggling under another type", "application/octet-stream", "a.html",
       "<html><body onload='save()'></body></html>", true},
      {"a calendar with a link", "text/calendar", "a.ics",
       "BEGIN:VCALENDAR\r\nATTACH:https://example.jp/\r\nEND:VCALENDAR\r\n", false},
      {"HTML without script", "text/html", "a.html", "<html><p>text</p></html>", false},
  };
  for (const Carrier& carrier : carriers) {
    world.Submit(
        "From: hanako@example.jp\r\nTo: x@a.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
        "boundary=b\r\n\r\n"
        "--b\r\n\r\ntext\r\n--b\r\nContent-Type: " +
            carrier.type + "; name=" + carrier.name + "\r\nContent-Disposition: attachment; filename=" + carrier.name +
            "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Base64Encode(carrier.octets) + "\r\n--b--\r\n",
        {"x@a.example"});
    const std::string detail = world.NextEvent().detail();
    EXPECT_EQ(detail.starts_with("hold unreadable"), carrier.held) << carrier.what << ": " << detail;
  }
}

}  // namespace
}  // namespace sekisho::policy
