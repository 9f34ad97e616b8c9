#pragma once
// HTML as a person reads it, for matching and for showing as plain text. A tokeniser, not a browser: it never fails,
// runs in linear time, and errs on the side of more text. Pure, thread safe.

#include <string>
#include <string_view>
#include <vector>

namespace sekisho::text {

struct HtmlText {
  // Visible text, character references decoded; block elements, <br> and rows end a line with LF, cells are parted by a
  // tab. Words that markup cuts are whole ("社<b>外</b>秘"). The alt and title of images and the value of form fields
  // count as text, and so does what hides in conditional comments, since Outlook shows it. Not aware of CSS: hidden
  // text is text.
  std::string text;
  std::vector<std::string> links;  // href, action, src and formaction as decoded, "data:" cut after its media type
  bool has_script = false;         // <script>, an on… handler, or a javascript: link
};

HtmlText ReadHtml(std::string_view utf8);

// The charset that the first KiB of a document claims by <meta>; empty when it claims none.
std::string MetaCharset(std::string_view octets);

}  // namespace sekisho::text
