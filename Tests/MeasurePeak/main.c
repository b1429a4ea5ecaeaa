// measure-peak FILE COMMAND…: runs a command and writes into FILE its wait status and the most
// memory that was resident, in KiB.
//
// The kernel counts what was resident before exec(2) too: a test's child begins with what the test
// has, this program's with next to nothing.

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  pid_t child = fork();
  if (child < 0) return 71;
  if (child == 0) {
    // A test that gives up on us gives up on the command.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(argv[2], argv + 2);
    _exit(127);
  }
  int status = 0;
  struct rusage usage;
  if (wait4(child, &status, 0, &usage) != child) return 71;
  FILE *file = fopen(argv[1], "w");
  if (!file) return 74;
  fprintf(file, "%d %ld\n", status, usage.ru_maxrss);
  return fclose(file) == 0 ? 0 : 74;
}
