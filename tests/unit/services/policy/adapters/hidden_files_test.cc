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
      {"a calendar with a file, folded and in lower case", "text/calendar", "a.ics",
       "BEGIN:VCALENDAR\r\natt\r\n ach;encoding=BASE\r\n\t64;value=bin\n ary:AAAA\r\nEND:VCALENDAR\r\n", true},
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

// Parts that a person is not shown as a file, and what they really hold.
struct Disguise {
  const char* what;
  std::string type;    // of the multipart
  std::string before;  // the first part, with its header
  std::string header;  // of the part in question
  std::string octets;
  std::string detail;  // how the judgement begins
};

std::string Elf(size_t size = 64) {
  return "\x7F"
         "ELF" +
         std::string(size, '\1');
}
std::string Png(size_t size) { return "\x89PNG\r\n\x1A\n" + std::string(size, '\1'); }

std::string Lines(std::string_view base64) {
  std::string lines;
  for (; !base64.empty(); base64.remove_prefix(std::min<size_t>(76, base64.size()))) {
    lines += std::string(base64.substr(0, 76)) + "\r\n";
  }
  return lines;
}

class DisguisedFilesTest : public ::testing::Test {
 protected:
  std::string Judge(const std::string& policy, const Disguise& disguise) {
    PolicyWorld world(policy);
    EXPECT_TRUE(world.Start().ok());
    sandbox::Inspection archive;
    archive.reading = sandbox::Reading::kText;
    archive.entries.push_back({"run.exe", 1000, 1, mime::FileType::kPe, sandbox::Reading::kNoText});
    sandbox::Inspection unreadable;
    unreadable.reading = sandbox::Reading::kUnreadable;
    world.sandbox.answers.emplace("", disguise.octets.starts_with("PK") ? archive : unreadable);
    world.Submit("From: hanako@example.jp\r\nTo: x@a.example\r\nMIME-Version: 1.0\r\nContent-Type: " + disguise.type +
                     "; boundary=b\r\n\r\n--b\r\n" + disguise.before + "\r\n--b\r\n" + disguise.header +
                     "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Lines(Base64Encode(disguise.octets)) +
                     "\r\n--b--\r\n",
                 {"x@a.example"});
    return world.NextEvent().detail();
  }
};

constexpr char kNoPrograms[] =
    "rules:\n"
    "  - {id: p, when: {attachment: {types: [executable]}}, then: {block: true}}\n"
    "  - {id: e, when: {attachment: {extensions: [exe]}}, then: {block: true}}\n"
    "  - {id: s, when: {attachment: {size_over: 100000}}, then: {block: true}}\n"
    "  - {id: a, when: {attachment: {any: true}}, then: {approval: {}}}\n";
const std::string kHtml = "Content-Type: text/html\r\n\r\n<img src=\"cid:i\">";
const std::string kImage = "Content-Type: image/png\r\nContent-ID: <i>";

