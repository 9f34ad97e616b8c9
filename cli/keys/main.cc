#include <iostream>

#include "cli/keys/tool.h"

int main(int argc, char** argv) {
  const sekisho::SystemClock clock;
  return sekisho::keys_tool::Run({argv + 1, argv + argc}, clock, std::cout, std::cerr);
}
