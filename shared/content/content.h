#pragma once
// Keeps the octets of mails, sealed under each mail's key. Content is written once and never changed; records carry its
// reference, digest and size. Small content lies in the database; large in files (local.h) or in an object store
// (s3/distributed.h).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/ids.h"
#include "shared/base/result.h"
#include "shared/keys/keys.h"
#include "shared/store/store.h"

namespace sekisho::content {

using mail::v1::ContentRef;

// Content whose octets are durable (large) or in memory (small), but that no transaction has taken yet.
class Staged {
 public:
  virtual ~Staged() = default;  // not attached: what it staged is removed
  virtual const ContentRef& ref() const = 0;
  // Makes it part of `tx`: durable when that is. May be called again when `tx` is run again.
  virtual Status Attach(store::Tx& tx) = 0;
};

// Takes one content piece by piece; memory stays within a small buffer however large it is. One thread at a time.
class Writer {
 public:
  virtual ~Writer() = default;                           // not finished: nothing remains
  virtual Status Append(std::string_view octets) = 0;    // may block on I/O; errors: kExhausted (no room), kUnavailable
  virtual Result<std::shared_ptr<Staged>> Finish() = 0;  // large content is durable after this: may block on I/O
};

class Store {
 public:
  virtual ~Store() = default;

  // `name` is "d0", "d1-<parcel id>" or "d2-<parcel id>"; the key becomes "<mail id>/<name>".
  virtual std::unique_ptr<Writer> Create(const keys::MailKey& key, const MailId& mail, std::string_view name) = 0;

  // The whole content in clear, its digest checked. Errors: kNotFound (deleted, or its epoch key destroyed), kCorrupt.
  virtual Result<std::shared_ptr<const std::string>> Read(const ContentRef& ref) = 0;

  // Forgets every content of the mail: rows in `tx`, files and objects soon after it is durable.
  virtual Status Remove(store::Tx& tx, const MailId& mail) = 0;

  // Removes files and objects that no row names and that are older than an hour. Gives how many. May take long.
  virtual Result<uint64_t> SweepOrphans() = 0;

  // Octets that may still be written before the configured reserve of the disk is touched; 0 means full. An object
  // store has no end that could be asked for: the largest number.
  virtual uint64_t FreeOctets() const = 0;
};

}  // namespace sekisho::content