TEST_F(DisguisedFilesTest, AnInlineImageIsWhatItsOctetsSay) {
  const Disguise disguises[] = {
      {"a picture", "multipart/related", kHtml, kImage, Png(1000), "pass"},
      {"a picture with a name", "multipart/related", kHtml, kImage + "; name=a.png", Png(1000), "pass"},
      {"a large picture", "multipart/related", kHtml, kImage, Png(200'000), "block"},
      {"a program", "multipart/related", kHtml, kImage, Elf(), "block"},
      {"a program, inline", "multipart/related", kHtml, kImage + "\r\nContent-Disposition: inline", Elf(), "block"},
      {"a program that says so in its name", "multipart/related", kHtml,
       kImage + "\r\nContent-Disposition: inline; filename=setup.exe", "MZ" + std::string(100, '\0'), "block"},
      {"a picture called a program", "multipart/related", kHtml,
       kImage + "\r\nContent-Disposition: inline; filename=setup.exe", Png(1000), "block"},
      {"an archive with a program", "multipart/related", kHtml, kImage, "PK\x03\x04" + std::string(60, '\1'), "block"},
      {"a film", "multipart/related", kHtml, kImage, "OggS" + std::string(60, '\1'), "approval"},
      {"who knows", "multipart/related", kHtml, kImage, std::string(64, '\2'), "hold unreadable"},
  };
  for (const Disguise& disguise : disguises) {
    EXPECT_THAT(Judge(kNoPrograms, disguise), StartsWith(disguise.detail)) << disguise.what;
  }
}

TEST_F(DisguisedFilesTest, ASignatureIsNothingElse) {
  const std::string signed_data =
      "3082056f06092a864886f70d010702a08205603082055c020101310f300d06096086480165030402010500";
  const std::string detached = *HexDecode(signed_data + "300b06092a864886f70d010701a08202fd308202f9");
  const std::string with_content = *HexDecode(signed_data + "301506092a864886f70d010701a008040668656c6c6f0a");
  const std::string enveloped = *HexDecode("308006092a864886f70d010703a0803080020100");
  const std::string type = "multipart/signed; micalg=sha-256; protocol=\"application/pkcs7-signature\"",
                    header = "Content-Type: application/pkcs7-signature; name=smime.p7s", mixed = "multipart/mixed",
                    pgp = "Content-Type: application/pgp-signature",
                    armoured = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n";
  const Disguise disguises[] = {
      {"a signature", type, "\r\ntext", header, detached, "pass"},
      {"one over no part", mixed, "\r\ntext", header, detached, "pass"},
      {"signed content", type, "\r\ntext", header, with_content, "hold unreadable"},
      {"signed content in a part of its own", mixed, "\r\ntext", header, with_content, "hold unreadable"},
      {"encrypted content", type, "\r\ntext", header, enveloped, "hold unreadable"},
      {"a program", type, "\r\ntext", header, Elf(), "block"},
      {"PGP signature", mixed, "\r\ntext", pgp, armoured, "pass"},
      {"PGP message", mixed, "\r\ntext", pgp, "-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n",
       "hold unreadable"},
      {"text before a PGP signature", mixed, "\r\ntext", pgp, armoured + "confidential", "approval"},
  };
  const std::string policy =
      std::string(kNoPrograms) + "  - {id: k, when: {content: {keywords: [confidential]}}, then: {approval: {}}}\n";
  for (const Disguise& disguise : disguises) {
    EXPECT_THAT(Judge(policy, disguise), StartsWith(disguise.detail)) << disguise.what;
  }
}

TEST_F(DisguisedFilesTest, WhatTheClientEncryptedHidesNoProgramBesideIt) {
  const std::string type = "multipart/encrypted; protocol=\"application/pgp-encrypted\"",
                    control = "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1",
                    header = "Content-Type: application/octet-stream",
                    message = "-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n";
  const std::string policy = std::string("client_encrypted: PASS\n") + kNoPrograms;
  const Disguise disguises[] = {
      {"an encrypted mail", type, control, header, message, "pass"},
      {"a binary one", type, control, header, "\x85\x01\x0c" + std::string(60, '\2'), "pass"},
      {"a program", type, control, header, Elf(), "block"},
      {"a program as its control part", type, control, "Content-Type: application/pgp-encrypted", Elf(), "block"},
  };
  for (const Disguise& disguise : disguises) {
    EXPECT_THAT(Judge(policy, disguise), StartsWith(disguise.detail)) << disguise.what;
  }
}

TEST_F(DisguisedFilesTest, ABodyIsText) {
  const std::string ics = "BEGIN:VCALENDAR\r\n", end = "END:VCALENDAR\r\n";
  const Disguise disguises[] = {
      {"text", "multipart/mixed", "\r\ntext", "Content-Type: text/plain", "more text", "pass"},
      {"a program", "multipart/mixed", "\r\ntext", "Content-Type: text/plain", Elf(), "block"},
      {"octets that are no text", "multipart/mixed", "\r\ntext", "Content-Type: text/plain",
       std::string("\xCA\xFE\xBA\xBE\0\0\0\x34", 8), "hold unreadable"},
      {"an invitation", "multipart/alternative", "\r\ntext", "Content-Type: text/calendar; method=REQUEST",
       ics + "ATTACH:https://example.jp/\r\n" + end, "pass"},
      {"an invitation with a file", "multipart/alternative", "\r\ntext", "Content-Type: text/calendar; method=REQUEST",
       ics + "attach;encoding=base64;value=binary:AAAA\r\n" + end, "hold unreadable"},
      {"a report", "multipart/report; report-type=delivery-status", "\r\ntext", "Content-Type: message/delivery-status",
       Elf(), "block"},
  };
  for (const Disguise& disguise : disguises) {
    EXPECT_THAT(Judge(kNoPrograms, disguise), StartsWith(disguise.detail)) << disguise.what;
  }
}

}  // namespace
}  // namespace sekisho::policy
