#include "cli/app.h"

int main(int argc, char** argv) { return sekisho::cli::Main(argc, argv); }
