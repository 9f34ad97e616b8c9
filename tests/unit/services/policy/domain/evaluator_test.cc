#include "services/policy/domain/evaluator.h"

#include <gmock/gmock.h>

#include "tests/unit/services/policy/domain/policy_fixture.h"

namespace sekisho::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Part = v1::ContentCondition;

// As examples/demo/policy.yaml.
constexpr char kDemo[] = R"pb(
  partners { name: 'smime' domains: 'partner.example' }
  partners { name: 'zip' domains: 'customer.example' }
  keyword_sets {
    name: 'confidential'
    words: [ '社外秘', 'confidential' ]
  }
  rules {
    id: 'inside'
    when { recipient { scope: INTERNAL } }
    then { pass: true }
  }
  rules {
    id: 'outside'
    when { recipient { scope: UNKNOWN } }
    then { hold_for { seconds: 180 } }
  }
  rules {
    id: 'confidential'
    when {
      recipient { scope: EXTERNAL }
      content { keyword_sets: 'confidential' }
    }
    then { approval {} }
  }
  rules {
    id: 'many'
    when {
      recipient { scope: EXTERNAL }
      count { external_addresses_over: 2 }
    }
    then { to_cc_to_bcc: true }
  }
  rules {
    id: 'smime'
    when { recipient { partner_lists: 'smime' } }
    then { smime_sign: true smime_encrypt: true }
  }
  rules {
    id: 'zip'
    when {
      recipient { partner_lists: 'zip' }
      attachment { any: true }
    }
    then { attachments: ATTACHMENT_SEAL_ZIP_AES256 }
  }
)pb";

AttachmentFacts File(std::string name, mime::FileType type, uint64_t size = 1000) {
  AttachmentFacts file;
  file.place = "attachment 1";
  file.extension = name.substr(name.rfind('.') + 1);
  file.file_name = std::move(name);
  file.type = type;
  file.size = size;
  return file;
}

AttachmentFacts Unreadable(std::string name) {
  AttachmentFacts file = File(std::move(name), mime::FileType::kZip);
  file.encrypted = file.unreadable = file.contains_unknown = true;
  file.why_unreadable = "a password protects it";
  return file;
}

TEST(EvaluatorTest, TheDemoPolicyDoesWhatItSays) {
  const auto policy = Compiled(kDemo);
  EXPECT_EQ(ActionsOfFirst(*policy, MailTo({"jiro@example.jp"})), "pass");
  EXPECT_EQ(ActionsOfFirst(*policy, MailTo({"suzuki@shop.example"})), "hold 3m");
  EXPECT_EQ(ActionsOfFirst(*policy, MailTo({"sato@partner.example"})), "smime-sign+smime-encrypt");
  EXPECT_EQ(ActionsOfFirst(*policy, MailTo({"t@customer.example"})), "pass");

  MailFacts with_file = MailTo({"t@customer.example"});
  with_file.attachments.push_back(File("a.pdf", mime::FileType::kPdf));
  EXPECT_EQ(ActionsOfFirst(*policy, with_file), "zip-aes256");

  MailFacts confidential = MailTo({"suzuki@shop.example"});
  AddText(confidential, Part::SUBJECT, "subject", "Re: ＣＯＮＦＩＤＥＮＴＩＡＬ");
  EXPECT_EQ(ActionsOfFirst(*policy, confidential), "approval");
  EXPECT_THAT(CausesOfFirst(*policy, confidential), ElementsAre("confidential"));

  MailFacts inside = MailTo({"jiro@example.jp"});
  AddText(inside, Part::SUBJECT, "subject", "社外秘");
  EXPECT_EQ(ActionsOfFirst(*policy, inside), "pass");
  EXPECT_THAT(CausesOfFirst(*policy, inside), IsEmpty());

  MailFacts many = MailTo({"a@shop.example"});
  many.visible_addresses = {"a@shop.example", "b@shop.example", "jiro@example.jp", "A@Shop.Example"};
  EXPECT_EQ(ActionsOfFirst(*policy, many), "hold 3m");
  many.visible_addresses.push_back("c@other.example");
  EXPECT_EQ(ActionsOfFirst(*policy, many), "hold 3m+bcc");
  EXPECT_THAT(CausesOfFirst(*policy, many), ElementsAre("outside", "many"));
}

