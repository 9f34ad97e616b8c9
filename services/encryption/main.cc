#include "shared/runtime/separate.h"

int main(int argc, char** argv) {
  return sekisho::runtime::Main(argc, argv,
                                sekisho::runtime::SeparateProgram("sekisho-encryption", "Signs and seals."));
}
