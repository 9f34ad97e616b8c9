// What one mail costs to sign, encrypt, pack and DKIM-sign. `limits_bench` gives what the libraries alone reach.
#include <benchmark/benchmark.h>

#include "shared/archive/zip_writer.h"
#include "shared/base/random.h"
#include "shared/crypto/base64_lines.h"
#include "shared/crypto/cms.h"
#include "shared/mailauth/dkim_signer.h"
#include "shared/testing/pki.h"

namespace {

using namespace sekisho;

struct Party {
  crypto::CmsSigner signer;
  std::vector<crypto::Certificate> certificate;
};

Party MakeParty(const std::string& key) {
  const TimePoint now = SystemClock().Now();
  const testing::TestCa ca("bench", now - std::chrono::hours(1), now + std::chrono::hours(1));
  testing::CertificateRequest request;
  request.key = key;
  request.not_before = now - std::chrono::hours(1);
  request.not_after = now + std::chrono::hours(1);
  const auto issued = ca.Issue(request);
  auto certificate = *crypto::Certificate::ParseBundle(issued.certificate_pem);
  return {*crypto::CmsSigner::Create(*crypto::PrivateKey::FromPem(Secret<std::string>(issued.key_pem)), certificate[0],
                                     {}, now),
          certificate};
}

std::string Entity(int64_t octets) {
  std::string entity = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  crypto::Base64Lines lines;
  lines.Append(RandomOctets(static_cast<size_t>(octets) / 78 * 57), entity);
  lines.Finish(entity);
  return entity;
}

const Party& PartyOf(const std::string& key) {
  static const Party rsa = MakeParty("RSA-2048"), elliptic = MakeParty("P-256");
  return key == "P-256" ? elliptic : rsa;
}

void SignAndEncrypt(benchmark::State& state, const std::string& key, crypto::ContentCipher cipher) {
  const Party& party = PartyOf(key);
  const std::string entity = Entity(state.range(0));
  const TimePoint now = SystemClock().Now();
  for (auto _ : state) {
    const auto frame = party.signer.Sign(entity, now);
    const std::string_view pieces[] = {frame->head, entity, frame->tail};
    size_t size = 0;
    const Status status = crypto::CmsEncrypt(pieces, party.certificate, cipher, [&](std::string_view some) {
      size += some.size();
      return Ok();
    });
    SEKISHO_CHECK(status.ok() && size > entity.size());
  }
}
BENCHMARK_CAPTURE(SignAndEncrypt, rsa2048_cbc, "RSA-2048", crypto::ContentCipher::kAes256Cbc)
    ->Arg(10 << 10)
    ->Arg(1 << 20)
    ->ThreadRange(1, 2)
    ->UseRealTime();
BENCHMARK_CAPTURE(SignAndEncrypt, p256_cbc, "P-256", crypto::ContentCipher::kAes256Cbc)->Arg(10 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(SignAndEncrypt, p256_gcm, "P-256", crypto::ContentCipher::kAes256Gcm)->Arg(10 << 10)->Arg(1 << 20);

void Sign(benchmark::State& state, const std::string& key) {
  const std::string entity = Entity(state.range(0));
  const TimePoint now = SystemClock().Now();
  for (auto _ : state) SEKISHO_CHECK(PartyOf(key).signer.Sign(entity, now).ok());
}
BENCHMARK_CAPTURE(Sign, rsa2048, "RSA-2048")->Arg(10 << 10);
BENCHMARK_CAPTURE(Sign, p256, "P-256")->Arg(10 << 10)->Arg(1 << 20);

void RawSignature(benchmark::State& state, const std::string& key) {
  const auto private_key = *crypto::PrivateKey::FromPem(Secret<std::string>(testing::TestKeyPem(key)));
  for (auto _ : state) SEKISHO_CHECK(private_key.Sign("octets").ok());
}
BENCHMARK_CAPTURE(RawSignature, rsa2048, "RSA-2048")->ThreadRange(1, 2)->UseRealTime();
BENCHMARK_CAPTURE(RawSignature, ed25519, "Ed25519");

void Dkim(benchmark::State& state, const std::string& key) {
  const auto signer = *mailauth::DkimSigner::Create(
      {{"example.jp", "s", *crypto::PrivateKey::FromPem(Secret<std::string>(testing::TestKeyPem(key)))}});
  std::string body;
  for (int i = 0; i < 200; ++i) body += "Fifty octets of text, more or less, as mails have.\r\n";
  for (auto _ : state) {
    mailauth::DkimBodyHash hash;
    hash.Update(body);
    SEKISHO_CHECK(signer
                      .Sign("From: a@example.jp\r\nTo: b@example.com\r\nSubject: x\r\nDate: y\r\n", hash.Finish(),
                            "example.jp", TimePoint())
                      .ok());
  }
}
BENCHMARK_CAPTURE(Dkim, rsa2048, "RSA-2048");
BENCHMARK_CAPTURE(Dkim, ed25519, "Ed25519");

void DkimBody(benchmark::State& state) {
  std::string body;
  for (int i = 0; i < 20000; ++i) body += "Fifty octets of text, more or less, as mails have.\r\n";
  for (auto _ : state) {
    mailauth::DkimBodyHash hash;
    hash.Update(body);
    benchmark::DoNotOptimize(hash.Finish());
  }
  state.SetBytesProcessed(static_cast<int64_t>(body.size()) * state.iterations());
}
BENCHMARK(DkimBody);

void Zip(benchmark::State& state, bool random) {
  std::string octets = RandomOctets(1 << 20);
  if (!random) {
    for (char& c : octets) c = static_cast<char>('a' + (c & 7));
  }
  for (auto _ : state) {
    archive::ZipWriter writer(archive::NewPassword());
    SEKISHO_CHECK(writer.Begin("f", TimePoint()).ok() && writer.Write(octets).ok() && writer.End().ok() &&
                  writer.Finish().ok());
  }
}
BENCHMARK_CAPTURE(Zip, packed_already, true);
BENCHMARK_CAPTURE(Zip, text, false);

}  // namespace

BENCHMARK_MAIN();
