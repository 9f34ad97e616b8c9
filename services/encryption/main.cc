#include "services/encryption/app.h"
#include "shared/distributed/program.h"

int main(int argc, char** argv) {
  return sekisho::runtime::Main(
      argc, argv,
      sekisho::distributed::MakeProgram("Signs and seals.", {"encryption", sekisho::encryption::MakeService}));
}