// CVE-2002-2408: a recipient behind a harmless first one is judged all the same.
TEST(EvaluatorTest, EveryRecipientIsJudged) {
  const auto policy = Compiled(kDemo);
  std::vector<std::string> recipients(300, "jiro@example.jp");
  recipients.push_back("suzuki@shop.example");
  const auto decisions = Judged(*policy, MailTo(recipients));
  ASSERT_EQ(decisions.size(), 301u);
  EXPECT_THAT(Actions(decisions[0].treatment), ElementsAre("pass"));
  EXPECT_THAT(Actions(decisions[300].treatment), ElementsAre("hold 3m"));
  EXPECT_EQ(decisions[300].recipient, 300u);
}

struct ConditionCase {
  const char* name;
  const char* when;
  bool holds;
};

class ConditionTest : public testing::TestWithParam<ConditionCase> {};

// One mail, rich enough for every condition.
TEST_P(ConditionTest, Holds) {
  const auto policy = Compiled(
      std::string("partners { name: 'p' domains: ['partner.example', '.group.example'] addresses: 'vip@free.example' } "
                  "partners { name: 'q' domains: 'other.example' } "
                  "rules { id: 'r' when { ") +
      GetParam().when + " } then { block: true } }");
  MailFacts mail =
      MailTo({"Sato@partner.example", "x@new.example", "vip@free.example", "y@a.b.group.example", "jiro@example.jp"});
  mail.recipients[1].first_contact = true;
  mail.sender_groups = {"sales", "tokyo"};
  mail.relay = "printer";
  mail.size = 5000;
  mail.visible_addresses = {"sato@partner.example", "x@new.example", "jiro@example.jp"};
  AddText(mail, Part::SUBJECT, "subject", "見積書 No.1234-5678");
  AddText(mail, Part::BODY, "body", "秘密 秘密\n秘密");
  AddText(mail, Part::ATTACHMENT_NAME, "attachment 1 name", "顧客名簿.xlsx");
  AddText(mail, Part::ATTACHMENT_TEXT, "attachment 1", "氏名");
  mail.attachments = {File("顧客名簿.xlsx", mime::FileType::kOoxml, 9000), File("a.pdf.exe", mime::FileType::kPe, 100)};
  mail.attachments[1].name_mismatch = true;
  EXPECT_EQ(ActionsOfFirst(*policy, mail), GetParam().holds ? "block" : "pass");
}

