// The resolver on libunbound. Its context is touched only by the thread that runs Loop(), so that an answer and its
// cancellation can't race; callers leave their wishes in a queue and wake that thread.

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "shared/base/bytes.h"
#include "shared/base/handle.h"
#include "shared/dns/records.h"
#include "shared/dns/resolver.h"

namespace sekisho::dns {
namespace {

using Context = Handle<ub_ctx, ub_ctx_delete>;
using UnboundResult = Handle<ub_result, ub_resolve_free>;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr int kClassIn = 1;
constexpr int kNoError = 0, kNxDomain = 3;

Result<Answer> ReadResult(int error, const ub_result* result) {
  if (error != 0) return MakeError(Code::kUnavailable, std::string("DNS: ") + ub_strerror(error));
  if (result->bogus != 0) {
    return Error{Code::kCorrupt, Retry::kLater, "DNSSEC: the answer's signatures do not hold"};
  }
  if (result->rcode != kNoError && result->rcode != kNxDomain) {
    return MakeError(Code::kUnavailable, "DNS: the servers failed (rcode " + std::to_string(result->rcode) + ")");
  }
  Answer answer;
  answer.kind = result->havedata != 0   ? Answer::Kind::kRecords
                : result->nxdomain != 0 ? Answer::Kind::kNxDomain
                                        : Answer::Kind::kNoData;
  answer.secure = result->secure != 0;
  answer.ttl = std::chrono::seconds(std::max(result->ttl, 0));
  if (result->canonname != nullptr) answer.canonical_name = AsciiLower(result->canonname);
  if (answer.canonical_name.ends_with('.')) answer.canonical_name.pop_back();
  for (int i = 0; result->havedata != 0 && result->data[i] != nullptr; ++i) {
    answer.rdata.emplace_back(result->data[i], static_cast<size_t>(result->len[i]));
  }
  return answer;
}

class UnboundResolver final : public Resolver {
 public:
  UnboundResolver(Context context, int wake, size_t max_lookups)
      : context_(std::move(context)), wake_(wake), max_lookups_(max_lookups), thread_([this] { Loop(); }) {}

  ~UnboundResolver() override {
    Stop();
    close(wake_);
  }

  Ticket Lookup(std::string name, Type type, Duration limit, Done done) override {
    if (!IsDomainName(name)) {
      done(MakeError(Code::kInvalid, "DNS: not a domain name"));
      return 0;
    }
    const SteadyTime deadline = std::chrono::steady_clock::now() + limit;
    Code refusal = Code::kCancelled;
    {
      const std::scoped_lock lock(mutex_);
      if (!stopping_ && lookups_ < max_lookups_) {
        ++lookups_;
        const Ticket ticket = ++last_ticket_;
        wishes_.push_back({ticket, std::move(name), type, deadline, std::move(done)});
        Wake();
        return ticket;
      }
      if (!stopping_) refusal = Code::kExhausted;
    }
    done(MakeError(refusal, refusal == Code::kCancelled ? "DNS: stopping" : "DNS: too many lookups at once"));
    return 0;
  }

  void Cancel(Ticket ticket) override {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    cancellations_.push_back(ticket);
    Wake();
  }

