#pragma once
// A receiver that takes every mail and remembers it. For tests.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "shared/smtp/server.h"

namespace sekisho::smtp::testing {

struct CollectedMail {
  Peer peer;
  MailFrom from;
  std::vector<RcptTo> recipients;
  std::string content;
};

// What the receivers of a server have seen. Thread safe.
class Collection {
 public:
  void Add(CollectedMail mail) {
    Change([&] { mails_.push_back(std::move(mail)); });
  }
  void Aborted() {
    Change([&] { ++aborted_; });
  }
  void Ended() {
    Change([&] { ++ended_; });
  }

  std::vector<CollectedMail> mails() { return (Lock(), mails_); }
  int aborted() { return (Lock(), aborted_); }
  bool WaitForEnded(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return ended_ >= count; });
  }

 private:
  std::unique_lock<std::mutex> Lock() { return std::unique_lock(mutex_); }
  template <typename Act>
  void Change(Act act) {
    {
      const std::scoped_lock lock(mutex_);
      act();
    }
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<CollectedMail> mails_;
  int aborted_ = 0, ended_ = 0;
};

class CollectingReceiver : public Receiver {
 public:
  explicit CollectingReceiver(Collection& collection) : collection_(collection) {}
  ~CollectingReceiver() override { collection_.Ended(); }

  void OnAuth(const Peer&, std::string login, Secret<std::string> password, Answer answer) override {
    if (login == "hanako" && password.Reveal() == "secret")
      answer(Reply(235, "2.7.0", "welcome"));
    else
      answer(Reply(535, "5.7.8", "the login or the password is wrong"));
  }
  void OnMail(const Peer& peer, const MailFrom& mail, Answer answer) override {
    mail_ = {peer, mail, {}, {}};
    answer(Reply(250, "2.1.0", "ok"));
  }
  void OnRcpt(const RcptTo& rcpt, Answer answer) override {
    if (rcpt.path.mailbox.local_part == "reject") return answer(Reply(550, "5.1.1", "no such user"));
    mail_.recipients.push_back(rcpt);
    answer(Reply(250, "2.1.5", "ok"));
  }
  void OnBegin(Answer answer) override { answer(Reply(354, "", "go")); }
  void OnContent(std::string_view octets, Taken taken) override {
    mail_.content += octets;
    taken(Ok());
  }
  void OnEnd(Answer answer) override {
    collection_.Add(std::exchange(mail_, {}));
    answer(Reply(250, "2.0.0", "accepted"));
  }
  void OnAbort() override { collection_.Aborted(); }

 protected:
  Collection& collection_;
  CollectedMail mail_;
};

}  // namespace sekisho::smtp::testing
