#include <array>

#include "shared/crypto/digest.h"
#include "shared/mailauth/dkim_signer.h"

namespace sekisho::mailauth {
namespace {

constexpr size_t kBufferOctets = 16 << 10;

// Octets that canonicalisation looks at; runs of all others pass as they are.
constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> special{};
  for (const unsigned char c : {' ', '\t', '\r', '\n'}) special[c] = true;
  return special;
}();

bool IsSpecial(char c) { return kSpecial[static_cast<unsigned char>(c)]; }

}  // namespace

// Line ends and blanks are held back until it shows what follows: at the end of a line or of the body they don't count.
struct DkimBodyHash::State {
  crypto::Sha256Stream digest;
  std::string buffer;
  size_t line_ends = 0;
  bool blank = false;
  bool carriage_return = false;
  bool anything = false;

  void Add(std::string_view octets) {
    if (buffer.size() + octets.size() > kBufferOctets) {
      digest.Update(buffer);
      buffer.clear();
    }
    if (octets.size() > kBufferOctets) {
      digest.Update(octets);
    } else {
      buffer += octets;
    }
  }

  void Content(std::string_view octets) {
    for (; line_ends > 0; --line_ends) Add("\r\n");
    if (blank) Add(" ");
    blank = false;
    anything = true;
    Add(octets);
  }

  // Handles the special octet at the front; a CR decides only with the octet after it.
  void Special(char c) {
    if (carriage_return) {
      carriage_return = false;
      if (c == '\n') {
        blank = false;
        ++line_ends;
        return;
      }
      Content("\r");
    }
    if (c == '\r') {
      carriage_return = true;
    } else if (c == '\n') {
      Content("\n");
    } else {
      blank = true;
    }
  }
};

DkimBodyHash::DkimBodyHash() : state_(std::make_unique<State>()) { state_->buffer.reserve(kBufferOctets); }
DkimBodyHash::DkimBodyHash(DkimBodyHash&&) noexcept = default;
DkimBodyHash& DkimBodyHash::operator=(DkimBodyHash&&) noexcept = default;
DkimBodyHash::~DkimBodyHash() = default;

void DkimBodyHash::Update(std::string_view body) {
  State& state = *state_;
  for (size_t at = 0; at < body.size();) {
    if (IsSpecial(body[at])) {
      state.Special(body[at++]);
      continue;
    }
    if (state.carriage_return) {
      state.carriage_return = false;
      state.Content("\r");
    }
    size_t end = at + 1;
    while (end < body.size() && !IsSpecial(body[end])) ++end;
    state.Content(body.substr(at, end - at));
    at = end;
  }
}

std::string DkimBodyHash::Finish() {
  State& state = *state_;
  if (state.carriage_return) state.Content("\r");
  if (state.anything) state.Add("\r\n");
  state.digest.Update(state.buffer);
  std::string hash = state.digest.Finish();
  state_.reset();
  return hash;
}

}  // namespace sekisho::mailauth
