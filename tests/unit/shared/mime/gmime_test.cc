// What we accept, GMime must read alike: the same tree, types, names and octets. It is here as a reader nobody here
// wrote.

#include <gmime/gmime.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/handle.h"
#include "shared/mime/model.h"
#include "shared/text/normalize.h"
#include "tests/unit/shared/mime/japanese_corpus.h"

namespace sekisho::mime {
namespace {

template <typename T>
using Object = std::unique_ptr<T, FreeWith<g_object_unref>>;

struct Seen {
  size_t depth;
  std::string type;
  std::string content;  // of leaves, decoded
  std::string name;

  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << seen.depth << " " << seen.type << " \"" << seen.name << "\" " << seen.content.size() << " octets";
}

class ByGmime {
 public:
  explicit ByGmime(const std::string& octets) {
    static const bool initialised = (g_mime_init(), true);
    static_cast<void>(initialised);
    const Object<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(octets.data(), octets.size()));
    const Object<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
    message_.reset(g_mime_parser_construct_message(parser.get(), nullptr));
    if (message_) Visit(g_mime_message_get_mime_part(message_.get()), 0);
  }

  const std::vector<Seen>& parts() const { return parts_; }
  std::string FromAddress() const {
    InternetAddress* const first = internet_address_list_get_address(g_mime_message_get_from(message_.get()), 0);
    return INTERNET_ADDRESS_IS_MAILBOX(first) ? internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(first)) : "";
  }
  std::string Subject() const {
    const char* const subject = g_mime_message_get_subject(message_.get());
    return subject == nullptr ? "" : subject;
  }

 private:
  void Visit(GMimeObject* object, size_t depth) {
    GMimeContentType* const type = g_mime_object_get_content_type(object);
    Seen seen;
    seen.depth = depth;
    seen.type = AsciiLower(std::string(g_mime_content_type_get_media_type(type)) + "/" +
                           g_mime_content_type_get_media_subtype(type));
    const size_t index = parts_.size();
    parts_.push_back(seen);
    if (GMIME_IS_MULTIPART(object)) {
      auto* const multipart = GMIME_MULTIPART(object);
      for (int i = 0; i < g_mime_multipart_get_count(multipart); ++i)
        Visit(g_mime_multipart_get_part(multipart, i), depth + 1);
    } else if (GMIME_IS_MESSAGE_PART(object)) {
      Visit(g_mime_message_get_mime_part(g_mime_message_part_get_message(GMIME_MESSAGE_PART(object))), depth + 1);
    } else {
      auto* const part = GMIME_PART(object);
      if (const char* const name = g_mime_part_get_filename(part)) parts_[index].name = name;
      const Object<GMimeStream> out(g_mime_stream_mem_new());
      if (GMimeDataWrapper* const content = g_mime_part_get_content(part))
        g_mime_data_wrapper_write_to_stream(content, out.get());
      GByteArray* const octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(out.get()));
      parts_[index].content.assign(reinterpret_cast<const char*>(octets->data), octets->len);
    }
  }

  Object<GMimeMessage> message_;
  std::vector<Seen> parts_;
};

std::vector<Seen> ByUs(const MailModel& mail) {
  std::vector<Seen> parts;
  for (const Part& part : mail.parts) {
    Seen seen = {part.depth, part.MediaType(), "", ""};
    if (part.role != Role::kMultipart && part.role != Role::kMessage) {
      seen.content = *DecodeContent(mail, part);
      seen.name = part.file_name;
    }
    parts.push_back(std::move(seen));
  }
  return parts;
}

// Its iconv knows neither raw charsets nor what Microsoft added to ISO-2022-JP ("(I" begins half-width kana there).
bool Undecodable(const std::string& text) {
  return text.find('?') != std::string::npos || text.find("\uFFFD") != std::string::npos ||
         text.find("(I") != std::string::npos;
}

// It joins base64 words before it decodes them, and stops at the first padding between them.
bool IsCutShort(const std::string& theirs, const std::string& ours) {
  return theirs.size() < ours.size() && !theirs.empty() && ours.starts_with(theirs);
}

TEST(GmimeTest, ReadsTheCorpusAsWeDo) {
  size_t names = 0, subjects = 0;
  for (size_t number = 0; number < 1100; ++number) {
    const CorpusMail made = MakeCorpusMail(number);
    SCOPED_TRACE(made.client + " " + std::to_string(number));
    const Result<MailModel> mail = Parse(std::string_view(made.octets));
    ASSERT_TRUE(mail.ok());
    const ByGmime theirs(made.octets);
    std::vector<Seen> ours = ByUs(*mail), seen = theirs.parts();
    ASSERT_EQ(ours.size(), seen.size());
    for (size_t i = 0; i < ours.size(); ++i) {
      // Where it can't read a name, the octets must do.
      if (Undecodable(seen[i].name) || made.client == "scanner" || IsCutShort(seen[i].name, ours[i].name)) {
        seen[i].name = ours[i].name;
      } else if (!seen[i].name.empty()) {
        ++names;
      }
      EXPECT_EQ(ours[i], seen[i]);
    }
    const bool raw = made.client.substr(0, 3) == "raw" || made.client == "web form";
    if (made.client != "mobile" && !raw) {  // it gives up on the carriers' dots
      EXPECT_EQ(mail->from[0].AddrSpec(), theirs.FromAddress());
    }
    // The vendors' wave dashes differ, and are one when folded.
    const std::string subject = text::NormalizeLine(mail->subject),
                      their_subject = text::NormalizeLine(theirs.Subject());
    if (!Undecodable(theirs.Subject()) && !IsCutShort(their_subject, subject) && !raw) {
      ++subjects;
      EXPECT_EQ(subject, their_subject);
    }
  }
  EXPECT_GT(names, 300u) << "enough to mean something";
  EXPECT_GT(subjects, 500u);
}

}  // namespace
}  // namespace sekisho::mime
