#pragma once
// Who signs and who receives in these tests, with certificates of one CA that hold from 2016 to 2036; and mails.

#include <map>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/crypto/cms.h"
#include "shared/crypto/x509.h"
#include "shared/testing/pki.h"

namespace sekisho::encryption {

inline const TimePoint kFrom = std::chrono::sys_days(std::chrono::year(2016) / 1 / 1);
inline const TimePoint kUntil = std::chrono::sys_days(std::chrono::year(2036) / 1 / 1);

inline const testing::TestCa& Root() {
  static const testing::TestCa root("root", kFrom, kUntil);
  return root;
}

struct Person {
  testing::IssuedCertificate issued;
  crypto::Certificate certificate;
};

inline Person MakePerson(testing::CertificateRequest request, const testing::TestCa& ca = Root()) {
  if (request.not_before == TimePoint()) request.not_before = kFrom;
  if (request.not_after == TimePoint()) request.not_after = kUntil;
  const testing::IssuedCertificate issued = ca.Issue(request);
  return {issued, crypto::Certificate::ParseBundle(issued.certificate_pem)->front()};
}

inline Person MakePerson(const std::string& address, const std::string& kind = "P-256", TimePoint from = {},
                         TimePoint until = {}) {
  testing::CertificateRequest request;
  request.key = kind;
  request.key_name = address;
  request.addresses = {address};
  request.not_before = from;
  request.not_after = until;
  return MakePerson(request);
}

inline crypto::CmsSigner SignerOf(const Person& person, TimePoint now) {
  return *crypto::CmsSigner::Create(*crypto::PrivateKey::FromPem(Secret<std::string>(person.issued.key_pem)),
                                    person.certificate, {}, now);
}

// A mail with two attachments: a text and a PDF, with Japanese names.
inline std::string MailWithAttachments() {
  return "From: hanako@example.jp\r\nTo: suzuki@partner.example\r\nSubject: =?utf-8?B?6KaL56mN5pu4?=\r\n"
         "Date: Tue, 24 Nov 2026 10:00:00 +0900\r\nMessage-ID: <1@example.jp>\r\nMIME-Version: 1.0\r\n"
         "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
         "Content-Transfer-Encoding: 8bit\r\n\r\n見積書をお送りします。\r\n--b\r\nContent-Type: text/plain; "
         "charset=utf-8\r\n"
         "Content-Disposition: attachment; "
         "filename*=UTF-8''%E8%A6%8B%E7%A9%8D%E6%9B%B8%EF%BC%88%E6%94%B9%EF%BC%89.txt\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\n5ZCI6KiIIDEsMjAwIOWGhgo=\r\n--b\r\nContent-Type: application/pdf\r\n"
         "Content-Disposition: attachment; filename=spec.pdf\r\nContent-Transfer-Encoding: "
         "base64\r\n\r\nJVBERi0xLjQK\r\n--b--\r\n";
}
inline std::string MailOfText() {
  return "From: hanako@example.jp\r\nTo: suzuki@partner.example\r\nSubject: hello\r\nDate: Tue, 24 Nov 2026 10:00:00 "
         "+0900\r\n"
         "Message-ID: <2@example.jp>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
         "Content-Transfer-Encoding: 8bit\r\n\r\nこんにちは\r\n";
}
inline std::string SealedBySender() {
  return "From: hanako@example.jp\r\nTo: suzuki@partner.example\r\nSubject: s\r\nDate: Tue, 24 Nov 2026 10:00:00 "
         "+0900\r\n"
         "Message-ID: <3@example.jp>\r\nMIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; "
         "smime-type=enveloped-data; "
         "name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\nMIAGCSqGSIb3DQEHA6CAMIACAQA=\r\n";
}

}  // namespace sekisho::encryption
