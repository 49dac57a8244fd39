/* What reading an archive through gives to whoever will write it into databases. */
#ifndef ERP_PLATFORM_ARCHIVE_CHECK_H
#define ERP_PLATFORM_ARCHIVE_CHECK_H

#include "platform/archive.h"

/* All in the job's arena. */
struct archive_contents {
    bson_t *entry;
    struct tenant tenant; /* the same, read; without db_uri */
    bson_t **collections; /* of collections.bson */
    size_t n_collections;
    const char **emails; /* of the users */
    size_t n_emails, max_emails;
};

/* Reads all members and compares them with the manifest. */
bool archive_check(struct job *job, struct unpack *unpack, struct archive_contents *contents,
                   struct archive_facts *facts);

/* What `archive_write` shall make of an archive. */
struct archive_plan {
    const struct archive_contents *contents;
    struct tenant tenant; /* as it shall be */
    bool copy;            /* tenant_id is rewritten; audit entries and users stay behind */
    bool files;           /* bring them */
};

/* The second reading: every collection with its options and indexes, the users, the files. */
bool archive_write(struct job *job, struct unpack *unpack, const struct archive_plan *plan);

#endif
