/* One folder a tenant and room, one file a name. Everything is opened by descriptors of its folder
 * and without following links, so that a path is never more than what was made here. */
#include "base.h"
#include "platform/files.h"
#include "core/id.h"
#include "core/log.h"

#include <dirent.h>

#define INTERNAL "/erp-files" /* nginx's location */
#define FOLDER_SIZE 96
#define FRESH ".new-" /* in front of a file's name until it is whole */

static bool plain_name(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= 64 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == len;
}

/* The folder of a tenant: its id, or when that is no plain name, a hash of it. */
static void tenant_folder(const char *tenant_id, char out[static FOLDER_SIZE])
{
    char hex[SHA256_HEX_SIZE];

    if (plain_name(tenant_id)) {
        snprintf(out, FOLDER_SIZE, "%s", tenant_id);
        return;
    }
    sha256_hex(hex, tenant_id, strlen(tenant_id));
    snprintf(out, FOLDER_SIZE, "h-%s", hex);
}

/* Could this be a name of files_store? Anything else must not come near a path. */
static bool name_ok(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    return len > 0 && len < FILE_NAME_SIZE && name[len] == '.' && strlen(name) < FILE_NAME_SIZE &&
           file_kind_of_name(name) != FILE_UNKNOWN && strchr(name + len + 1, '.') == NULL;
}

/* … or of a file that it had not finished? */
static bool written_here(const char *name)
{
    return name_ok(strncmp(name, FRESH, strlen(FRESH)) == 0 ? name + strlen(FRESH) : name);
}

static bool storage(struct err *err, const char *what)
{
    log_event(LOG_LVL_ERROR, "files", "what", what, "detail", strerror(errno), NULL);
    return err_set_retry(err, ERR_STORAGE, 30, "Files cannot be stored right now.");
}

/* A folder below `at`, made when it is not there; -1 with errno. */
static int open_folder(int at, const char *name, bool make)
{
    int fd;

    if (make && mkdirat(at, name, 0750) < 0 && errno != EEXIST)
        return -1;
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && make)
        fsync(at); /* the entry of a new folder lasts too */
    return fd;
}

