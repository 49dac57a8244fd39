/* What the commands about archives of tenants share. */
#ifndef ERP_COMMANDS_ARCHIVE_H
#define ERP_COMMANDS_ARCHIVE_H

#include "commands/platform.h"
#include "platform/archive.h"

#define NO_FILES_OPTION {"no-files", NULL, "leave out what people uploaded", false}

/* A ctl_warn for what is not in an archive that was just made. */
void archive_say_left_out(struct ctl *ctl, const struct archive_facts *facts);

/* "3 files of 4096 bytes", for people; in the arena. */
const char *archive_files_text(const struct ctl *ctl, const struct archive_facts *facts);

#endif
