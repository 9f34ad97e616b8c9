#include "shared/content/s3/http.h"

#include <curl/curl.h>

#include <algorithm>

#include "shared/base/bytes.h"

namespace sekisho::content::s3 {
namespace {

constexpr size_t kMaxIdle = 16;

using List = Handle<curl_slist, curl_slist_free_all>;

// What the callbacks of one request work on.
struct Exchange {
  CURL* easy;
  long sink_status;
  Http::Sink sink;
  const std::atomic<bool>& cancelled;
  HttpResponse response;
  Status failed;  // of the sink, or of the body's size
};

size_t OnHeader(char* octets, size_t, size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const std::string_view line(octets, size);
  if (line.starts_with("HTTP/")) exchange.response.headers.clear();  // an interim answer came before
  if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
    exchange.response.headers[AsciiLower(line.substr(0, colon))] = AsciiTrim(line.substr(colon + 1));
  }
  return size;
}

size_t OnBody(char* octets, size_t, size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  long status = 0;
  curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status == exchange.sink_status) {
    exchange.failed = exchange.sink(std::string_view(octets, size));
  } else if (exchange.response.body.size() + size > Http::kMaxBody) {
    exchange.failed = MakeError(Code::kLimit, "the object store's answer is too long");
  } else {
    exchange.response.body.append(octets, size);
  }
  return exchange.failed.ok() ? size : 0;
}

int OnProgress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(context)->cancelled ? 1 : 0;
}

Error CurlError(CURLcode code) {
  const std::string detail = std::string("object store: ") + curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return MakeError(Code::kTimeout, detail);
    case CURLE_ABORTED_BY_CALLBACK:
      return MakeError(Code::kCancelled, "the process is stopping");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return MakeError(Code::kUnauthenticated, detail);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return MakeError(Code::kInvalid, detail);
    default:
      return MakeError(Code::kUnavailable, detail);
  }
}

long Milliseconds(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

void SetMethod(CURL* easy, const HttpRequest& request) {
  if (request.method == "PUT" || request.method == "POST") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data() == nullptr ? "" : request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  } else {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void SetLimits(CURL* easy, const HttpOptions& options) {
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(options.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, Milliseconds(options.request_timeout));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, std::max(1L, Milliseconds(options.request_timeout) / 4000));
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);  // as it was signed
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
}

void SetCallbacks(CURL* easy, Exchange& exchange) {
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &exchange);
}

}  // namespace

Http::Http(HttpOptions options) : options_(std::move(options)) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  SEKISHO_CHECK(global == CURLE_OK);
}

Http::~Http() = default;

Result<HttpResponse> Http::Perform(const HttpRequest& request, long sink_status, Sink sink) {
  Easy easy = Take();
  Exchange exchange{easy.get(), sink_status, sink, cancelled_, {}, Ok()};
  List headers;
  for (const std::string& header : request.headers) {
    curl_slist* const longer = curl_slist_append(headers.get(), header.c_str());
    SEKISHO_CHECK(longer != nullptr);
    static_cast<void>(headers.release());
    headers.reset(longer);
  }
  SetLimits(easy.get(), options_);
  SetMethod(easy.get(), request);
  SetCallbacks(easy.get(), exchange);
  curl_easy_setopt(easy.get(), CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  const CURLcode code = curl_easy_perform(easy.get());
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &exchange.response.status);
  GiveBack(std::move(easy));
  if (!exchange.failed.ok()) return exchange.failed.error();
  if (code != CURLE_OK) return CurlError(code);
  return std::move(exchange.response);
}

Http::Easy Http::Take() {
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      Easy easy = std::move(idle_.back());
      idle_.pop_back();
      return easy;
    }
  }
  Easy easy(curl_easy_init());
  SEKISHO_CHECK(easy != nullptr);
  return easy;
}

void Http::GiveBack(Easy easy) {
  curl_easy_reset(easy.get());  // its connections stay
  const std::scoped_lock lock(mutex_);
  if (idle_.size() < kMaxIdle) idle_.push_back(std::move(easy));
}

}  // namespace sekisho::content::s3
