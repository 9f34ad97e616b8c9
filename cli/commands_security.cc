// cert import, cert list, password agree, directory hash-password.

#include <iostream>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "sekisho/encryption/v1/encryption.grpc.pb.h"
#include "shared/directory/directory.h"

namespace sekisho::cli {

using encryption::v1::EncryptionService;

namespace {

Json CertificateJson(const encryption::v1::Certificate& certificate) {
  Json json = {{"fingerprint_sha256", certificate.fingerprint_sha256()},
               {"addresses", Json::array()},
               {"subject", certificate.subject()},
               {"issuer", certificate.issuer()},
               {"not_before", TimeText(certificate.not_before())},
               {"not_after", TimeText(certificate.not_after())},
               {"algorithm", certificate.algorithm()},
               {"usable", certificate.usable()},
               {"problem", certificate.problem()}};
  for (const auto& address : certificate.addresses()) json["addresses"].push_back(address);
  return json;
}

std::vector<std::string> CertificateRow(const encryption::v1::Certificate& certificate) {
  return {certificate.addresses().empty() ? "" : certificate.addresses(0), certificate.algorithm(),
          TimeText(certificate.not_after()), certificate.usable() ? "usable" : certificate.problem(),
          certificate.fingerprint_sha256()};
}

void AddImport(CLI::App* cert, Chosen& chosen) {
  auto* import = cert->add_subcommand("import", "Add a recipient's certificate (PEM or DER)");
  auto file = std::make_shared<std::string>();
  auto address = std::make_shared<std::string>();
  import->add_option("file", *file, "The certificate; - is standard input")->required();
  import->add_option("--address", *address, "The recipient, when the certificate names none");
  OnRun(import, chosen, [file, address](Client& client) -> Exit {
    std::string octets;
    if (Exit read = ReadFile(*file, octets); !read.ok()) return read;
    encryption::v1::ImportCertificateRequest request;
    request.set_certificate(octets);
    request.set_address(*address);
    encryption::v1::ImportCertificateResponse response;
    if (Exit done = client.Call<EncryptionService>(&EncryptionService::Stub::ImportCertificate, request, &response);
        !done.ok()) {
      return done;
    }
    if (client.json())
      PrintJson(CertificateJson(response.certificate()));
    else
      PrintTable({"ADDRESS", "KEY", "UNTIL", "STATE", "SHA-256"}, {CertificateRow(response.certificate())});
    return {};
  });
}

}  // namespace

void AddSecurityCommands(CLI::App& app, Chosen& chosen) {
  auto* cert = app.add_subcommand("cert", "Recipients' S/MIME certificates");
  cert->require_subcommand(1);
  AddImport(cert, chosen);
  auto* list = cert->add_subcommand("list", "What is known");
  auto of = std::make_shared<std::string>();
  list->add_option("--address", *of, "Only this recipient's");
  OnRun(list, chosen, [of](Client& client) -> Exit {
    encryption::v1::ListCertificatesRequest request;
    request.set_address(*of);
    encryption::v1::ListCertificatesResponse response;
    if (Exit done = client.Call<EncryptionService>(&EncryptionService::Stub::ListCertificates, request, &response);
        !done.ok()) {
      return done;
    }
    Json json = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : response.certificates()) {
      json.push_back(CertificateJson(one));
      rows.push_back(CertificateRow(one));
    }
    if (client.json())
      PrintJson(json);
    else
      PrintTable({"ADDRESS", "KEY", "UNTIL", "STATE", "SHA-256"}, rows);
    return {};
  });

  auto* password = app.add_subcommand("password", "Passwords agreed with recipients");
  password->require_subcommand(1);
  auto* agree = password->add_subcommand("agree", "Set the ZIP password agreed with a recipient or a domain");
  auto recipient = std::make_shared<std::string>();
  agree->add_option("recipient", *recipient, "An address, or a domain")->required();
  OnRun(agree, chosen, [recipient](Client& client) -> Exit {
    encryption::v1::SetAgreedPasswordRequest request;
    request.set_recipient(*recipient);
    request.set_password(AskPassword("Agreed password: ").Reveal());
    encryption::v1::SetAgreedPasswordResponse response;
    if (Exit done = client.Call<EncryptionService>(&EncryptionService::Stub::SetAgreedPassword, request, &response);
        !done.ok()) {
      return done;
    }
    if (client.json())
      PrintJson({{"recipient", *recipient}, {"id", response.id()}});
    else
      std::cout << "Agreed with " << *recipient << ".\n";
    return {};
  });

  auto* directory = app.add_subcommand("directory", "The directory file");
  directory->require_subcommand(1);
  OnRun(directory->add_subcommand("hash-password", "Print the hash of a password for the directory file"), chosen,
        [](Client& client) -> Exit {
          const Secret<std::string> secret = AskPassword("Password: ");
          if (secret.Reveal().size() < 8) return {kUsage, "a password has 8 characters or more"};
          const std::string hash = directory::HashPassword(secret);
          if (client.json())
            PrintJson({{"password_hash", hash}});
          else
            std::cout << hash << "\n";
          return {};
        });
}

}  // namespace sekisho::cli
