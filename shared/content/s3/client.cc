#include "shared/content/s3/client.h"

#include <algorithm>
#include <cmath>

#include "shared/base/bytes.h"
#include "shared/base/random.h"
#include "shared/content/s3/xml.h"
#include "shared/crypto/digest.h"

namespace sekisho::content::s3 {
namespace {

constexpr Duration kLongestPause = std::chrono::seconds(10);

std::string_view Authority(std::string_view endpoint) { return endpoint.substr(endpoint.find("://") + 3); }

Status CheckOptions(const ClientOptions& options) {
  const std::string& endpoint = options.endpoint;
  if ((!endpoint.starts_with("https://") && !endpoint.starts_with("http://")) || Authority(endpoint).empty() ||
      Authority(endpoint).find_first_of("/?#@ \r\n") != std::string_view::npos) {
    return MakeError(Code::kInvalid, "the object store's endpoint is not https://<host>[:<port>]: '" + endpoint + "'");
  }
  if (options.bucket.size() < 3 ||
      options.bucket.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") != std::string::npos) {
    return MakeError(Code::kInvalid, "'" + options.bucket + "' can't be a bucket's name");
  }
  if (options.signer.access_key_id.empty() || options.signer.region.empty()) {
    return MakeError(Code::kInvalid, "the object store needs an access key and a region");
  }
  return Ok();
}

// A refusal that says that nothing was done.
bool IsBusy(const HttpResponse& response) { return response.status == 503 || response.status == 429; }

Error RefusalError(const std::string& method, const HttpResponse& response) {
  std::string reason = XmlText(response.body, "Code");
  if (reason.size() > 64 ||
      reason.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != std::string::npos) {
    reason.clear();
  }
  const std::string detail = "object store: " + method + ": " + std::to_string(response.status) + " " + reason;
  // Only the store's own word is proof that there is no such object: a proxy says 404 as well.
  if (reason == "NoSuchKey" || reason == "NoSuchUpload") return MakeError(Code::kNotFound, detail);
  if (response.status == 507 || reason == "QuotaExceeded") return MakeError(Code::kExhausted, detail);
  if (response.status == 408 || reason == "RequestTimeout") return MakeError(Code::kTimeout, detail);
  if (response.status >= 500 || IsBusy(response)) return MakeError(Code::kUnavailable, detail);
  if (response.status == 401 || response.status == 403) return MakeError(Code::kPermission, detail);
  return MakeError(Code::kPrecondition, detail);
}

Status OkIfNotFound(const Result<HttpResponse>& result) {
  if (result.ok() || result.error().code == Code::kNotFound) return Ok();
  return result.error();
}

}  // namespace

struct Client::Call {
  std::string method;
  std::string key;  // empty: the bucket's own
  Fields query = {};
  Fields headers = {};
  std::string_view body = {};
  // Twice does no more than once. Another call is tried again only when its refusal says that nothing was done.
  bool idempotent = true;
  long sink_status = -1;  // as Http::Perform's
};

Duration BackOff(Duration first_pause, int attempt, double unit) {
  const double longest = std::min(static_cast<double>(kLongestPause.count()),
                                  std::ldexp(static_cast<double>(first_pause.count()), attempt - 1));
  return Duration(static_cast<int64_t>(unit * longest));
}

Result<std::unique_ptr<Client>> Client::Open(ClientOptions options, const Clock& clock) {
  SEKISHO_RETURN_IF_ERROR(CheckOptions(options));
  return std::unique_ptr<Client>(new Client(std::move(options), clock));
}

Client::Client(ClientOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      authority_(Authority(options_.endpoint)),
      http_({options_.ca_file, options_.connect_timeout, options_.request_timeout}) {}

Status Client::Put(const std::string& key, std::string_view octets) {
  SEKISHO_TRY(const HttpResponse done, Perform({.method = "PUT", .key = key, .body = octets}));
  return Ok();
}

Result<std::string> Client::StartUpload(const std::string& key) {
  SEKISHO_TRY(const HttpResponse started,
              Perform({.method = "POST", .key = key, .query = {{"uploads", ""}}, .idempotent = false}));
  std::string upload = XmlText(started.body, "UploadId");
  if (upload.empty()) return MakeError(Code::kUnavailable, "object store: an upload without id");
  return upload;
}

Result<std::string> Client::PutPart(const std::string& key, const std::string& upload, int number,
                                    std::string_view octets) {
  SEKISHO_TRY(HttpResponse done, Perform({.method = "PUT",
                                          .key = key,
                                          .query = {{"partNumber", std::to_string(number)}, {"uploadId", upload}},
                                          .body = octets}));
  std::string tag = done.headers["etag"];
  if (tag.empty()) return MakeError(Code::kUnavailable, "object store: a part without tag");
  return tag;
}

Status Client::CompleteUpload(const std::string& key, const std::string& upload, const std::vector<std::string>& tags) {
  std::string parts;
  for (size_t i = 0; i < tags.size(); ++i) {
    parts +=
        "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" + XmlEscape(tags[i]) + "</ETag></Part>";
  }
  const std::string body = "<CompleteMultipartUpload>" + parts + "</CompleteMultipartUpload>";
  SEKISHO_TRY(
      const HttpResponse done,
      Perform({.method = "POST", .key = key, .query = {{"uploadId", upload}}, .body = body, .idempotent = false}));
  // The store may find out that it can't after it has said 200.
  if (done.body.find("<CompleteMultipartUploadResult") == std::string::npos) {
    return MakeError(Code::kUnavailable, "object store: POST: 200 " + XmlText(done.body, "Code"));
  }
  return Ok();
}

Status Client::AbortUpload(const std::string& key, const std::string& upload) {
  return OkIfNotFound(Perform({.method = "DELETE", .key = key, .query = {{"uploadId", upload}}}));
}

Status Client::Read(const std::string& key, FunctionRef<Status(std::string_view)> each) {
  uint64_t have = 0;
  Status refused;
  Call call{.method = "GET", .key = key, .sink_status = 200};
  const auto sink = [&](std::string_view piece) -> Status {
    refused = each(piece);
    if (!refused.ok()) return MakeError(Code::kCancelled, "refused");  // never tried again
    have += piece.size();
    call.headers = {{"Range", "bytes=" + std::to_string(have) + "-"}};
    call.sink_status = 206;
    return Ok();
  };
  const Result<HttpResponse> done = Perform(call, sink);
  if (!refused.ok()) return refused;
  if (!done.ok()) return done.error();
  return Ok();
}

Status Client::Remove(const std::string& key) { return OkIfNotFound(Perform({.method = "DELETE", .key = key})); }

Status Client::List(const std::string& prefix, FunctionRef<Status(const std::string& key)> each) {
  Fields query = {{"list-type", "2"}, {"max-keys", std::to_string(options_.list_page)}, {"prefix", prefix}};
  for (std::string from;;) {
    Fields page = query;
    if (!from.empty()) page.emplace_back("continuation-token", from);
    SEKISHO_TRY(const HttpResponse listed, Perform({.method = "GET", .key = "", .query = page}));
    for (const std::string& key : XmlTexts(listed.body, "Key")) SEKISHO_RETURN_IF_ERROR(each(key));
    if (XmlText(listed.body, "IsTruncated") != "true") return Ok();
    std::string next = XmlText(listed.body, "NextContinuationToken");
    if (next.empty() || next == from) return MakeError(Code::kUnavailable, "object store: a listing without end");
    from = std::move(next);
  }
}

Status Client::ListUploads(const std::string& prefix,
                           FunctionRef<Status(const std::string& key, const std::string& upload)> each) {
  const Fields query = {{"max-uploads", std::to_string(options_.list_page)}, {"prefix", prefix}, {"uploads", ""}};
  for (std::string from_key, from_upload;;) {
    Fields page = query;
    if (!from_key.empty()) page.emplace_back("key-marker", from_key);
    if (!from_upload.empty()) page.emplace_back("upload-id-marker", from_upload);
    SEKISHO_TRY(const HttpResponse listed, Perform({.method = "GET", .key = "", .query = page}));
    const auto keys = XmlTexts(listed.body, "Key"), uploads = XmlTexts(listed.body, "UploadId");
    if (keys.size() != uploads.size())
      return MakeError(Code::kUnavailable, "object store: a listing that makes no sense");
    for (size_t i = 0; i < keys.size(); ++i) SEKISHO_RETURN_IF_ERROR(each(keys[i], uploads[i]));
    if (XmlText(listed.body, "IsTruncated") != "true") return Ok();
    std::string key = XmlText(listed.body, "NextKeyMarker"), upload = XmlText(listed.body, "NextUploadIdMarker");
    if (key.empty() || (key == from_key && upload == from_upload)) {
      return MakeError(Code::kUnavailable, "object store: a listing without end");
    }
    from_key = std::move(key);
    from_upload = std::move(upload);
  }
}

void Client::Cancel() {
  {
    const std::scoped_lock lock(mutex_);
    http_.Cancel();
  }
  cancelled_.notify_all();
}

Result<HttpResponse> Client::Perform(Call call) {
  return Perform(call, [](std::string_view) { return Ok(); });
}

Result<HttpResponse> Client::Perform(Call& call, Http::Sink sink) {
  for (int attempt = 1;; ++attempt) {
    const long expected = call.sink_status;
    Result<HttpResponse> response = Attempt(call, sink);
    if (response.ok() && response->status >= 200 && response->status < 300) {
      if (expected < 0 || response->status == expected) return response;
      return MakeError(Code::kUnavailable, "object store: a range was asked for, and all came");
    }
    const Error error = response.ok() ? RefusalError(call.method, *response) : response.error();
    const bool may_try = error.retry == Retry::kLater && error.code != Code::kExhausted &&
                         (call.idempotent || (response.ok() && IsBusy(*response)));
    if (!may_try || attempt == options_.attempts) return error;
    SEKISHO_RETURN_IF_ERROR(Pause(attempt));
  }
}

Result<HttpResponse> Client::Attempt(const Call& call, Http::Sink sink) {
  const TimePoint now = clock_.Now();
  Signable signable{.method = call.method,
                    .path = "/" + options_.bucket + (call.key.empty() ? "" : "/" + call.key),
                    .query = call.query,
                    .headers = call.headers,
                    .payload_sha256 = HexEncode(crypto::Sha256(call.body))};
  signable.headers.emplace_back("Host", authority_);
  signable.headers.emplace_back("x-amz-content-sha256", signable.payload_sha256);
  signable.headers.emplace_back("x-amz-date", AmzDate(now));

  HttpRequest request{.method = call.method,
                      .url = options_.endpoint + UriEncode(signable.path, Slash::kKept),
                      .headers = {},
                      .body = call.body};
  if (!call.query.empty()) request.url += "?" + CanonicalQuery(call.query);
  for (const auto& [name, value] : signable.headers) request.headers.push_back(name + ": " + value);
  request.headers.push_back("Authorization: " + Authorization(options_.signer, signable, now));
  request.headers.emplace_back("Content-Type: application/octet-stream");
  request.headers.emplace_back("Expect:");  // a refusal is rare; don't wait for leave to send
  return http_.Perform(request, call.sink_status, sink);
}

Status Client::Pause(int attempt) {
  std::unique_lock lock(mutex_);
  if (cancelled_.wait_for(lock, BackOff(options_.first_pause, attempt, RandomUnit()),
                          [this] { return http_.cancelled(); })) {
    return MakeError(Code::kCancelled, "the process is stopping");
  }
  return Ok();
}

}  // namespace sekisho::content::s3
