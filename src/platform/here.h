/* This process, as others of this or another host know it: what they need to tell that one which
 * had begun something is gone. */
#ifndef ERP_PLATFORM_HERE_H
#define ERP_PLATFORM_HERE_H

#include "base.h"

#define HERE_SIZE 128

/* This boot of this machine, and the numbering of processes that ours belongs to. */
void here_place(char out[static HERE_SIZE]);

/* Is the process of this number, of the same place, gone? Also when the number is ours: whoever had
 * it before is. */
bool here_gone(int64_t pid);

#endif
