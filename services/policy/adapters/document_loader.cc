#include "services/policy/adapters/document_loader.h"

#include "services/policy/domain/document.h"
#include "shared/base/bytes.h"
#include "shared/crypto/digest.h"

namespace sekisho::policy {
namespace {

constexpr size_t kVersionDigits = 12;

}  // namespace

LoadedDocument LoadDocument(std::string_view yaml, const std::string& file,
                            const std::vector<std::string>& own_domains) {
  LoadedDocument loaded;
  loaded.version = HexEncode(crypto::Sha256(yaml)).substr(0, kVersionDigits);
  v1::PolicyDocument document;
  config::SourceMap source;
  loaded.problems = config::Load(yaml, file, document, source);
  if (!loaded.problems.empty()) return loaded;
  loaded.name = document.name();
  for (Problem& problem : CheckDocument(document, own_domains)) {
    config::Place place = source.At(problem.path);
    loaded.problems.push_back({file, place, std::move(problem.path), std::move(problem.message)});
  }
  if (!loaded.problems.empty()) return loaded;
  auto compiled = CompiledPolicy::Compile(document, own_domains, loaded.version);
  if (compiled.ok()) {
    loaded.policy = *std::move(compiled);
  } else {
    loaded.problems.push_back({file, {}, "", compiled.error().detail});
  }
  return loaded;
}

}  // namespace sekisho::policy
