#include "shared/runtime/separate.h"

int main(int argc, char** argv) {
  return sekisho::runtime::Main(
      argc, argv, sekisho::runtime::SeparateProgram("sekisho-policy", "Judges each mail and splits it into parcels."));
}