INSTANTIATE_TEST_SUITE_P(
    All, ConditionTest,
    testing::Values(
        ConditionCase{"Partner", "recipient { scope: PARTNER }", true},
        ConditionCase{"External", "recipient { scope: EXTERNAL }", true},
        ConditionCase{"NotUnknown", "recipient { scope: UNKNOWN }", false},
        ConditionCase{"NotInternal", "recipient { scope: INTERNAL }", false},
        ConditionCase{"AnyScope", "recipient { scope: [INTERNAL, PARTNER] }", true},
        ConditionCase{"KnownContact", "recipient { scope: FIRST_CONTACT }", false},
        ConditionCase{"List", "recipient { partner_lists: 'p' }", true},
        ConditionCase{"OtherList", "recipient { partner_lists: 'q' }", false},
        ConditionCase{"AnyList", "recipient { partner_lists: ['q', 'p'] }", true},
        ConditionCase{"Domain", "recipient { domains: 'PARTNER.example' }", true},
        ConditionCase{"Subdomains", "recipient { domains: '.example' }", true},
        ConditionCase{"OnlySubdomains", "recipient { domains: '.partner.example' }", false},
        ConditionCase{"Address", "recipient { addresses: 'sato@partner.example' }", true},
        ConditionCase{"AddressOrDomain", "recipient { addresses: 'no@one.example' domains: 'partner.example' }", true},
        ConditionCase{"ScopeAndDomain", "recipient { scope: PARTNER domains: 'other.example' }", false},
        ConditionCase{"Sender", "sender { addresses: 'Hanako@example.jp' }", true},
        ConditionCase{"OtherSender", "sender { addresses: 'jiro@example.jp' }", false},
        ConditionCase{"Group", "sender { groups: ['board', 'tokyo'] }", true},
        ConditionCase{"OtherGroup", "sender { groups: 'board' }", false},
        ConditionCase{"Relay", "sender { relays: 'printer' }", true},
        ConditionCase{"GroupAndOtherRelay", "sender { groups: 'sales' relays: 'scanner' }", false},
        ConditionCase{"Addresses", "count { external_addresses_over: 1 }", true},
        ConditionCase{"AddressesAtTheEdge", "count { external_addresses_over: 2 }", false},
        ConditionCase{"Domains", "count { external_domains_over: 1 }", true},
        ConditionCase{"DomainsAtTheEdge", "count { external_domains_over: 2 }", false},
        ConditionCase{"Recipients", "count { recipients_over: 4 }", true},
        ConditionCase{"RecipientsAtTheEdge", "count { recipients_over: 5 }", false},
        ConditionCase{"BothCounts", "count { recipients_over: 4 external_domains_over: 2 }", false},
        ConditionCase{"Size", "message_size_over: 4999", true},
        ConditionCase{"SizeAtTheEdge", "message_size_over: 5000", false},
        ConditionCase{"Keyword", "content { keywords: '見積' }", true},
        ConditionCase{"KeywordElsewhere", "content { keywords: '見積' in: BODY }", false},
        ConditionCase{"KeywordInName", "content { keywords: '名簿' in: [SUBJECT, ATTACHMENT_NAME] }", true},
        ConditionCase{"KeywordInAttachment", "content { keywords: '氏名' in: ATTACHMENT_TEXT }", true},
        ConditionCase{"Pattern", "content { patterns: '\\\\d{4}-\\\\d{4}' }", true},
        ConditionCase{"Hits", "content { keywords: '秘密' at_least: 3 }", true},
        ConditionCase{"TooFewHits", "content { keywords: '秘密' at_least: 4 }", false},
        ConditionCase{"HitsOfSeveralTerms", "content { keywords: ['秘密', '見積'] at_least: 4 }", true},
        ConditionCase{"OnePlaceIsOneHit", "content { keywords: ['見積', '見積書'] at_least: 2 }", false},
        ConditionCase{"Type", "attachment { types: 'ooxml' }", true},
        ConditionCase{"TypeGroup", "attachment { types: 'executable' }", true},
        ConditionCase{"MediaType", "attachment { types: 'application/pdf' }", false},
        ConditionCase{"Extension", "attachment { extensions: ['exe', 'scr'] }", true},
        ConditionCase{"OneAttachmentMeetsAll", "attachment { types: 'executable' size_over: 200 }", false},
        ConditionCase{"LargeAttachment", "attachment { size_over: 8999 }", true},
        ConditionCase{"LargeAttachmentAtTheEdge", "attachment { size_over: 9000 }", false},
        ConditionCase{"Mismatch", "attachment { name_mismatch: true }", true},
        ConditionCase{"NotEncrypted", "attachment { encrypted: true }", false},
        ConditionCase{"AnyAttachment", "attachment { any: true }", true},
        ConditionCase{"FieldsAreAnd", "message_size_over: 4999 content { keywords: '無い' }", false},
        ConditionCase{"All", "all { message_size_over: 1 } all { content { keywords: '秘密' } }", true},
        ConditionCase{"AllButOne", "all { message_size_over: 1 } all { content { keywords: '無い' } }", false},
        ConditionCase{"AnyOf", "any { message_size_over: 9999 } any { content { keywords: '秘密' } }", true},
        ConditionCase{"AnyOfNone", "any { message_size_over: 9999 } any { content { keywords: '無い' } }", false},
        ConditionCase{"Not", "not { content { keywords: '無い' } }", true},
        ConditionCase{"NotNot", "not { not { content { keywords: '無い' } } }", false},
        ConditionCase{"Everything",
                      "all { recipient { scope: PARTNER } } any { message_size_over: 9999 } any { not { "
                      "message_size_over: 9999 } }",
                      true}),
    [](const auto& tested) { return tested.param.name; });

