/* The files of a tenant as a whole: what may be among them, going through them, bringing them from
 * elsewhere, removing them. For archives and for the end of a tenant; no request comes here. */
#include "base.h"
#include "platform/files_priv.h"

#include <dirent.h>

#define HEX "0123456789abcdef"

/* What a room may hold. Labels are those of src/actions/upload.c; without any a name is 32 digits.
 * The sizes are in files.h. */
static const struct room {
    const char *name;
    const char *labels[4];
    unsigned kinds;
    int64_t max;
} rooms[] = {
    {FILES_BRANDING,
     {"logo", "background", "favicon"},
     FILE_IMAGES | FILE_ICO,
     FILES_PICTURE_MAX},
    {FILES_RECEIPTS, {NULL}, FILE_IMAGES | FILE_PDF, FILES_RECEIPT_MAX},
    {FILES_EVIDENCE, {NULL}, FILE_IMAGES, FILES_PICTURE_MAX},
};

static const struct room *room_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(rooms); i++)
        if (strcmp(rooms[i].name, name) == 0)
            return &rooms[i];
    return NULL;
}

/* For who runs a command: what could not be done, and why; always false. */
static bool cannot(struct err *err, const char *what, const char *room, const char *name)
{
    return err_set(err, ERR_STORAGE, "Cannot %s the file %s%s%s of the tenant: %s", what, room,
                   *name ? "/" : "", name, strerror(errno));
}

/* --- what may be there ----------------------------------------------------------------------- */

static bool digits_and_kind(const struct room *room, const char *text, size_t digits)
{
    return strspn(text, HEX) == digits && text[digits] == '.' &&
           (file_kind_of_name(text) & room->kinds) && !strchr(text + digits + 1, '.');
}

static bool name_fits(const struct room *room, const char *tenant_id, const char *name)
{
    char folder[FILE_FOLDER_SIZE], start[FILE_NAME_SIZE];

    if (!files_name_ok(name))
        return false;
    if (!room->labels[0])
        return digits_and_kind(room, name, 32);
    files_folder(tenant_id, folder);
    for (size_t i = 0; room->labels[i]; i++) {
        snprintf(start, sizeof start, "%s_%s_", room->labels[i], folder);
        if (strncmp(name, start, strlen(start)) == 0)
            return digits_and_kind(room, name + strlen(start), 16);
    }
    return false;
}

const char *files_unfit(const char *tenant_id, const char *room, const char *name, int64_t bytes,
                        const char *head, size_t len)
{
    const struct room *in = room_of(room);

    if (!in)
        return "it is in no folder of the server's";
    if (!name_fits(in, tenant_id, name))
        return "this is no name that the server gives to a file of this business";
    if (bytes <= 0)
        return "it is empty";
    if (bytes > in->max)
        return "it is larger than any file that the server takes";
    if (head && file_kind_of(head, len) != file_kind_of_name(name))
        return "it is not of the kind that its name says";
    return NULL;
}

void files_name_of(const char *from_id, const char *to_id, const char *name,
                   char out[static FILE_NAME_SIZE])
{
    char from[FILE_FOLDER_SIZE], to[FILE_FOLDER_SIZE];
    const char *owner = strchr(name, '_');
    size_t len;

    files_folder(from_id, from);
    files_folder(to_id, to);
    len = strlen(from);
    if (owner && strncmp(owner + 1, from, len) == 0 && owner[1 + len] == '_')
        snprintf(out, FILE_NAME_SIZE, "%.*s_%s%s", (int)(owner - name), name, to,
                 owner + 1 + len);
    else
        snprintf(out, FILE_NAME_SIZE, "%s", name);
}

/* --- going through --------------------------------------------------------------------------- */

