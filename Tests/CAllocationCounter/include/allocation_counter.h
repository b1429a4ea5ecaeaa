// Counts what a thread asks of malloc, in a test binary that links this.
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

// Calls of malloc, calloc, realloc and posix_memalign on the calling thread so far, whoever made
// them: the Swift runtime, C, OpenBLAS. -1 when the counter is not built in (sanitizers have a
// malloc of their own).
long allocation_count(void);

#endif
