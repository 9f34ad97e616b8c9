#pragma once
// How treatments combine, what they mean for a parcel's way, and how they are said. Pure.

#include <string>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "sekisho/policy/v1/policy.pb.h"

namespace sekisho::policy {

using mail::v1::Treatment;

// What a rule asks for.
Treatment TreatmentOf(const v1::Then& then);

// The strictest of both, field by field: the higher hold class (error > ambiguous > unreadable > approval > confirm >
// timed), the longer wait, the shorter expiry, any demand over none. A block makes all else needless and is left alone.
Treatment Strictest(const Treatment& a, const Treatment& b);

// Whether the reason for `part` is a reason for `whole`, which is the strictest of it and others. False where it was
// outdone: of what a block leaves undone, of the shorter wait, of a wait where a person decides.
bool ContributesTo(const Treatment& part, const Treatment& whole);

bool Seals(const Treatment& treatment);  // needs the encryption stage, which writes the body anew

// The stages ahead, in order: APPROVAL where it waits, ENCRYPTION where it is sealed, DELIVERY. Empty when blocked.
std::vector<mail::v1::Stage> SlipOf(const Treatment& treatment);

// For programs: "pass", or "block", "hold 3m", "confirm", "approval", "hold unreadable", "hold ambiguous", "hold
// error", "bcc", "smime-sign", "smime-encrypt", "zip-aes256".
std::vector<std::string> Actions(const Treatment& treatment);
// For people: "it is held for 3m; attachments are encrypted" / "3分間保留します。…".
std::string DescribeEnglish(const Treatment& treatment);
std::string DescribeJapanese(const Treatment& treatment);

}  // namespace sekisho::policy
