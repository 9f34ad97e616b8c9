#pragma once
// The certificates of a deployment's services, made on the spot, as files.

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "sekisho/config/v1/config.pb.h"
#include "shared/testing/pki.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::rpc {

class ServicePki {
 public:
  // The times are the machine's: the libraries know no other.
  static TimePoint Now() { return std::chrono::time_point_cast<TimePoint::duration>(std::chrono::system_clock::now()); }

  ServicePki() { Write("ca.pem", ca_.certificate_pem()); }

  // A certificate for `host` by our CA, or by `other_ca`; the keys of the configuration that name its files.
  config::v1::Tls Issue(const std::string& host, bool other_ca = false,
                        TimePoint until = Now() + std::chrono::hours(1)) {
    testing::CertificateRequest request;
    request.common_name = "intake";  // whoever reads this rather than the alternative names is wrong
    request.hosts = {host, "machine-7.example"};
    request.extended_key_usage = "serverAuth,clientAuth";
    request.not_before = Now() - std::chrono::hours(2);
    request.not_after = until;
    const auto issued = (other_ca ? other_ca_ : ca_).Issue(request);
    const std::string name = host + "-" + std::to_string(++issued_);
    config::v1::Tls tls;
    tls.set_certificate_file(Write(name + ".pem", issued.certificate_pem));
    tls.set_key_file(Write(name + ".key", issued.key_pem));
    tls.set_client_ca_file(folder_ / "ca.pem");
    return tls;
  }

  // Writes a file whole or not at all, as whoever renews certificates should.
  std::string Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(folder_.path()) / name, made = path.string() + ".new";
    std::ofstream(made) << text;
    std::filesystem::permissions(made, std::filesystem::perms(0600));
    std::filesystem::rename(made, path);
    return path;
  }

 private:
  testing::TemporaryFolder folder_;
  const testing::TestCa ca_{"services", Now() - std::chrono::hours(3), Now() + std::chrono::hours(3)};
  const testing::TestCa other_ca_{"others", Now() - std::chrono::hours(3), Now() + std::chrono::hours(3)};
  int issued_ = 0;
};

}  // namespace sekisho::rpc