TEST(EvaluatorTest, RecipientsStandWhereTheirAddressSays) {
  const auto policy = Compiled(
      "partners { name: 'p' domains: ['partner.example', '.group.example'] addresses: 'vip@free.example' } "
      "rules { id: 'r' when { recipient { scope: PARTNER } } then { block: true } }");
  for (const char* address :
       {"vip@free.example", "VIP@FREE.example", "\"vip\"@free.example", "y@a.b.group.example", "x@partner.example"}) {
    EXPECT_EQ(ActionsOfFirst(*policy, MailTo({address})), "block") << address;
  }
  for (const char* address : {"other@free.example", "y@group.example", "x@sub.partner.example",
                              "x@partner.example.evil.example", "x@example.jp"}) {
    EXPECT_EQ(ActionsOfFirst(*policy, MailTo({address})), "pass") << address;
  }
}

TEST(EvaluatorTest, FirstContactIsAskedForAndOnlyOutside) {
  const auto policy = Compiled("rules { id: 'r' when { recipient { scope: FIRST_CONTACT } } then { confirm: true } }");
  EXPECT_TRUE(policy->asks_first_contact);
  EXPECT_FALSE(Compiled(kDemo)->asks_first_contact);
  MailFacts mail = MailTo({"x@new.example"});
  EXPECT_EQ(ActionsOfFirst(*policy, mail), "pass");
  mail.recipients[0].first_contact = true;
  EXPECT_EQ(ActionsOfFirst(*policy, mail), "confirm");
  mail.recipients[0].address = "x@example.jp";
  EXPECT_EQ(ActionsOfFirst(*policy, mail), "pass");
}

TEST(EvaluatorTest, DisabledRulesDoNothing) {
  EXPECT_EQ(ActionsOfFirst(*Compiled("rules { id: 'r' disabled: true then { block: true } }"), MailTo({"x@a.example"})),
            "pass");
}

TEST(EvaluatorTest, ARuleWithoutWhenIsForEverybody) {
  EXPECT_EQ(ActionsOfFirst(*Compiled("rules { id: 'r' then { block: true } }"), MailTo({"jiro@example.jp"})), "block");
}

TEST(EvaluatorTest, ReasonsSayWhereAndWhat) {
  const auto policy = Compiled(
      "rules { id: 'r' when { content { keywords: '社外秘' patterns: '\\\\d{4} \\\\d{4} \\\\d{4}' } } then { approval "
      "{ } } }");
  MailFacts mail = MailTo({"x@a.example"});
  AddText(mail, Part::BODY, "body", "一行目\n二行目は社外\n秘です\n4111 1111 1111");
  const auto decisions = Judged(*policy, mail);
  EXPECT_THAT(decisions[0].causes[0].findings,
              ElementsAre(Finding{"body line 2", "社外秘"}, Finding{"body line 4", "4111 **** ****"}));
}

TEST(EvaluatorTest, WhoIsToldOnlyWhereNothingElseIs) {
  const auto policy = Compiled(
      "rules { id: 'r' when { recipient { scope: EXTERNAL } sender { groups: 's' } } then { confirm: true } } "
      "rules { id: 't' when { recipient { scope: EXTERNAL } message_size_over: 1 } then { confirm: true } }");
  MailFacts mail = MailTo({"x@a.example"});
  mail.sender_groups = {"s"};
  mail.size = 2;
  const auto decisions = Judged(*policy, mail);
  ASSERT_EQ(decisions[0].causes.size(), 2u);
  EXPECT_THAT(decisions[0].causes[0].findings, ::testing::UnorderedElementsAre(Finding{"recipient", "x@a.example"},
                                                                               Finding{"sender", "hanako@example.jp"}));
  EXPECT_THAT(decisions[0].causes[1].findings, ElementsAre(Finding{"mail", "2 octets"}));
}