  void Stop() override {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      Wake();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  struct Wish {
    Ticket ticket;
    std::string name;
    Type type;
    SteadyTime deadline;
    Done done;
  };
  struct Pending {
    UnboundResolver* resolver;
    Ticket ticket;
    int async_id = 0;
    SteadyTime deadline;
    Done done;
  };

  void Wake() {
    const uint64_t one = 1;
    while (write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
    }
  }

  void Loop() {
    pthread_setname_np(pthread_self(), "dns");
    for (;;) {
      std::deque<Wish> wishes;
      std::vector<Ticket> cancellations;
      bool stopping = false;
      {
        const std::scoped_lock lock(mutex_);
        wishes.swap(wishes_);
        cancellations.swap(cancellations_);
        stopping = stopping_;
      }
      for (Wish& wish : wishes) Begin(std::move(wish));
      for (const Ticket ticket : cancellations) Abandon(ticket, Code::kCancelled);
      if (stopping) break;
      Expire();
      Wait();
      ub_process(context_.get());
    }
    while (!pending_.empty()) Abandon(pending_.begin()->first, Code::kCancelled);
  }

  void Wait() {
    pollfd fds[] = {{wake_, POLLIN, 0}, {ub_fd(context_.get()), POLLIN, 0}};
    int timeout = -1;
    if (!deadlines_.empty()) {
      const auto left = deadlines_.begin()->first - std::chrono::steady_clock::now();
      timeout =
          static_cast<int>(std::clamp<int64_t>(std::chrono::ceil<std::chrono::milliseconds>(left).count(), 0, 60'000));
    }
    poll(fds, 2, timeout);
    uint64_t count = 0;
    if ((fds[0].revents & POLLIN) != 0 && read(wake_, &count, sizeof count) < 0)
      SEKISHO_CHECK(errno == EAGAIN || errno == EINTR);
  }

  void Begin(Wish wish) {
    auto pending = std::make_unique<Pending>(Pending{this, wish.ticket, 0, wish.deadline, std::move(wish.done)});
    const int error = ub_resolve_async(context_.get(), wish.name.c_str(), static_cast<int>(wish.type), kClassIn,
                                       pending.get(), &OnAnswer, &pending->async_id);
    if (error != 0) {
      Release();
      return pending->done(MakeError(Code::kUnavailable, std::string("DNS: ") + ub_strerror(error)));
    }
    deadlines_.emplace(pending->deadline, pending->ticket);
    pending_.emplace(wish.ticket, std::move(pending));
  }

  static void OnAnswer(void* argument, int error, ub_result* raw) {
    const UnboundResult result(raw);
    auto* pending = static_cast<Pending*>(argument);
    const auto taken = pending->resolver->Take(pending->ticket);
    if (taken != nullptr) taken->done(ReadResult(error, result.get()));
  }

  void Abandon(Ticket ticket, Code code) {
    const auto pending = Take(ticket);
    if (pending == nullptr) return;  // answered already
    ub_cancel(context_.get(), pending->async_id);
    pending->done(MakeError(code, code == Code::kTimeout ? "DNS: no answer in time" : "DNS: cancelled"));
  }

  void Expire() {
    const SteadyTime now = std::chrono::steady_clock::now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) Abandon(deadlines_.begin()->second, Code::kTimeout);
  }

  std::unique_ptr<Pending> Take(Ticket ticket) {
    const auto found = pending_.find(ticket);
    if (found == pending_.end()) return nullptr;
    std::unique_ptr<Pending> pending = std::move(found->second);
    pending_.erase(found);
    deadlines_.erase({pending->deadline, ticket});
    Release();
    return pending;
  }

  void Release() {
    const std::scoped_lock lock(mutex_);
    --lookups_;
  }

  const Context context_;
  const int wake_;
  const size_t max_lookups_;

  std::mutex mutex_;  // over these
  std::deque<Wish> wishes_;
  std::vector<Ticket> cancellations_;
  size_t lookups_ = 0;
  Ticket last_ticket_ = 0;
  bool stopping_ = false;

  // Loop()'s own.
  std::map<Ticket, std::unique_ptr<Pending>> pending_;
  std::set<std::pair<SteadyTime, Ticket>> deadlines_;

  std::thread thread_;  // last: starts when all else is there
};

Status SetOption(ub_ctx* context, const char* name, const char* value) {
  const int error = ub_ctx_set_option(context, name, value);
  if (error != 0) return MakeError(Code::kInternal, std::string("DNS: option ") + name + " " + ub_strerror(error));
  return Ok();
}

Status Configure(ub_ctx* context, const UnboundOptions& options) {
  ub_ctx_debugout(context, nullptr);  // it would print names to stderr
  ub_ctx_async(context, 1);           // a thread, not a process
  SEKISHO_RETURN_IF_ERROR(SetOption(context, "do-not-query-localhost:", "no"));
  for (const std::string& forwarder : options.forwarders) {
    if (ub_ctx_set_fwd(context, forwarder.c_str()) != 0) {
      return MakeError(Code::kInvalid, "dns.forwarders: not an address: " + forwarder);
    }
  }
  if (options.forwarders.empty()) {
    // A machine without these files asks the root servers.
    ub_ctx_resolvconf(context, nullptr);
    ub_ctx_hosts(context, nullptr);
  }
  if (!options.trust_anchor_file.empty()) {
    if (access(options.trust_anchor_file.c_str(), R_OK) != 0) {
      return MakeError(Code::kNotFound, "dns.trust_anchor_file: can't be read: " + options.trust_anchor_file);
    }
    if (ub_ctx_add_ta_file(context, options.trust_anchor_file.c_str()) != 0) {
      return MakeError(Code::kInvalid, "dns.trust_anchor_file: not a trust anchor: " + options.trust_anchor_file);
    }
  }
  // libunbound reads its configuration when first used: here, so that what is wrong is told at start.
  if (ub_ctx_zone_remove(context, "nothing.invalid") != 0) {
    return MakeError(Code::kInvalid, "dns: the forwarders or the trust anchor can't be used");
  }
  return Ok();
}

}  // namespace

Result<std::unique_ptr<Resolver>> MakeUnbound(const UnboundOptions& options) {
  Context context(ub_ctx_create());
  if (context == nullptr) return MakeError(Code::kInternal, "DNS: libunbound has no context");
  SEKISHO_RETURN_IF_ERROR(Configure(context.get(), options));
  const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) return MakeError(Code::kExhausted, "DNS: no file descriptor");
  return std::unique_ptr<Resolver>(new UnboundResolver(std::move(context), wake, options.max_lookups));
}

}  // namespace sekisho::dns