/* The descriptor of <dir>/<tenant>/<room>; -1 with errno. */
static int open_room(const struct conf *conf, const char *tenant_id, const char *room, bool make)
{
    char folder[FOLDER_SIZE];
    int base, tenant, fd = -1;

    tenant_folder(tenant_id, folder);
    base = open(conf->files_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    tenant = base < 0 ? -1 : open_folder(base, folder, make);
    if (tenant >= 0)
        fd = open_folder(tenant, room, make);
    if (base >= 0)
        close(base);
    if (tenant >= 0)
        close(tenant);
    return fd;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* Beside its place first: a name that is there is a whole file. */
static bool write_file(int room, const char *name, const char *bytes, size_t len)
{
    char fresh[FILE_NAME_SIZE + 8];
    int fd, error;
    bool ok;

    snprintf(fresh, sizeof fresh, FRESH "%s", name);
    fd = openat(room, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return false;
    ok = write_all(fd, bytes, len) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && renameat(room, fresh, room, name) == 0 && fsync(room) == 0;
    error = errno;
    if (!ok)
        unlinkat(room, fresh, 0);
    errno = error;
    return ok;
}

bool files_store(const struct conf *conf, const char *tenant_id, const char *room,
                 const char *label, enum file_kind kind, const char *bytes, size_t len,
                 char name[static FILE_NAME_SIZE], struct err *err)
{
    char folder[FOLDER_SIZE], hex[33];
    int fd = open_room(conf, tenant_id, room, true);
    bool ok;

    if (fd < 0)
        return storage(err, "folder");
    random_hex(hex, 16);
    tenant_folder(tenant_id, folder);
    if (label)
        snprintf(name, FILE_NAME_SIZE, "%s_%s_%.16s.%s", label, folder, hex, file_kind_ext(kind));
    else
        snprintf(name, FILE_NAME_SIZE, "%s.%s", hex, file_kind_ext(kind));
    ok = write_file(fd, name, bytes, len) || storage(err, "write");
    close(fd);
    return ok;
}

/* All of a file; NULL when it is no plain one, larger than `max`, or changes meanwhile. */
static char *read_all(int fd, size_t max, size_t *len)
{
    struct stat st;
    char *bytes = NULL;
    ssize_t n = -1;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 0 || (size_t)st.st_size > max)
        return NULL;
    *len = (size_t)st.st_size;
    bytes = malloc(*len + 1);
    if (bytes != NULL)
        n = read(fd, bytes, *len);
    if (n >= 0 && (size_t)n == *len)
        return bytes;
    free(bytes);
    return NULL;
}

char *files_read(const struct conf *conf, const char *tenant_id, const char *room,
                 const char *name, size_t max, size_t *len)
{
    int folder = name_ok(name) ? open_room(conf, tenant_id, room, false) : -1;
    int fd = folder < 0 ? -1 : openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char *bytes = fd < 0 ? NULL : read_all(fd, max, len);

    if (fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    return bytes;
}

bool files_aged(const struct conf *conf, const char *tenant_id, const char *room, int64_t from_ms,
                int64_t to_ms, struct arena *arena, size_t max, const char ***names, size_t *n,
                struct err *err)
{
    int fd = open_room(conf, tenant_id, room, false);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct stat st;
    int64_t ms;

    *n = 0;
    *names = arena_alloc(arena, max * sizeof **names);
    if (!dir && fd >= 0)
        close(fd);
    if (!dir)
        return errno == ENOENT || storage(err, "look through");
    while (*n < max && (entry = readdir(dir))) {
        if (!written_here(entry->d_name) ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode))
            continue;
        ms = st.st_mtim.tv_sec * INT64_C(1000) + st.st_mtim.tv_nsec / 1000000;
        if (ms >= from_ms && ms < to_ms)
            (*names)[(*n)++] = arena_strdup(arena, entry->d_name);
    }
    closedir(dir);
    return true;
}

void files_remove(const struct conf *conf, const char *tenant_id, const char *room,
                  const char *name)
{
    int fd;

    if (!written_here(name))
        return;
    fd = open_room(conf, tenant_id, room, false);
    if (fd < 0 ? errno != ENOENT : unlinkat(fd, name, 0) < 0 && errno != ENOENT)
        log_event(LOG_LVL_WARN, "files", "what", "remove", "name", name, "detail",
                  strerror(errno), NULL);
    if (fd >= 0)
        close(fd);
}

bool files_send(struct req *req, const char *room, const char *name)
{
    enum file_kind kind = file_kind_of_name(name);
    char folder[FOLDER_SIZE];
    struct stat st;
    int fd = -1;
    bool there;

    if (name_ok(name))
        fd = open_room(&req->app->conf, req->tenant->tenant_id, room, false);
    there = fd >= 0 && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
    if (fd >= 0)
        close(fd);
    if (!there)
        return err_set(req->err, ERR_NOT_FOUND, "There is no such file.");
    tenant_folder(req->tenant->tenant_id, folder);
    req->resp.content_type = file_kind_type(kind);
    resp_header(req, "Content-Disposition",
                arena_printf(req->arena, "%s; filename=\"%s\"",
                             (kind & FILE_IMAGES) ? "inline" : "attachment", name));
    resp_header(req, "X-Accel-Redirect",
                arena_printf(req->arena, INTERNAL "/%s/%s/%s", folder, room, name));
    return true;
}

/* Everything in a folder of ours, which has one level of rooms with files in them. */
static bool empty_folder(int fd, int depth)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    bool ok = dir != NULL;

    if (!dir)
        close(fd);
    while (ok && (entry = readdir(dir))) {
        int inner;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            continue;
        inner = depth > 0 ? openat(dirfd(dir), entry->d_name,
                                   O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
                          : -1;
        ok = inner >= 0 && empty_folder(inner, depth - 1) &&
             unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) == 0;
    }
    if (dir)
        closedir(dir);
    return ok;
}

bool files_remove_tenant(const struct conf *conf, const char *tenant_id, struct err *err)
{
    char folder[FOLDER_SIZE];
    int base = open(conf->files_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
    bool ok;

    tenant_folder(tenant_id, folder);
    fd = base < 0 ? -1 : openat(base, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    ok = fd < 0 ? errno == ENOENT
                : empty_folder(fd, 1) && unlinkat(base, folder, AT_REMOVEDIR) == 0;
    if (base >= 0)
        close(base);
    return ok || storage(err, "remove a tenant's");
}
