#include "services/delivery/adapters/preparer.h"

#include <cstring>

#include "services/delivery/domain/trace_header.h"
#include "shared/mime/model.h"
#include "shared/stage/proto_time.h"

namespace sekisho::delivery {
namespace {

bool Has8bit(std::string_view octets) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  size_t i = 0;
  for (; i + sizeof(uint64_t) <= octets.size(); i += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, octets.data() + i, sizeof word);
    if ((word & kHighBits) != 0) return true;
  }
  for (; i < octets.size(); ++i) {
    if (static_cast<unsigned char>(octets[i]) >= 0x80) return true;
  }
  return false;
}

Disposition OfUnreadable(const Error& error) {
  Disposition disposition;
  const bool lost = error.retry == Retry::kNever;
  disposition.kind = lost ? Disposition::Kind::kBounce : Disposition::Kind::kDefer;
  disposition.status = lost ? "5.3.0" : "4.3.0";
  disposition.text = lost ? "the mail's content is lost or was changed" : "the mail's content cannot be read now";
  return disposition;
}

Disposition OfUnsigned() {
  Disposition disposition;
  disposition.kind = Disposition::Kind::kDefer;
  disposition.status = "4.7.0";
  disposition.text = "the mail could not be signed (DKIM)";
  return disposition;
}

size_t HeaderSize(std::string_view message) {
  if (message.starts_with("\r\n")) return 0;
  const size_t end = message.find("\r\n\r\n");
  return end == std::string_view::npos ? message.size() : end + 2;
}

}  // namespace

Preparer::Preparer(Options options, content::Store& content, const mailauth::DkimSigner& signer, const Clock& clock)
    : options_(std::move(options)), content_(content), signer_(signer), clock_(clock) {}

Prepared Preparer::Prepare(const Batch& batch) const {
  Prepared prepared;
  auto content = content_.Read(batch.about.content());  // its digest is checked there
  if (!content.ok()) {
    prepared.refusal = OfUnreadable(content.error());
    return prepared;
  }
  prepared.content = *std::move(content);
  const std::string_view message = *prepared.content;
  if (IsLoop(CountHops(message, options_.stamp))) {
    prepared.refusal = OfLoop();
    return prepared;
  }
  auto signature = Sign(message);
  if (!signature.ok()) {
    prepared.refusal = OfUnsigned();
    return prepared;
  }
  const std::string mail_id = batch.mail.ToString();
  prepared.prefix = *std::move(signature);
  prepared.prefix += TraceFields({
      .hostname = options_.hostname,
      .stamp = options_.stamp,
      .mail_id = mail_id,
      .submitter = &batch.about.submitter(),
      .accepted_at = FromProto(batch.about.accepted_at()),
      .only_recipient = batch.recipients.size() == 1 ? batch.recipients[0].recipient.address() : std::string_view(),
  });
  const std::string_view header = message.substr(0, HeaderSize(message));
  prepared.header_8bit = Has8bit(header);
  prepared.has_8bit = prepared.header_8bit || Has8bit(message.substr(header.size()));
  return prepared;
}

// A mail whose From can't be read goes unsigned: it can't be in a domain of ours.
Result<std::string> Preparer::Sign(std::string_view message) const {
  if (signer_.empty()) return std::string();
  const auto header = mime::ParseHeader(message);
  if (!header.ok() || header->from.size() != 1 || !header->from[0].valid) return std::string();
  const size_t header_size = HeaderSize(message);
  mailauth::DkimBodyHash body;
  body.Update(message.substr(std::min(message.size(), header_size + 2)));
  return signer_.Sign(message.substr(0, header_size), body.Finish(), header->from[0].domain, clock_.Now());
}

}  // namespace sekisho::delivery
