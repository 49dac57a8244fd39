/* One folder a tenant and room, one file a name. Everything is opened by descriptors of its folder
 * and without following links, so that a path is never more than what was made here. */
#include "base.h"
#include "platform/files_priv.h"
#include "core/id.h"
#include "core/log.h"

#include <dirent.h>

#define INTERNAL "/erp-files" /* nginx's location */

static bool plain_name(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= 64 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == len;
}

void files_folder(const char *tenant_id, char out[static FILE_FOLDER_SIZE])
{
    char hex[SHA256_HEX_SIZE];

    if (plain_name(tenant_id)) {
        snprintf(out, FILE_FOLDER_SIZE, "%s", tenant_id);
        return;
    }
    sha256_hex(hex, tenant_id, strlen(tenant_id));
    snprintf(out, FILE_FOLDER_SIZE, "h-%s", hex);
}

bool files_name_ok(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    return len > 0 && len < FILE_NAME_SIZE && name[len] == '.' && strlen(name) < FILE_NAME_SIZE &&
           file_kind_of_name(name) != FILE_UNKNOWN && strchr(name + len + 1, '.') == NULL;
}

/* … or of a file that it had not finished? */
static bool written_here(const char *name)
{
    bool fresh = strncmp(name, FILE_FRESH, strlen(FILE_FRESH)) == 0;

    return files_name_ok(fresh ? name + strlen(FILE_FRESH) : name);
}

bool files_failed(struct err *err, const char *what)
{
    log_event(LOG_LVL_ERROR, "files", "what", what, "detail", strerror(errno), NULL);
    return err_set_retry(err, ERR_STORAGE, 30, "Files cannot be stored right now.");
}

/* What root brings belongs to who owns the folder: to the workers, like what they bring. */
static bool give_away(int folder, int fd)
{
    struct stat in;

    return geteuid() != 0 ||
           (fstat(folder, &in) == 0 && fchown(fd, in.st_uid, in.st_gid) == 0);
}

/* Modes are those of the workers, whatever the umask of who calls. */
static bool make_folder(int at, const char *name)
{
    mode_t mask = umask(FILES_UMASK);
    bool made = mkdirat(at, name, 0750) == 0;

    umask(mask);
    return made;
}

int files_open_folder(int at, const char *name, bool make)
{
    int fd;

    if (make && !make_folder(at, name) && errno != EEXIST)
        return -1;
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && make && !give_away(at, fd)) {
        close(fd);
        return -1;
    }
    if (fd >= 0 && make)
        fsync(at); /* the entry of a new folder lasts too */
    return fd;
}

int files_open_room(const struct conf *conf, const char *tenant_id, const char *room, bool make)
{
    char folder[FILE_FOLDER_SIZE];
    int base, tenant, fd = -1;

    files_folder(tenant_id, folder);
    base = open(conf->files_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    tenant = base < 0 ? -1 : files_open_folder(base, folder, make);
    if (tenant >= 0)
        fd = files_open_folder(tenant, room, make);
    if (base >= 0)
        close(base);
    if (tenant >= 0)
        close(tenant);
    return fd;
}

bool files_write(int fd, const char *bytes, size_t len)
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

int files_fresh(int room, const char *name)
{
    char fresh[FILE_FRESH_SIZE];
    mode_t mask = umask(FILES_UMASK);
    int fd;

    snprintf(fresh, sizeof fresh, FILE_FRESH "%s", name);
    fd = openat(room, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    umask(mask);
    if (fd >= 0 && !give_away(room, fd)) {
        close(fd);
        files_drop(room, name);
        return -1;
    }
    return fd;
}

void files_drop(int room, const char *name)
{
    char fresh[FILE_FRESH_SIZE];
    int error = errno;

    snprintf(fresh, sizeof fresh, FILE_FRESH "%s", name);
    unlinkat(room, fresh, 0);
    errno = error;
}

bool files_give_name(int room, const char *name)
{
    char fresh[FILE_FRESH_SIZE];

    snprintf(fresh, sizeof fresh, FILE_FRESH "%s", name);
    return renameat(room, fresh, room, name) == 0;
}

/* Beside its place first: a name that is there is a whole file. */
static bool write_file(int room, const char *name, const char *bytes, size_t len)
{
    int fd = files_fresh(room, name);
    bool ok;

    if (fd < 0)
        return false;
    ok = files_write(fd, bytes, len) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && files_give_name(room, name) && fsync(room) == 0;
    if (!ok)
        files_drop(room, name);
    return ok;
}

bool files_store(const struct conf *conf, const char *tenant_id, const char *room,
                 const char *label, enum file_kind kind, const char *bytes, size_t len,
                 char name[static FILE_NAME_SIZE], struct err *err)
{
    char folder[FILE_FOLDER_SIZE], hex[33];
    int fd = files_open_room(conf, tenant_id, room, true);
    bool ok;

    if (fd < 0)
        return files_failed(err, "folder");
    random_hex(hex, 16);
    files_folder(tenant_id, folder);
    if (label)
        snprintf(name, FILE_NAME_SIZE, "%s_%s_%.16s.%s", label, folder, hex, file_kind_ext(kind));
    else
        snprintf(name, FILE_NAME_SIZE, "%s.%s", hex, file_kind_ext(kind));
    ok = write_file(fd, name, bytes, len) || files_failed(err, "write");
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
    int folder = files_name_ok(name) ? files_open_room(conf, tenant_id, room, false) : -1;
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
    int fd = files_open_room(conf, tenant_id, room, false);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct stat st;
    int64_t ms;

    *n = 0;
    *names = arena_alloc(arena, max * sizeof **names);
    if (!dir && fd >= 0)
        close(fd);
    if (!dir)
        return errno == ENOENT || files_failed(err, "look through");
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
    fd = files_open_room(conf, tenant_id, room, false);
    if (fd < 0 ? errno != ENOENT : unlinkat(fd, name, 0) < 0 && errno != ENOENT)
        log_event(LOG_LVL_WARN, "files", "what", "remove", "name", name, "detail",
                  strerror(errno), NULL);
    if (fd >= 0)
        close(fd);
}

bool files_send(struct req *req, const char *room, const char *name)
{
    enum file_kind kind = file_kind_of_name(name);
    char folder[FILE_FOLDER_SIZE];
    struct stat st;
    int fd = -1;
    bool there;

    if (files_name_ok(name))
        fd = files_open_room(&req->app->conf, req->tenant->tenant_id, room, false);
    there = fd >= 0 && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
    if (fd >= 0)
        close(fd);
    if (!there)
        return err_set(req->err, ERR_NOT_FOUND, "There is no such file.");
    files_folder(req->tenant->tenant_id, folder);
    req->resp.content_type = file_kind_type(kind);
    resp_header(req, "Content-Disposition",
                arena_printf(req->arena, "%s; filename=\"%s\"",
                             (kind & FILE_IMAGES) ? "inline" : "attachment", name));
    resp_header(req, "X-Accel-Redirect",
                arena_printf(req->arena, INTERNAL "/%s/%s/%s", folder, room, name));
    return true;
}
