#pragma once
// One HTTP/1.1 request over libcurl, whose connections are kept. No retries, no redirects, no proxy from the
// environment. Thread safe; blocks.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/function_ref.h"
#include "shared/base/handle.h"
#include "shared/base/result.h"

extern "C" void curl_easy_cleanup(void* handle);

namespace sekisho::content::s3 {

struct HttpOptions {
  std::string ca_file;  // PEM; empty: the system's
  Duration connect_timeout{};
  Duration request_timeout{};  // of the whole request; a request without an octet for a quarter of it ends, too
};

struct HttpRequest {
  std::string method, url;
  std::vector<std::string> headers;  // "Name: value"
  std::string_view body;             // of PUT and POST; lives until the request has ended
};

struct HttpResponse {
  long status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // at most kMaxBody
};

class Http {
 public:
  using Sink = FunctionRef<Status(std::string_view piece)>;
  static constexpr size_t kMaxBody = 4 * 1024 * 1024;

  explicit Http(HttpOptions options);
  ~Http();

  // The body of an answer with `sink_status` goes to `sink`, whose error ends the request and is returned; any other is
  // kept. Errors: kUnavailable (not reached, cut off), kTimeout, kUnauthenticated (its certificate is not to be
  // trusted), kLimit, kCancelled.
  Result<HttpResponse> Perform(const HttpRequest& request, long sink_status, Sink sink);

  // Requests under way fail soon, later ones at once. Thread safe.
  void Cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }

 private:
  using Easy = Handle<void, curl_easy_cleanup>;
  Easy Take();
  void GiveBack(Easy easy);

  const HttpOptions options_;
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::vector<Easy> idle_;
};

}  // namespace sekisho::content::s3
