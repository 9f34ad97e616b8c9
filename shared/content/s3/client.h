#pragma once
// The calls of the S3 API that content needs, path-style, signed (sigv4.h), tried again with back-off where that can do
// no harm. Thread safe; blocks. Ours and not a library's: the AWS SDK is not packaged, and it is six calls.
//
// Errors of all: kUnavailable, kTimeout (not reached, overloaded, after all attempts); kExhausted (its disk or quota is
// full); kPermission; kUnauthenticated (its certificate); kPrecondition (no such bucket, or any other refusal);
// kCancelled.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/function_ref.h"
#include "shared/base/result.h"
#include "shared/content/s3/http.h"
#include "shared/content/s3/sigv4.h"

namespace sekisho::content::s3 {

struct ClientOptions {
  std::string endpoint;  // "https://objects.example:9000", without a path
  std::string bucket;    // exists
  Signer signer;
  std::string ca_file;  // PEM; empty: the system's
  Duration connect_timeout = std::chrono::seconds(5);
  Duration request_timeout = std::chrono::seconds(60);  // of one attempt
  int attempts = 4;
  Duration first_pause = std::chrono::milliseconds(200);  // doubled each time; the pause is random up to that
  int list_page = 1000;                                   // names asked for at once
};

// Before attempt `attempt` + 1; `unit` in [0, 1) is chance. At most 10 s.
Duration BackOff(Duration first_pause, int attempt, double unit);

class Client {
 public:
  // Connects to nothing. `clock` outlives it. Errors: kInvalid.
  static Result<std::unique_ptr<Client>> Open(ClientOptions options, const Clock& clock);

  // A reader sees all of `octets` or nothing.
  Status Put(const std::string& key, std::string_view octets);

  // An object in parts of at least 5 MiB but for the last. It is there when CompleteUpload says ok.
  Result<std::string> StartUpload(const std::string& key);  // gives the upload's id
  Result<std::string> PutPart(const std::string& key, const std::string& upload, int number,
                              std::string_view octets);  // numbers count from 1; gives the part's tag
  Status CompleteUpload(const std::string& key, const std::string& upload, const std::vector<std::string>& tags);
  Status AbortUpload(const std::string& key, const std::string& upload);  // ok when there is none

  // Piece by piece, in order, to `each`, whose error ends it. A connection that is cut is taken up where it broke off.
  // Errors: kNotFound too.
  Status Read(const std::string& key, FunctionRef<Status(std::string_view)> each);

  Status Remove(const std::string& key);  // ok when there is none

  // Page by page; `each` may remove what it is given. Stops at its first error.
  Status List(const std::string& prefix, FunctionRef<Status(const std::string& key)> each);
  Status ListUploads(const std::string& prefix,
                     FunctionRef<Status(const std::string& key, const std::string& upload)> each);

  // What is under way fails soon with kCancelled, and all that comes later.
  void Cancel();

 private:
  struct Call;
  Client(ClientOptions options, const Clock& clock);
  Result<HttpResponse> Perform(Call& call, Http::Sink sink);
  Result<HttpResponse> Perform(Call call);
  Result<HttpResponse> Attempt(const Call& call, Http::Sink sink);
  Status Pause(int attempt);

  const ClientOptions options_;
  const Clock& clock_;
  const std::string authority_;
  Http http_;
  std::mutex mutex_;
  std::condition_variable cancelled_;
};

}  // namespace sekisho::content::s3
