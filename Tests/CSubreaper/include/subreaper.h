#ifndef SUBREAPER_H
#define SUBREAPER_H

/// Makes this process the parent of its descendants whose own parent has ended (prctl(2),
/// PR_SET_CHILD_SUBREAPER), which Swift cannot call, since it is variadic. 0, or -1 with errno.
int csr_become_subreaper(void);

#endif