TEST(EvaluatorTest, StandardSentencesFillWhatADocumentLeavesOut) {
  const auto policy = Compiled(
      "rules { id: 'r' then { hold_for { seconds: 180 } } } "
      "rules { id: 's' reason { ja: '理由' } then { smime_sign: true } }");
  const auto decisions = Judged(*policy, MailTo({"x@a.example"}));
  const RuleWords& standard = *decisions[0].causes[0].words;
  EXPECT_THAT(standard.reason.ja(), HasSubstr("3分間保留します"));
  EXPECT_THAT(standard.reason.en(), HasSubstr("waits for 3m"));
  EXPECT_THAT(standard.remedy.en(), HasSubstr("release it"));
  EXPECT_EQ(decisions[0].causes[1].words->reason.en(), "理由");
}

// --- What can't be seen is never taken for absent.

constexpr char kLooksInto[] =
    "rules { id: 'r' when { recipient { scope: EXTERNAL } content { keywords: '社外秘' } } then { approval { } } } ";

TEST(EvaluatorTest, AnUnreadableAttachmentHoldsWhereARuleLooksIntoIt) {
  const auto policy = Compiled(kLooksInto);
  MailFacts mail = MailTo({"x@a.example"});
  mail.attachments.push_back(Unreadable("a.zip"));
  EXPECT_EQ(ActionsOfFirst(*policy, mail), "hold unreadable");
  const auto decisions = Judged(*policy, mail);
  EXPECT_EQ(decisions[0].causes[0].words->id, "sekisho-unreadable");
  EXPECT_THAT(decisions[0].causes[0].findings, ElementsAre(Finding{"attachment 1", "a password protects it"}));
}

TEST(EvaluatorTest, AnUnreadableAttachmentPassesWhereNoRuleLooksIntoIt) {
  MailFacts inside = MailTo({"jiro@example.jp"});
  inside.attachments.push_back(Unreadable("a.zip"));
  EXPECT_EQ(ActionsOfFirst(*Compiled(kLooksInto), inside), "pass");
  MailFacts outside = MailTo({"x@a.example"});
  outside.attachments.push_back(Unreadable("a.zip"));
  EXPECT_EQ(
      ActionsOfFirst(
          *Compiled("rules { id: 'r' when { content { keywords: 'x' in: [SUBJECT, BODY] } } then { block: true } }"),
          outside),
      "pass");
}

TEST(EvaluatorTest, ANegatedConditionIsNotTrustedEither) {
  const auto policy = Compiled("rules { id: 'r' when { not { content { keywords: '公開' } } } then { block: true } }");
  MailFacts mail = MailTo({"x@a.example"});
  mail.attachments.push_back(Unreadable("a.zip"));
  EXPECT_EQ(ActionsOfFirst(*policy, mail), "hold unreadable");
}

TEST(EvaluatorTest, WhatIsFoundElsewhereStillCounts) {
  MailFacts mail = MailTo({"x@a.example"});
  mail.attachments.push_back(Unreadable("a.zip"));
  AddText(mail, Part::SUBJECT, "subject", "社外秘");
  EXPECT_EQ(ActionsOfFirst(*Compiled(kLooksInto), mail), "approval");
}

TEST(EvaluatorTest, TypesAreNotKnownInsideAnEncryptedArchive) {
  const auto policy = Compiled("rules { id: 'r' when { attachment { extensions: 'exe' } } then { block: true } }");
  MailFacts mail = MailTo({"x@a.example"});
  mail.attachments.push_back(Unreadable("a.zip"));
  EXPECT_EQ(ActionsOfFirst(*policy, mail), "hold unreadable");
  mail.attachments.push_back(File("b.exe", mime::FileType::kPe));
  EXPECT_EQ(ActionsOfFirst(*policy, mail), "block");
}

