#include "services/policy/domain/document.h"

#include <gmock/gmock.h>

#include "tests/unit/services/policy/domain/policy_fixture.h"

namespace sekisho::policy {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct Case {
  const char* name;
  const char* document;
  const char* path;
  const char* message;
};

constexpr char kRule[] = "rules { id: 'r' then { pass: true } }";

class DocumentTest : public testing::TestWithParam<Case> {};

TEST_P(DocumentTest, NamesPlaceAndRemedy) {
  const auto problems = CheckDocument(Document(GetParam().document), OwnDomains());
  ASSERT_EQ(problems.size(), 1u) << (problems.empty() ? "no problem" : problems[1].path + ": " + problems[1].message);
  EXPECT_EQ(problems[0].path, GetParam().path);
  EXPECT_THAT(problems[0].message, HasSubstr(GetParam().message));
}

#define WHEN(condition) "rules { id: 'r' when {" condition "} then { pass: true } }"
#define THEN(then) "rules { id: 'r' then {" then "} }"

INSTANTIATE_TEST_SUITE_P(
    All, DocumentTest,
    testing::Values(
        Case{"Empty", "", "", "has no rules"},
        Case{"NoId", "rules { then { pass: true } }", "rules[0].id", "lower-case letters"},
        Case{"UpperCaseId", "rules { id: 'Rule' then { pass: true } }", "rules[0].id", "lower-case letters"},
        Case{"ReservedId", "rules { id: 'sekisho-x' then { pass: true } }", "rules[0].id", "choose another"},
        Case{"IdTwice", "rules { id: 'r' then { pass: true } } rules { id: 'r' then { pass: true } }", "rules[1].id",
             "used twice"},
        Case{"NoThen", "rules { id: 'r' }", "rules[0]", "has no 'then'"},
        Case{"EmptyThen", THEN(""), "rules[0].then", "asks for nothing"},
        Case{"PassAndHold", THEN("pass: true hold_for { seconds: 60 }"), "rules[0].then.pass", "contradicts"},
        Case{"BlockAndSeal", THEN("block: true smime_sign: true"), "rules[0].then.block", "leave one of them out"},
        Case{"ConfirmFalse", THEN("confirm: false"), "rules[0].then.confirm", "leave it out"},
        Case{"HoldForNothing", THEN("hold_for { }"), "rules[0].then.hold_for", "1s to 30d"},
        Case{"HoldForNegative", THEN("hold_for { seconds: -5 }"), "rules[0].then.hold_for", "1s to 30d"},
        Case{"HoldForTooLong", THEN("hold_for { seconds: 2592001 }"), "rules[0].then.hold_for", "1s to 30d"},
        Case{"ExpiryTooShort", THEN("approval { expire_after { seconds: 5 } }"), "rules[0].then.approval.expire_after",
             "1m to 90d"},
        Case{"UnknownKeywordSet",
             "keyword_sets { name: 'confidential' words: 'x' } " WHEN("content { keyword_sets: 'confidental' }"),
             "rules[0].when.content.keyword_sets[0]", "did you mean 'confidential'?"},
        Case{"UnknownPatternSet",
             "pattern_sets { name: 'cards' patterns: 'x' } " WHEN("content { pattern_sets: 'my-number' }"),
             "rules[0].when.content.pattern_sets[0]", "there is: cards"},
        Case{"UnknownPartnerList", WHEN("recipient { partner_lists: 'p' }"), "rules[0].when.recipient.partner_lists[0]",
             "none is defined"},
        Case{"EmptyCondition", WHEN(""), "rules[0].when", "always hold"},
        Case{"EmptyRecipient", WHEN("recipient { }"), "rules[0].when.recipient", "every recipient"},
        Case{"EmptySender", WHEN("sender { }"), "rules[0].when.sender", "asks nothing"},
        Case{"EmptyCount", WHEN("count { }"), "rules[0].when.count", "asks nothing"},
        Case{"EmptyContent", WHEN("content { in: SUBJECT }"), "rules[0].when.content", "looks for nothing"},
        Case{"EmptyAttachment", WHEN("attachment { }"), "rules[0].when.attachment", "any: true"},
        Case{"Impossible",
             "partners { name: 'p' domains: 'a.example' } " WHEN("recipient { scope: UNKNOWN partner_lists: 'p' }"),
             "rules[0].when.recipient", "can never hold"},
        Case{"NestedPlace", WHEN("any { all { not { content { keywords: '\\342\\200\\213' } } } }"),
             "rules[0].when.any[0].all[0].not.content.keywords[0]", "nothing is left"},
        Case{"BadPattern", WHEN("content { patterns: '(' }"), "rules[0].when.content.patterns[0]", "missing )"},
        Case{"BadDomain", WHEN("recipient { domains: 'not a domain' }"), "rules[0].when.recipient.domains[0]",
             "'partner.example'"},
        Case{"BadAddress", WHEN("recipient { addresses: '@a.example' }"), "rules[0].when.recipient.addresses[0]",
             "not an address"},
        Case{"BadType", WHEN("attachment { types: 'excutable' }"), "rules[0].when.attachment.types[0]",
             "did you mean 'executable'?"},
        Case{"BadExtension", WHEN("attachment { extensions: '.exe' }"), "rules[0].when.attachment.extensions[0]",
             "without the dot"},
        Case{"TooManyHits", WHEN("content { keywords: 'x' at_least: 5000 }"), "rules[0].when.content.at_least",
             "write less"},
        Case{"UnnamedList", "partners { domains: 'a.example' } rules { id: 'r' then { pass: true } }",
             "partners[0].name", "has no name"},
        Case{"ListTwice",
             "partners { name: 'p' domains: 'a.example' } partners { name: 'p' domains: 'b.example' } "
             "rules { id: 'r' then { pass: true } }",
             "partners[1].name", "defined twice"},
        Case{"EmptyList", "partners { name: 'p' } rules { id: 'r' then { pass: true } }", "partners[0]",
             "lists nobody"},
        Case{"OwnDomainAsPartner", "partners { name: 'p' domains: 'Example.JP' } rules { id: 'r' then { pass: true } }",
             "partners[0].domains[0]", "INTERNAL"},
        Case{"EmptyKeywordSet", "keyword_sets { name: 'k' } rules { id: 'r' then { pass: true } }", "keyword_sets[0]",
             "no words"},
        Case{"EmptyPatternSet", "pattern_sets { name: 'k' } rules { id: 'r' then { pass: true } }", "pattern_sets[0]",
             "no patterns"},
        Case{"DisabledRulesAreChecked", "rules { id: 'r' disabled: true then { } }", "rules[0].then",
             "asks for nothing"}),
    [](const auto& tested) { return tested.param.name; });

TEST(DocumentCheckTest, AllProblemsAreTold) {
  EXPECT_EQ(CheckDocument(Document("rules { id: 'A' then { } } rules { id: 'B' then { } }"), OwnDomains()).size(), 4u);
}

TEST(DocumentCheckTest, DepthIsBounded) {
  std::string when = "message_size_over: 1";
  for (int i = 0; i < 15; ++i) when = "not { " + when + " }";
  EXPECT_THAT(CheckDocument(Document("rules { id: 'r' when { " + when + " } then { pass: true } }"), OwnDomains()),
              IsEmpty());
  when = "not { not { " + when + " } }";
  EXPECT_EQ(CheckDocument(Document("rules { id: 'r' when { " + when + " } then { pass: true } }"), OwnDomains()).size(),
            1u);
}

TEST(DocumentCheckTest, ASoundDocumentHasNoProblem) {
  EXPECT_THAT(CheckDocument(Document(kRule), OwnDomains()), IsEmpty());
  EXPECT_THAT(CheckDocument(Document(R"pb(
                              partners {
                                name: 'p'
                                domains: [ 'a.example', '.a.example', '例え.jp' ]
                                addresses: 'x@b.example'
                                client_encrypted: PASS
                              }
                              keyword_sets {
                                name: 'k'
                                words: [ '社外秘', 'confiden*' ]
                              }
                              pattern_sets { name: 'n' patterns: '\\d{12}' }
                              rules {
                                id: 'all-together'
                                when {
                                  all {
                                    recipient {
                                      scope: [ EXTERNAL, FIRST_CONTACT ]
                                      partner_lists: 'p'
                                      domains: 'a.example'
                                      addresses: 'y@a.example'
                                      look_alike: true
                                    }
                                  }
                                  any {
                                    content {
                                      keyword_sets: 'k'
                                      pattern_sets: 'n'
                                      keywords: 'w'
                                      patterns: 'p+'
                                      in: [ SUBJECT, BODY ]
                                      at_least: 3
                                    }
                                  }
                                  any {
                                    attachment {
                                      types: [ 'pdf', 'executable', 'image/*', 'application/zip' ]
                                      extensions: 'exe'
                                      size_over: 9
                                      encrypted: true
                                    }
                                  }
                                  not { sender { addresses: 'a@example.jp' groups: 'g' relays: 'r' } }
                                  count { external_addresses_over: 1 external_domains_over: 1 recipients_over: 1 }
                                  message_size_over: 1
                                }
                                then {
                                  approval {}
                                  to_cc_to_bcc: true
                                  smime_sign: true
                                  smime_encrypt: true
                                  attachments: ATTACHMENT_SEAL_ZIP_AES256
                                }
                              })pb"),
                            OwnDomains()),
              IsEmpty());
}

}  // namespace
}  // namespace sekisho::policy
