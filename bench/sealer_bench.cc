// What sealing one mail costs beside CMS alone on the same octets, and how much memory a large mail takes.
//   sealer_bench                 times: SmimeSeal against CmsAlone, and the other rungs
//   sealer_bench memory [NAME]   for each rung: the peak of resident memory while a 50 MiB mail is sealed, the mail
//   included, by its size
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstdio>
#include <fstream>

#include "services/encryption/domain/sealer.h"
#include "shared/base/random.h"
#include "shared/crypto/base64_lines.h"
#include "shared/mime/rewrite.h"
#include "shared/testing/pki.h"

namespace {

using namespace sekisho;

struct Party {
  crypto::Certificate certificate;
  crypto::CmsSigner signer;
};

const Party& Someone() {
  static const Party party = [] {
    const TimePoint now = SystemClock().Now();
    const testing::TestCa ca("bench", now - std::chrono::hours(1), now + std::chrono::hours(1));
    testing::CertificateRequest request;
    request.key = "RSA-2048";
    request.not_before = now - std::chrono::hours(1);
    request.not_after = now + std::chrono::hours(1);
    const auto issued = ca.Issue(request);
    const auto certificate = crypto::Certificate::ParseBundle(issued.certificate_pem)->front();
    return Party{certificate,
                 *crypto::CmsSigner::Create(*crypto::PrivateKey::FromPem(Secret<std::string>(issued.key_pem)),
                                            certificate, {}, now)};
  }();
  return party;
}

constexpr char kHeader[] =
    "From: hanako@example.jp\r\nTo: suzuki@partner.example\r\nSubject: bench\r\nDate: Tue, 24 Nov 2026 10:00:00 "
    "+0900\r\n"
    "Message-ID: <1@example.jp>\r\nMIME-Version: 1.0\r\n";

std::string TextMail(size_t octets) {
  std::string mail;
  mail.reserve(octets + 1000);
  mail.append(kHeader).append("Content-Type: text/plain; charset=utf-8\r\n\r\n");
  while (mail.size() < octets) mail += "Fifty octets of text, more or less, as mails have.\r\n";
  return mail;
}

std::string AttachmentMail(size_t octets) {
  std::string mail;
  mail.reserve(octets + 1000);
  mail.append(kHeader).append(
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
      "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=a.bin\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\n");
  crypto::Base64Lines lines;
  for (const std::string content = RandomOctets(1 << 20); mail.size() < octets;) {
    lines.Append(std::string_view(content).substr(0, (octets - mail.size()) / 78 * 57 + 57), mail);
  }
  lines.Finish(mail);
  mail += "\r\n--b--\r\n";
  return mail;
}

encryption::SealRequest Request(const std::string& mail, bool zip, bool sign, bool encrypt) {
  encryption::SealRequest request;
  request.mail = mail;
  if (zip) request.treatment.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256);
  request.treatment.set_smime_sign(sign);
  request.treatment.set_smime_encrypt(encrypt);
  request.certificates = {Someone().certificate};
  request.signer = &Someone().signer;
  request.now = SystemClock().Now();
  return request;
}

void RunSeal(const encryption::SealRequest& request) {
  size_t size = 0;
  const auto outcome = encryption::Seal(request, [&](std::string_view piece) {
    size += piece.size();
    return Ok();
  });
  SEKISHO_CHECK(outcome.ok() && std::holds_alternative<encryption::Sealed>(*outcome) && size > 0);
}

void SmimeSeal(benchmark::State& state) {
  const std::string mail = TextMail(static_cast<size_t>(state.range(0)));
  const auto request = Request(mail, false, true, true);
  for (auto _ : state) RunSeal(request);
}
BENCHMARK(SmimeSeal)->Arg(10 << 10)->Arg(1 << 20)->Unit(benchmark::kMicrosecond);

void SmimeSealAttachment(benchmark::State& state) {
  const std::string mail = AttachmentMail(static_cast<size_t>(state.range(0)));
  const auto request = Request(mail, false, true, true);
  for (auto _ : state) RunSeal(request);
}
BENCHMARK(SmimeSealAttachment)->Arg(10 << 10)->Arg(1 << 20)->Unit(benchmark::kMicrosecond);

void CmsAlone(benchmark::State& state) {
  const std::string mail = TextMail(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    const auto frame = Someone().signer.Sign(mail, SystemClock().Now());
    const std::string_view pieces[] = {frame->head, mail, frame->tail};
    const std::vector<crypto::Certificate> to = {Someone().certificate};
    size_t size = 0;
    SEKISHO_CHECK(crypto::CmsEncrypt(pieces, to, crypto::ContentCipher::kAes256Cbc,
                                     [&](std::string_view piece) {
                                       size += piece.size();
                                       return Ok();
                                     })
                      .ok() &&
                  size > 0);
  }
}
BENCHMARK(CmsAlone)->Arg(10 << 10)->Arg(1 << 20)->Unit(benchmark::kMicrosecond);

void ZipSeal(benchmark::State& state) {
  const std::string mail = AttachmentMail(static_cast<size_t>(state.range(0)));
  const auto request = Request(mail, true, false, false);
  for (auto _ : state) RunSeal(request);
}
BENCHMARK(ZipSeal)->Arg(1 << 20)->Unit(benchmark::kMicrosecond);

size_t StatusKib(const char* field) {
  std::ifstream status("/proc/self/status");
  for (std::string name; status >> name;) {
    size_t value = 0;
    if (name == std::string(field) + ":" && status >> value) return value;
    std::getline(status, name);
  }
  return 0;
}

void PrintMemory(const std::string& only) {
  constexpr size_t kSize = 50 << 20;
  for (const char* content : {"attachment", "text"}) {
    for (const char* rungs : {"sign", "sign+encrypt", "zip", "zip, sign+encrypt"}) {
      const std::string rung = rungs, name = rung + " of a 50 MiB " + content;
      const bool zip = rung.starts_with("zip"), encrypt = rung.ends_with("encrypt"), attachment = content[0] == 'a';
      if ((zip && !attachment) || name.find(only) == std::string::npos) continue;
      malloc_trim(0);
      const size_t before = StatusKib("VmRSS");
      const std::string mail = attachment ? AttachmentMail(kSize) : TextMail(kSize);
      std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
      RunSeal(Request(mail, zip, !zip || encrypt, encrypt));
      const size_t peak = StatusKib("VmHWM") - before;
      std::printf("{\"name\": \"%s\", \"peak_by_size\": %.2f}\n", name.c_str(),
                  static_cast<double>(peak) * 1024 / static_cast<double>(mail.size()));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "memory") {
    PrintMemory(argc > 2 ? argv[2] : "");
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