/* The folder of all; -1 when it is not on this host. */
static int open_base(const struct conf *conf, struct err *err)
{
    int fd = open(conf->files_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        err_set(err, ERR_STATE,
                "The folder of files, %s (ERP_FILES_DIR), cannot be opened on this host: %s",
                conf->files_dir, strerror(errno));
    return fd;
}

/* -1 with errno. */
static int open_tenant(int base, const char *tenant_id)
{
    char folder[FILE_FOLDER_SIZE];

    files_folder(tenant_id, folder);
    return files_open_folder(base, folder, false);
}

bool files_here(const struct conf *conf, bool write, struct err *err)
{
    int base = open_base(conf, err);
    bool ok = base >= 0;

    if (ok && write && faccessat(base, ".", W_OK | X_OK, AT_EACCESS) != 0)
        ok = err_set(err, ERR_STATE,
                     "Nothing can be changed in the folder of files, %s (ERP_FILES_DIR): %s",
                     conf->files_dir, strerror(errno));
    if (base >= 0)
        close(base);
    return ok;
}

bool files_there(const struct conf *conf, const char *tenant_id)
{
    int base = open(conf->files_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int tenant = base < 0 ? -1 : open_tenant(base, tenant_id);

    if (tenant >= 0)
        close(tenant);
    if (base >= 0)
        close(base);
    return tenant >= 0;
}

/* The next entry but those of the folder itself; NULL at the end, or with errno. */
static const char *next_name(DIR *dir)
{
    struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(dir);
    } while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    return entry ? entry->d_name : NULL;
}

static bool visit(const struct files_visitor *visitor, int room, const char *room_name,
                  const char *name, struct err *err)
{
    int fd = openat(room, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    bool ok = true;

    if (fd < 0 && errno == ENOENT)
        visitor->other(visitor->data, room_name, name, "it was removed meanwhile");
    else if (fd < 0 && errno != ELOOP && errno != ENXIO)
        ok = cannot(err, "read", room_name, name);
    else if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        visitor->other(visitor->data, room_name, name, "it is no plain file");
    else
        ok = visitor->file(visitor->data, room_name, name, fd, err);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool walk_room(const struct files_visitor *visitor, int tenant, const char *room_name,
                      struct err *err)
{
    int fd = files_open_folder(tenant, room_name, false);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const char *name;
    bool ok = true;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return errno == ENOENT || cannot(err, "read", room_name, "");
    }
    while (ok && (name = next_name(dir)))
        if (strncmp(name, FILE_FRESH, strlen(FILE_FRESH)) != 0)
            ok = visit(visitor, dirfd(dir), room_name, name, err);
    if (ok && errno != 0)
        ok = cannot(err, "read", room_name, "");
    closedir(dir);
    return ok;
}

static bool walk_tenant(const struct files_visitor *visitor, int fd, struct err *err)
{
    DIR *dir = fdopendir(fd);
    const char *name;
    bool ok = true;

    if (!dir) {
        close(fd);
        return cannot(err, "read", ".", "");
    }
    while (ok && (name = next_name(dir))) {
        if (room_of(name))
            ok = walk_room(visitor, dirfd(dir), name, err);
        else
            visitor->other(visitor->data, name, "", "it is no folder of the server's");
    }
    if (ok && errno != 0)
        ok = cannot(err, "read", ".", "");
    closedir(dir);
    return ok;
}

bool files_walk(const struct conf *conf, const char *tenant_id,
                const struct files_visitor *visitor, struct err *err)
{
    int base = open_base(conf, err), tenant;
    bool ok;

    if (base < 0)
        return false;
    tenant = open_tenant(base, tenant_id);
    if (tenant < 0)
        ok = errno == ENOENT || cannot(err, "read", ".", "");
    else
        ok = walk_tenant(visitor, tenant, err);
    close(base);
    return ok;
}

struct count {
    int64_t n, bytes;
};

static bool count_file(void *data, const char *room ERP_UNUSED, const char *name ERP_UNUSED,
                       int fd, struct err *err ERP_UNUSED)
{
    struct count *count = data;
    struct stat st;

    count->n++;
    count->bytes += fstat(fd, &st) == 0 ? st.st_size : 0;
    return true;
}

static void count_other(void *data ERP_UNUSED, const char *room ERP_UNUSED,
                        const char *name ERP_UNUSED, const char *why ERP_UNUSED)
{
}

bool files_count(const struct conf *conf, const char *tenant_id, int64_t *n, int64_t *bytes,
                 struct err *err)
{
    struct count count = {0};
    const struct files_visitor visitor = {count_file, count_other, &count};
    bool ok = files_walk(conf, tenant_id, &visitor, err);

    *n = count.n;
    *bytes = count.bytes;
    return ok;
}

/* --- bringing -------------------------------------------------------------------------------- */

bool files_in_init(struct files_in *in, const struct conf *conf, const char *tenant_id,
                   struct err *err)
{
    int base = open_base(conf, err);
    char folder[FILE_FOLDER_SIZE];

    *in = (struct files_in){.tenant = -1, .room = -1, .fd = -1};
    if (base < 0)
        return false;
    files_folder(tenant_id, folder);
    in->tenant = files_open_folder(base, folder, true);
    close(base);
    return in->tenant >= 0 || cannot(err, "make", ".", "");
}

static bool enter_room(struct files_in *in, const char *room, struct err *err)
{
    if (in->room >= 0 && strcmp(in->room_name, room) == 0)
        return true;
    if (in->room >= 0)
        close(in->room);
    snprintf(in->room_name, sizeof in->room_name, "%s", room);
    in->room = files_open_folder(in->tenant, room, true);
    return in->room >= 0 || cannot(err, "make", room, "");
}

bool files_in_begin(struct files_in *in, const char *room, const char *name, struct err *err)
{
    if (!room_of(room) || !files_name_ok(name))
        return err_set(err, ERR_BAD_REQUEST, "%.100s/%.200s is no file of a tenant", room, name);
    if (!enter_room(in, room, err))
        return false;
    snprintf(in->name, sizeof in->name, "%s", name);
    files_drop(in->room, name); /* what somebody who was killed had begun */
    in->fd = files_fresh(in->room, name);
    return in->fd >= 0 || cannot(err, "write", room, name);
}

bool files_in_write(struct files_in *in, const void *bytes, size_t len, struct err *err)
{
    return files_write(in->fd, bytes, len) || cannot(err, "write", in->room_name, in->name);
}

bool files_in_end(struct files_in *in, struct err *err)
{
    bool ok = close(in->fd) == 0;

    in->fd = -1;
    ok = ok && files_give_name(in->room, in->name);
    if (!ok)
        files_drop(in->room, in->name);
    return ok || cannot(err, "write", in->room_name, in->name);
}

bool files_in_settle(struct files_in *in, struct err *err)
{
    return syncfs(in->tenant) == 0 || cannot(err, "keep", ".", "");
}

void files_in_release(struct files_in *in)
{
    if (in->fd >= 0) {
        close(in->fd);
        files_drop(in->room, in->name);
    }
    if (in->room >= 0)
        close(in->room);
    if (in->tenant >= 0)
        close(in->tenant);
    *in = (struct files_in){.tenant = -1, .room = -1, .fd = -1};
}

/* --- removing -------------------------------------------------------------------------------- */

/* Everything in a folder of ours, which has one level of rooms with files in them. */
static bool empty_folder(int fd, int depth)
{
    DIR *dir = fdopendir(fd);
    const char *name;
    bool ok = dir != NULL;

    if (!dir)
        close(fd);
    while (ok && (name = next_name(dir))) {
        int inner;

        if (unlinkat(dirfd(dir), name, 0) == 0)
            continue;
        inner = depth > 0 ? files_open_folder(dirfd(dir), name, false) : -1;
        ok = inner >= 0 && empty_folder(inner, depth - 1) &&
             unlinkat(dirfd(dir), name, AT_REMOVEDIR) == 0;
    }
    if (dir)
        closedir(dir);
    return ok;
}

bool files_remove_tenant(const struct conf *conf, const char *tenant_id, struct err *err)
{
    int base = open_base(conf, err), fd;
    char folder[FILE_FOLDER_SIZE];
    bool ok;

    if (base < 0)
        return false;
    files_folder(tenant_id, folder);
    fd = open_tenant(base, tenant_id);
    ok = fd < 0 ? errno == ENOENT
                : empty_folder(fd, 1) && unlinkat(base, folder, AT_REMOVEDIR) == 0;
    ok = ok || cannot(err, "remove", ".", "");
    close(base);
    return ok;
}
