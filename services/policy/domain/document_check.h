#pragma once
// The checks of a document's smaller parts. Internal to document.cc.

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/duration.pb.h"
#include "services/policy/domain/document.h"

namespace sekisho::policy {

// What rules may refer to.
struct References {
  std::set<std::string> partner_lists, keyword_sets, pattern_sets;
};

std::string Path(const std::string& parent, int index);  // "rules[2]"

class DocumentCheck {
 public:
  using Texts = google::protobuf::RepeatedPtrField<std::string>;

  void Add(std::string path, std::string message) { problems_.push_back({std::move(path), std::move(message)}); }
  void Domains(const Texts& domains, const std::string& path);
  void Addresses(const Texts& addresses, const std::string& path);
  void Keywords(const Texts& words, const std::string& path);
  void Patterns(const Texts& patterns, const std::string& path);
  void Lasts(const google::protobuf::Duration& duration, int64_t min_seconds, int64_t max_seconds,
             const std::string& path, const std::string& range);
  void When(const v1::Condition& when, const References& references, const std::string& path, int depth = 0);

  size_t keywords() const { return keywords_; }
  size_t patterns() const { return patterns_; }
  std::vector<Problem> Take() { return std::move(problems_); }

 private:
  void Known(const Texts& names, const std::set<std::string>& known, const std::string& what, const std::string& path);
  void Recipient(const v1::RecipientCondition& recipient, const References& references, const std::string& path);
  void Content(const v1::ContentCondition& content, const References& references, const std::string& path);
  void Attachment(const v1::AttachmentCondition& attachment, const std::string& path);

  std::vector<Problem> problems_;
  size_t keywords_ = 0, patterns_ = 0;
};

}  // namespace sekisho::policy
