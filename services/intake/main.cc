#include "shared/runtime/separate.h"

int main(int argc, char** argv) {
  return sekisho::runtime::Main(
      argc, argv,
      sekisho::runtime::SeparateProgram("sekisho-intake", "The front door: SMTP submission, relays, gRPC."));
}