TEST(EvaluatorTest, ARuleAboutEncryptedAttachmentsCoversThem) {
  const auto policy =
      Compiled(std::string(kLooksInto) +
               "rules { id: 'zips' when { attachment { encrypted: true } } then { hold_for { seconds: 60 } } }");
  MailFacts mail = MailTo({"x@a.example"});
  mail.attachments.push_back(Unreadable("a.zip"));
  EXPECT_EQ(ActionsOfFirst(*policy, mail), "hold 1m");
  // It covers what it names, nothing else.
  AttachmentFacts broken = File("b.pdf", mime::FileType::kPdf);
  broken.place = "attachment 2";
  broken.unreadable = true;
  mail.attachments.push_back(broken);
  EXPECT_EQ(ActionsOfFirst(*policy, mail), "hold unreadable");
}

TEST(EvaluatorTest, ARuleCoversOnlyTheRecipientsItIsFor) {
  const auto policy = Compiled(std::string("partners { name: 'p' domains: 'p.example' } ") + kLooksInto +
                               "rules { id: 'zips' when { recipient { partner_lists: 'p' } attachment { encrypted: "
                               "true } } then { pass: true } }");
  MailFacts partner = MailTo({"x@p.example"});
  partner.attachments.push_back(Unreadable("a.zip"));
  EXPECT_EQ(ActionsOfFirst(*policy, partner), "pass");
  partner.recipients[0].address = "x@a.example";
  EXPECT_EQ(ActionsOfFirst(*policy, partner), "hold unreadable");
}

// --- Mail that its sender sealed.

std::string Sealed(const std::string& policy, const char* recipient, SenderSeal seal) {
  MailFacts mail = MailTo({recipient});
  mail.seal = seal;
  return ActionsOfFirst(*Compiled(policy), mail);
}

TEST(EvaluatorTest, ClientEncryptionFollowsTheStrictestOfTheListsElseTheDocument) {
  const std::string rule = "rules { id: 'r' then { pass: true } } ";
  const std::string lists =
      "partners { name: 'a' domains: 'p.example' client_encrypted: PASS } "
      "partners { name: 'b' addresses: 'boss@p.example' client_encrypted: APPROVE } "
      "partners { name: 'c' domains: 'q.example' } ";
  EXPECT_EQ(Sealed(rule, "x@a.example", SenderSeal::kEncrypted), "hold unreadable");
  EXPECT_EQ(Sealed(rule, "x@a.example", SenderSeal::kSigned), "pass");
  EXPECT_EQ(Sealed(rule + "client_encrypted: PASS", "x@a.example", SenderSeal::kEncrypted), "pass");
  EXPECT_EQ(Sealed(rule + "client_encrypted: APPROVE", "x@a.example", SenderSeal::kEncrypted), "approval");
  EXPECT_EQ(Sealed(rule + lists, "x@p.example", SenderSeal::kEncrypted), "pass");
  EXPECT_EQ(Sealed(rule + lists, "boss@p.example", SenderSeal::kEncrypted), "approval");
  EXPECT_EQ(Sealed(rule + lists, "x@q.example", SenderSeal::kEncrypted), "hold unreadable");
  EXPECT_EQ(Sealed(rule + lists + "client_encrypted: APPROVE", "x@q.example", SenderSeal::kEncrypted), "approval");
}

TEST(EvaluatorTest, InsideClientEncryptionMattersOnlyWhereARuleMayHold) {
  EXPECT_EQ(Sealed("rules { id: 'r' then { pass: true } }", "jiro@example.jp", SenderSeal::kEncrypted), "pass");
  EXPECT_EQ(Sealed("rules { id: 'r' when { content { keywords: 'x' } } then { block: true } }", "jiro@example.jp",
                   SenderSeal::kEncrypted),
            "hold unreadable");
  EXPECT_EQ(Sealed("rules { id: 'r' when { content { keywords: 'x' in: SUBJECT } } then { block: true } }",
                   "jiro@example.jp", SenderSeal::kEncrypted),
            "pass");
}

