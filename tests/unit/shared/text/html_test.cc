#include "shared/text/html.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace sekisho::text {
namespace {

struct Case {
  const char* what;
  std::string html;
  std::string text;
};

TEST(HtmlTest, GivesWhatAPersonReads) {
  const Case cases[] = {
      {"inline markup cuts no word", "<p>社<b>外</b><span>秘</span></p>", "社外秘\n"},
      {"blocks are lines", "<div>a</div><div>b</div>", "a\nb\n"},
      {"breaks", "a<br>b<br/>c", "a\nb\nc"},
      {"cells", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a\tb\nc\n"},
      {"blanks", "  a \n b  ", "a b"},
      {"a source line between ideographs", "社外\r\n秘", "社外秘"},
      {"preformatted", "<pre>a\nb</pre>", "a\nb\n"},
      {"references", "&lt;&amp;&gt; &#31038;&#x5916;&nbsp;&copy;", "<&> 社外\u00A0©"},
      {"references without semicolon", "a&ampb &copy2026 &unknown &", "a&b ©2026 &unknown &"},
      {"reference out of range", "&#x110000;&#0;", "\uFFFD\uFFFD"},
      {"style and script", "<style>p{}</style>a<script>var b='<p>';</script>c", "ac"},
      {"comment", "a<!-- hidden -->b<!--->c<!-->d<!-- x --!>e", "abcde"},
      {"Outlook's comment", "<!--[if mso]><p>mso</p><![endif]-->x", "mso\nx"},
      {"literal less-than", "1 < 2 <3", "1 < 2 <3"},
      {"attributes as text", "<img alt=\"社外秘\"><input value='v'>", "社外秘 v"},
      {"greater-than in an attribute", "<a title=\"x>y\" href=z>t</a>", "x>y t"},
      {"unclosed comment stays text", "a<!-- b", "a<!-- b"},
      {"unclosed tag stays text", "a<b title=\"c", "a<b title=\"c"},
      {"unclosed script stays text", "<script>secret", "secret"},
      {"upper case", "<P>A</P><SCRIPT>x</SCRIPT>", "A\n"},
      {"title", "<head><title>T</title></head><body>B</body>", "T\nB\n"},
  };
  for (const Case& c : cases) EXPECT_EQ(ReadHtml(c.html).text, c.text) << c.what;
}

TEST(HtmlTest, ListsWhereLinksLead) {
  const HtmlText html = ReadHtml(
      "<a href='https://example.jp/?a=1&amp;b=2'>x</a><img src=cid:1><form action=http://f>"
      "<img src=\"data:image/png;base64,AAAA\">");
  EXPECT_EQ(html.links,
            (std::vector<std::string>{"https://example.jp/?a=1&b=2", "cid:1", "http://f", "data:image/png;base64"}));
  EXPECT_FALSE(html.has_script);
}

TEST(HtmlTest, SeesScript) {
  for (const char* html :
       {"<script>1</script>", "<SCRIPT src=x></SCRIPT>", "<img onerror=x>", "<a href=' java\nscript:x'>"}) {
    EXPECT_TRUE(ReadHtml(html).has_script) << html;
  }
  EXPECT_FALSE(ReadHtml("<p>on click, script: <b on>").has_script);
}

TEST(HtmlTest, FindsTheCharsetOfMeta) {
  EXPECT_EQ(MetaCharset("<html><META http-equiv=Content-Type content=\"text/html; charset=Shift_JIS\">"), "shift_jis");
  EXPECT_EQ(MetaCharset("<meta charset='utf-8'>"), "utf-8");
  EXPECT_EQ(MetaCharset("<meta name=x><p>charset=utf-8"), "");
}

// Work must grow with the size, not with its square: 256 KiB of each would take minutes otherwise.
TEST(HtmlTest, HostileMarkupIsLinear) {
  for (const char* unit : {"<", "<!--", "<a ", "<a b=\"", "<script>", "<!--[if", "&", "&#", "&aaaaaaaaaaaaaaa", "</",
                           "<a b='", "<!---", "<p>"}) {
    std::string html;
    while (html.size() < 256 << 10) html += unit;
    const auto begin = std::chrono::steady_clock::now();
    ReadHtml(html);
    ReadHtml(html + ">");
    ReadHtml(html + "\">");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << unit;
  }
}

}  // namespace
}  // namespace sekisho::text
