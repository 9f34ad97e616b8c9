#pragma once
// One TCP connection: in the clear at first, under TLS once asked. It belongs to a loop: every call and every call-back
// is on that loop's thread. At most one read, one write and one opening or handshake are under way at a time.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/net/io_pool.h"
#include "shared/net/tls_context.h"

namespace sekisho::net {

class Stream {
 public:
  // Who is told, while the stream is there. Each call-back may destroy the stream. Errors are kUnavailable, or
  // kUnauthenticated where a certificate does not prove the name asked for; the details name no address.
  class Owner {
   public:
    virtual void OnOpen(Status status) = 0;          // Connect
    virtual void OnSecure(Status status) = 0;        // a handshake
    virtual void OnRead(Result<size_t> octets) = 0;  // 0: the peer has closed its side
    virtual void OnWritten(Status status) = 0;
    virtual void OnDeadline() = 0;  // see SetDeadline

   protected:
    ~Owner() = default;
  };

  explicit Stream(Loop& loop);
  ~Stream();  // closes at once; nothing is called any more
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;

  // A stream whose peer is `other`, a socket of this process for somebody who takes one; they close it. `name`, which
  // no other pair has had, is what their getpeername says (an abstract address, unix(7)).
  struct Pair;
  static Result<Pair> MakePair(Loop& loop, std::string_view name);

  // Set before the first operation. While one is under way the owner is kept alive, even past the stream's end: what it
  // reads into and writes from belongs to it.
  void SetOwner(std::weak_ptr<Owner> owner);

  // `address`: "192.0.2.1" or "2001:db8::1"; names are dns's.
  void Connect(std::string_view address, uint16_t port);

  // What the peer sent in the clear and nobody has read fails the handshake; what was read before it is the caller's to
  // discard.
  void SecureAsServer(const TlsContext& context);
  // `host`: sent as SNI, and what the certificate must name. With `verify` a certificate that does not lead from the
  // trust file to that name fails the handshake; without, verified() tells.
  void SecureAsClient(const TlsContext& context, const std::string& host, bool verify);

  // The memory belongs to the owner, and is left alone until OnRead or OnWritten.
  void Read(char* to, size_t size);
  void Write(std::span<const std::string_view> pieces);  // all of them, gathered

  // OnDeadline is called once `after` has passed, unless the deadline is moved or cleared first. Moving it costs
  // nothing.
  void SetDeadline(Duration after);
  void ClearDeadline();

  // Ends an orderly conversation, with no write under way: what was written arrives, our side is shut, and the peer has
  // a second to close its own. Nothing is called any more.
  static void Finish(Stream stream);

  const std::string& remote_address() const;  // an address literal, without a port; IPv4 even where mapped into IPv6
  bool remote_is_loopback() const;
  const std::string& tls() const;              // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty in the clear
  bool verified() const;                       // the peer's certificate leads from our trust file to the host asked for
  std::vector<std::string> PeerChain() const;  // DER, as the peer sent it, its own certificate first
  std::string PeerCertificateSha256() const;   // lower-case hex; empty when it gave none
  // The DNS names of the peer's certificate when it leads from our trust file, else none. Its common name is not one.
  std::vector<std::string> PeerNames() const;
  Loop& loop() const;

 private:
  friend class Listener;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

struct Stream::Pair {
  Stream stream;
  int other = -1;
};

}  // namespace sekisho::net