TEST(EvaluatorTest, ABodyThatItsSenderSignedIsNotChanged) {
  const std::string rule = "rules { id: 'r' then { smime_encrypt: true } } ";
  EXPECT_EQ(Sealed(rule, "x@a.example", SenderSeal::kNone), "smime-encrypt");
  EXPECT_EQ(Sealed(rule, "x@a.example", SenderSeal::kSigned), "hold unreadable");
  EXPECT_EQ(Sealed(rule + "client_encrypted: PASS", "x@a.example", SenderSeal::kEncrypted), "pass");
  EXPECT_EQ(Sealed("rules { id: 'r' then { to_cc_to_bcc: true } }", "x@a.example", SenderSeal::kSigned), "bcc");
  EXPECT_EQ(Sealed("rules { id: 'r' then { block: true } }", "x@a.example", SenderSeal::kSigned), "block");
}

// --- Look-alikes.

TEST(EvaluatorTest, ALookAlikeIsToldBesideOtherReasons) {
  const auto policy = Compiled(
      "partners { name: 'p' domains: 'partner.example' } "
      "rules { id: 'outside' when { recipient { scope: UNKNOWN } } then { hold_for { seconds: 60 } } }");
  EXPECT_THAT(CausesOfFirst(*policy, MailTo({"x@partnar.example"})), ElementsAre("outside", "sekisho-look-alike"));
  EXPECT_THAT(CausesOfFirst(*policy, MailTo({"x@quite-different.example"})), ElementsAre("outside"));
  const auto decisions = Judged(*policy, MailTo({"x@partnar.example"}));
  EXPECT_EQ(decisions[0].causes[1].findings[0].evidence, "partnar.example resembles partner.example");
}

TEST(EvaluatorTest, ALookAlikeCanBeARule) {
  const auto policy = Compiled(
      "partners { name: 'p' domains: 'partner.example' } "
      "rules { id: 'r' when { recipient { look_alike: true } } then { confirm: true } }");
  EXPECT_EQ(ActionsOfFirst(*policy, MailTo({"x@partnar.example"})), "confirm");
  EXPECT_EQ(ActionsOfFirst(*policy, MailTo({"x@exmaple.jp"})), "confirm");
  EXPECT_EQ(ActionsOfFirst(*policy, MailTo({"x@partner.example"})), "pass");
}

// --- Failures.

TEST(EvaluatorTest, OutOfTimeIsAnError) {
  const auto policy = Compiled("rules { id: 'r' when { content { patterns: 'a+' } } then { block: true } }");
  MailFacts mail = MailTo({"x@a.example"});
  AddText(mail, Part::BODY, "body", "text");
  const auto decisions = Evaluate(*policy, mail, [] { return true; });
  ASSERT_FALSE(decisions.ok());
  EXPECT_EQ(decisions.error().code, Code::kLimit);
}

TEST(EvaluatorTest, WhatCannotBeJudgedIsHeldForEveryRecipient) {
  for (int code = 0; code < kCodeCount; ++code) {
    const auto held = HoldAll(2, MakeError(static_cast<Code>(code), "why"));
    ASSERT_EQ(held.size(), 2u);
    EXPECT_EQ(held[1].recipient, 1u);
    EXPECT_EQ(held[1].treatment.hold(), static_cast<Code>(code) == Code::kMalformed ? mail::v1::HOLD_CLASS_AMBIGUOUS
                                                                                    : mail::v1::HOLD_CLASS_ERROR);
    EXPECT_EQ(held[1].causes[0].findings[0].evidence, "why");
  }
}

TEST(EvaluatorTest, CompilingRefusesAnUnsoundDocument) {
  const auto compiled = CompiledPolicy::Compile(Document(""), OwnDomains(), "v");
  EXPECT_EQ(compiled.error().code, Code::kInvalid);
}

}  // namespace
}  // namespace sekisho::policy
